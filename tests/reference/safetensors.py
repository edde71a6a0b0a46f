"""safetensors between PyTorch and this library, without the safetensors package (its format is read and written below).

    python3 safetensors.py make              writes fromPyTorch*.safetensors and fromPyTorch.json
    python3 safetensors.py run IN OUT JSON   loads IN into the network, writes its state to OUT and its outputs to JSON
"""
import json
import struct
import sys

import torch
from torch import nn

DTYPES = {"F64": torch.float64, "F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16, "I64": torch.int64}


def load_file(path):
    with open(path, "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header, data = json.loads(file.read(length)), bytearray(file.read())
    header.pop("__metadata__", None)
    tensors = {}
    for name, entry in header.items():
        (begin, end), dtype = entry["data_offsets"], DTYPES[entry["dtype"]]
        count = (end - begin) // torch.empty((), dtype=dtype).element_size()
        flat = torch.frombuffer(data, dtype=dtype, offset=begin, count=count)
        tensors[name] = flat.reshape(entry["shape"])
    return tensors


def save_file(tensors, path):
    names = {dtype: name for name, dtype in DTYPES.items()}
    header, data = {}, b""
    for name, tensor in tensors.items():
        raw = bytes(tensor.detach().reshape(-1).view(torch.uint8).tolist())
        header[name] = {"dtype": names[tensor.dtype], "shape": list(tensor.shape),
                        "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + data)


def network():
    return nn.Sequential(
        nn.Linear(5, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 6, bias=False), nn.LayerNorm(6), nn.GELU(),
        nn.PReLU(6), nn.Dropout(0.3), nn.Linear(6, 3),
    )


class Classifier(nn.Module):
    """What a model of a user looks like: its layers lie behind a prefix."""

    def __init__(self):
        super().__init__()
        self.letters = nn.Sequential(nn.Embedding(7, 2, padding_idx=0), nn.Flatten(), nn.Linear(6, 2))


def make():
    torch.manual_seed(2026)
    model = network()
    for _ in range(20):
        model(torch.randn(16, 5) * 2 + 1)
    for parameter in model.parameters():
        parameter.data += torch.randn_like(parameter) / 4
    model.eval()
    inputs = torch.randn(4, 5)
    letters = Classifier()
    words = torch.randint(0, 7, (4, 3))
    save_file(model.state_dict(), "fromPyTorch.safetensors")
    halves = {name: t.to(torch.bfloat16 if "bias" in name else torch.float16)
              for name, t in letters.state_dict().items()}
    save_file(halves, "fromPyTorchHalf.safetensors")
    letters.load_state_dict(halves)
    golden = {
        "torch": torch.__version__,
        "inputs": inputs.tolist(),
        "outputs": model(inputs).tolist(),
        "words": words.tolist(),
        "letters": letters.letters(words).tolist(),
    }
    with open("fromPyTorch.json", "w") as file:
        json.dump(golden, file)


def run(source, target, outputs):
    model = network()
    model.load_state_dict(load_file(source))
    model.eval()
    inputs = torch.arange(20, dtype=torch.float32).reshape(4, 5) / 8 - 1
    save_file(model.state_dict(), target)
    with open(outputs, "w") as file:
        json.dump({"torch": torch.__version__, "inputs": inputs.tolist(), "outputs": model(inputs).tolist()}, file)


if sys.argv[1] == "make":
    make()
else:
    run(*sys.argv[2:])

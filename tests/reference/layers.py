"""Golden values for single modules and losses, made by PyTorch: python3 layers.py > layers.json

Everything is stored as numbers (weights and data too, not seeds), so that the tests need no Python. Names of options and
of the state are those of this library.
"""
import json
import re
import sys

import torch
from sklearn.preprocessing import StandardScaler
from torch import nn
from torch.nn import functional as F

from modules import Concat, Residual

torch.manual_seed(2027)
torch.set_num_threads(1)


def stored(tensor):
    values = tensor.detach().double().flatten().tolist()
    return {"shape": list(tensor.shape), "data": [float(f"{value:.9g}") for value in values]}


def camel(name):
    return re.sub(r"_([a-z])", lambda match: match.group(1).upper(), name)


def state(module):
    return {camel(name): stored(value) for name, value in module.state_dict().items()}


class RMSNorm(nn.Module):
    """As torch.nn.RMSNorm computes it, which PyTorch 1.13 does not have yet."""

    def __init__(self, size, eps):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(size))
        self.eps = eps

    def forward(self, x):
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + self.eps) * self.weight


class Standardize(nn.Module):
    """With the mean and the scale that scikit-learn finds."""

    def __init__(self, rows):
        super().__init__()
        found = StandardScaler().fit(rows.double().numpy())
        self.register_buffer("mean", torch.tensor(found.mean_, dtype=torch.float32))
        self.register_buffer("scale", torch.tensor(found.scale_, dtype=torch.float32))

    def forward(self, x):
        return (x - self.mean) / self.scale


def randomized(module):
    """Weights that are not 0 and 1."""
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(torch.randn_like(parameter))
    return module


def module_record(module, inputs, modes):
    record = {"start": state(module), "steps": []}
    for x, mode in zip(inputs, modes):
        module.train(mode == "train")
        module.zero_grad()
        x = x.clone().requires_grad_(x.is_floating_point())
        y = module(x)
        seed = torch.randn_like(y)
        y.backward(seed)
        record["steps"].append({
            "mode": mode,
            "input": stored(x),
            "output": stored(y),
            "seed": stored(seed),
            "inputGradient": stored(x.grad) if x.requires_grad else None,
            "gradients": {camel(name): stored(p.grad) for name, p in module.named_parameters()},
        })
    record["end"] = state(module)
    return record


def batches(*shape):
    return [torch.randn(*shape) * (i + 1) + i for i in range(4)]


TRAINING = ["train", "train", "train", "eval"]
corners = torch.tensor([[-2.0, -1.0, -0.5, 0.0, 0.25], [0.5, 1.0, 1.5, 2.0, 7.0]])
indices = torch.tensor([[3, 0, 3], [1, 2, 3]])
MODULES = {
    "batchNorm": (randomized(nn.BatchNorm1d(5)), batches(6, 5), TRAINING),
    "batchNorm momentum": (randomized(nn.BatchNorm1d(5, eps=0.01, momentum=0.3)), batches(6, 5), TRAINING),
    "batchNorm mean over all": (randomized(nn.BatchNorm1d(5, momentum=None)), batches(6, 5), TRAINING),
    "batchNorm plain": (nn.BatchNorm1d(5, affine=False), batches(6, 5), TRAINING),
    "batchNorm untracked": (
        randomized(nn.BatchNorm1d(5, track_running_stats=False)), batches(6, 5), TRAINING,
    ),
    "batchNorm of signals": (randomized(nn.BatchNorm1d(3)), batches(4, 3, 5), TRAINING),
    "layerNorm": (randomized(nn.LayerNorm(7)), batches(5, 7), TRAINING),
    "layerNorm of two dimensions": (randomized(nn.LayerNorm([3, 4], eps=0.01)), batches(5, 3, 4), TRAINING),
    "layerNorm plain": (nn.LayerNorm(7, elementwise_affine=False), batches(5, 7), TRAINING),
    "rmsNorm": (RMSNorm(7, 2 ** -23), batches(5, 7), TRAINING),
    "rmsNorm eps": (RMSNorm(7, 0.1), batches(2, 5, 7), TRAINING),
    "embedding": (nn.Embedding(6, 5), [indices], ["train"]),
    "embedding with padding": (nn.Embedding(6, 5, padding_idx=3), [indices], ["train"]),
    "prelu": (nn.PReLU(), [corners], ["train"]),
    "prelu of features": (randomized(nn.PReLU(5)), [corners], ["train"]),
    "prelu of signals": (randomized(nn.PReLU(3)), [torch.randn(2, 3, 4)], ["train"]),
    "elu": (nn.ELU(0.7), [corners], ["train"]),
    "selu": (nn.SELU(), [corners], ["train"]),
    "leakyRelu": (nn.LeakyReLU(0.2), [corners], ["train"]),
    "gelu": (nn.GELU(), [corners], ["train"]),
    "silu": (nn.SiLU(), [corners], ["train"]),
    "mish": (nn.Mish(), [corners], ["train"]),
    "softplus": (nn.Softplus(), [corners * 10], ["train"]),
    "softplus beta": (nn.Softplus(2, 3), [corners], ["train"]),
    "hardtanh": (nn.Hardtanh(), [corners], ["train"]),
    "hardtanh bounds": (nn.Hardtanh(-0.5, 1.5), [corners], ["train"]),
    "softmax": (nn.Softmax(-1), [corners], ["train"]),
    "softmax down": (nn.Softmax(0), [corners], ["train"]),
    "logSoftmax": (nn.LogSoftmax(-1), [corners], ["train"]),
    "flatten": (nn.Flatten(), [torch.randn(2, 3, 4)], ["train"]),
    "identity": (nn.Identity(), [corners], ["train"]),
    "residual": (Residual(nn.Sequential(nn.Linear(5, 5), nn.Tanh())), [corners], ["train"]),
    "concat": (Concat([nn.Linear(5, 2), nn.Identity(), nn.Linear(5, 3)]), [corners], ["train"]),
}

ROWS, CLASSES = 7, 4
prediction, target = torch.randn(ROWS, 3) * 2, torch.randn(ROWS, 3)
logits = torch.randn(ROWS, CLASSES) * 3
labels = torch.tensor([0, 3, 1, 1, 2, 0, 3])
ignored = torch.tensor([0, -1, 1, 1, -1, 0, 3])
shares = torch.softmax(torch.randn(ROWS, CLASSES), 1)
holes = shares * torch.tensor([1.0, 0.0, 1.0, 1.0])
classWeight = torch.tensor([0.5, 2.0, 1.25, 0.0])
probabilities = torch.sigmoid(prediction)
signs = torch.sign(target)
binary = (target > 0).float()
soft = torch.sigmoid(target)
rowSigns = torch.tensor([1.0, -1, 1, -1, -1, 1, 1])
first, second, third = (torch.randn(ROWS, 5) for _ in range(3))
near = first + torch.randn(ROWS, 5) * 0.3
posWeight = torch.tensor([2.0, 0.5, 3.0])
weights = torch.rand(ROWS) + 0.2


def hinge(margin):
    return lambda x, t: (margin - t * x).clamp(min=0)


# Name, class and options of this library, the function of PyTorch without reduction, arguments, and how many of them
# get a gradient. For losses that weigh their rows, what each row counts in the mean.
LOSSES = [
    ("mse", "MSELoss", {}, lambda x, t: F.mse_loss(x, t, reduction="none"), [prediction, target], 1, None),
    ("l1", "L1Loss", {}, lambda x, t: F.l1_loss(x, t, reduction="none"), [prediction, target], 1, None),
    ("smoothL1", "SmoothL1Loss", {}, nn.SmoothL1Loss(reduction="none"), [prediction, target], 1, None),
    ("smoothL1 beta", "SmoothL1Loss", {"beta": 0.5}, nn.SmoothL1Loss(reduction="none", beta=0.5), [prediction, target], 1, None),
    ("smoothL1 zero", "SmoothL1Loss", {"beta": 0}, nn.SmoothL1Loss(reduction="none", beta=0), [prediction, target], 1, None),
    ("huber", "HuberLoss", {}, nn.HuberLoss(reduction="none"), [prediction, target], 1, None),
    ("huber delta", "HuberLoss", {"delta": 1.5}, nn.HuberLoss(reduction="none", delta=1.5), [prediction, target], 1, None),
    ("bce", "BCELoss", {}, nn.BCELoss(reduction="none"), [probabilities, binary], 1, None),
    ("bce soft", "BCELoss", {}, nn.BCELoss(reduction="none"), [probabilities, soft], 1, None),
    ("bce sure", "BCELoss", {}, nn.BCELoss(reduction="none"), [torch.tensor([0.0, 1.0, 0.0, 1.0, 0.5, 0.25, 1.0]), torch.tensor([0.0, 1.0, 1.0, 0.0, 1.0, 0.0, 1.0])], 1, None),
    ("bceWithLogits", "BCEWithLogitsLoss", {}, nn.BCEWithLogitsLoss(reduction="none"), [prediction, binary], 1, None),
    ("bceWithLogits soft", "BCEWithLogitsLoss", {}, nn.BCEWithLogitsLoss(reduction="none"), [prediction, soft], 1, None),
    ("bceWithLogits posWeight", "BCEWithLogitsLoss", {"posWeight": posWeight.tolist()},
     nn.BCEWithLogitsLoss(reduction="none", pos_weight=posWeight), [prediction, soft], 1, None),
    ("bceWithLogits one posWeight", "BCEWithLogitsLoss", {"posWeight": [2.5]},
     nn.BCEWithLogitsLoss(reduction="none", pos_weight=torch.tensor([2.5])), [prediction, binary], 1, None),
    ("klDiv", "KLDivLoss", {}, nn.KLDivLoss(reduction="none"), [F.log_softmax(logits, 1), shares], 1, None),
    ("klDiv holes", "KLDivLoss", {}, nn.KLDivLoss(reduction="none"), [F.log_softmax(logits, 1), holes], 1, None),
    ("klDiv log", "KLDivLoss", {"logTarget": True}, nn.KLDivLoss(reduction="none", log_target=True),
     [F.log_softmax(logits, 1), shares.log()], 2, None),
    ("hinge", "HingeLoss", {}, hinge(1), [prediction, signs], 1, None),
    ("hinge margin", "HingeLoss", {"margin": 0.5}, hinge(0.5), [prediction, signs], 1, None),
    ("hingeEmbedding", "HingeEmbeddingLoss", {}, nn.HingeEmbeddingLoss(reduction="none"), [prediction, signs], 1, None),
    ("hingeEmbedding margin", "HingeEmbeddingLoss", {"margin": 2}, nn.HingeEmbeddingLoss(reduction="none", margin=2), [prediction, signs], 1, None),
    ("nll", "NLLLoss", {}, nn.NLLLoss(reduction="none"), [logits, labels], 1, None),
    ("nll weight", "NLLLoss", {"weight": classWeight.tolist()}, nn.NLLLoss(reduction="none", weight=classWeight),
     [logits, labels], 1, classWeight[labels]),
    ("nll ignore", "NLLLoss", {"ignoreIndex": -1}, nn.NLLLoss(reduction="none", ignore_index=-1),
     [logits, ignored], 1, (ignored >= 0).float()),
    ("cosineEmbedding", "CosineEmbeddingLoss", {}, nn.CosineEmbeddingLoss(reduction="none"), [first, second, rowSigns], 2, None),
    ("cosineEmbedding margin", "CosineEmbeddingLoss", {"margin": 0.25}, nn.CosineEmbeddingLoss(0.25, reduction="none"), [first, second, rowSigns], 2, None),
    ("tripletMargin", "TripletMarginLoss", {}, nn.TripletMarginLoss(reduction="none"), [first, near, second], 3, None),
    ("tripletMargin p", "TripletMarginLoss", {"margin": 2, "p": 3}, nn.TripletMarginLoss(2, 3, reduction="none"), [first, third, second], 3, None),
    ("tripletMargin one", "TripletMarginLoss", {"p": 1}, nn.TripletMarginLoss(p=1, reduction="none"), [first, third, second], 3, None),
    ("tripletMargin swap", "TripletMarginLoss", {"swap": True}, nn.TripletMarginLoss(swap=True, reduction="none"), [first, third, second], 3, None),
]
for name, options, mass in [
    ("", {}, None),
    (" weight", {"weight": classWeight}, classWeight[labels]),
    (" smoothing", {"label_smoothing": 0.1}, None),
    (" weight smoothing", {"weight": classWeight, "label_smoothing": 0.3}, classWeight[labels]),
]:
    own = {camel(key): value.tolist() if torch.is_tensor(value) else value for key, value in options.items()}
    loss = nn.CrossEntropyLoss(reduction="none", **options)
    LOSSES.append((f"crossEntropy{name}", "CrossEntropyLoss", own, loss, [logits, labels], 1, mass))
    LOSSES.append((f"crossEntropy shares{name}", "CrossEntropyLoss", own, loss, [logits, shares], 1, None))
    loss = nn.CrossEntropyLoss(reduction="none", ignore_index=-1, **options)
    kept = (ignored >= 0).float()
    counted = kept if mass is None else kept * classWeight[ignored.clamp(min=0)]
    LOSSES.append((f"crossEntropy ignore{name}", "CrossEntropyLoss", {**own, "ignoreIndex": -1}, loss, [logits, ignored], 1, counted))


def reference(class_name, options):
    """PyTorch's own mean, to hold the one computed here against."""
    if class_name == "HingeLoss":
        return None
    renamed = {re.sub("[A-Z]", lambda match: "_" + match.group(0).lower(), key): value for key, value in options.items()}
    for key in ("weight", "pos_weight"):
        if key in renamed:
            renamed[key] = torch.tensor(renamed[key])
    return getattr(nn, class_name)(**renamed)


def loss_record(name, class_name, options, function, args, wanted, mass):
    record = {"class": class_name, "options": options, "args": [stored(arg) for arg in args], "results": {}}
    count = torch.ones(len(args[0])) if mass is None else mass
    size = function(*args).numel() / len(args[0])
    reductions = {
        "none": lambda l, w: l * w,
        "sum": lambda l, w: (l * w).sum(),
        "mean": lambda l, w: (l * w).sum() / ((w.flatten() * count).sum() * size),
    }
    if class_name == "KLDivLoss":
        reductions["batchmean"] = lambda l, w: (l * w).sum() / w.sum()
    for reduction, reduce in reductions.items():
        for weighted in (False, True):
            leaves = [arg.clone().requires_grad_(i < wanted) for i, arg in enumerate(args)]
            losses = function(*leaves)
            w = (weights if weighted else torch.ones(len(args[0]))).reshape(-1, *[1] * (losses.dim() - 1))
            value = reduce(losses, w)
            own = reference(class_name, options)
            if own is not None and not weighted and reduction in ("mean", "batchmean"):
                own.reduction = reduction
                assert torch.allclose(own(*args), value), (name, own(*args), value)
            seed = torch.randn_like(value)
            value.backward(seed)
            record["results"][reduction + (" weighted" if weighted else "")] = {
                "value": stored(value),
                "seed": stored(seed),
                "gradients": [stored(leaf.grad) for leaf in leaves[:wanted]],
            }
    return record


golden = {
    "torch": torch.__version__,
    "modules": {name: module_record(*made) for name, made in MODULES.items()},
    "weights": stored(weights),
    "losses": {made[0]: loss_record(*made) for made in LOSSES},
}

# After the others, whose random numbers stay what they were.
rows = batches(6, 5)
PLAIN = {
    "linear": (nn.Linear(5, 3), [corners], ["train"]),
    "linear without bias": (nn.Linear(5, 3, bias=False), [corners], ["train"]),
    "relu": (nn.ReLU(), [corners], ["train"]),
    "sigmoid": (nn.Sigmoid(), [corners], ["train"]),
    "tanh": (nn.Tanh(), [corners], ["train"]),
    "sequential": (nn.Sequential(nn.Linear(5, 4), nn.ReLU(), nn.Linear(4, 2)), [corners], ["train"]),
    "standardize": (Standardize(rows[0]), rows, TRAINING),
}
golden["modules"].update((name, module_record(*made)) for name, made in PLAIN.items())
json.dump(golden, sys.stdout, separators=(",", ":"))

"""ONNX files as others write them, with rows and what their own runtime makes of them:

    /usr/bin/python3 onnxModels.py > onnxModels.json

- by PyTorch 1.13's exporter (torch.onnx.export) at several opsets;
- as newer PyTorch's exporter and as skl2onnx write them, neither of which Debian has: node by node, from the sources of
  skl2onnx (operator_converters/multilayer_perceptron.py, scaler_op.py, zip_map.py) and with the weights of networks that
  scikit-learn trained; the outputs are scikit-learn's.
"""
import base64
import io
import json
import sys
import warnings

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from torch import nn

from modules import Concat, Residual

warnings.filterwarnings("ignore")
torch.manual_seed(2026)
torch.set_num_threads(1)
rng = np.random.default_rng(2026)
cases = {}


def stored(values):
    values = np.asarray(values, dtype=np.float64)
    return {"shape": list(values.shape), "data": [float(f"{value:.9g}") for value in values.flatten()]}


def add(name, model, rows, output):
    # Shape inference in onnx 1.12 does not know the operators of ai.onnx.ml.
    onnx.checker.check_model(model, full_check=all(node.domain == "" for node in model.graph.node))
    data = base64.b64encode(model.SerializeToString()).decode()
    cases[name] = {"file": data, "rows": stored(rows), "output": stored(output)}


class ViewFlat(nn.Module):
    """view() with a size that the exporter computes in the graph."""

    def forward(self, x):
        return x.view(x.size(0), -1)


class Scaled(nn.Module):
    def forward(self, x):
        return (x / 255 - 0.5) * 4


class RMSNorm(nn.Module):
    def __init__(self, size, eps):
        super().__init__()
        self.weight = nn.Parameter(torch.rand(size) + 0.5)
        self.eps = eps

    def forward(self, x):
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + self.eps) * self.weight


def randomized(module):
    with torch.no_grad():
        for name, value in list(module.named_parameters()) + list(module.named_buffers()):
            if name.endswith("running_var"):
                value.uniform_(0.5, 1.5)
            elif value.is_floating_point() and (value.dim() == 1 or name.endswith("running_mean")):
                value.normal_(0.3, 0.5)
    return module.eval()


def export(name, module, rows, opset, **options):
    buffer = io.BytesIO()
    module.eval()
    torch.onnx.export(
        module,
        rows,
        buffer,
        opset_version=opset,
        input_names=["x"],
        output_names=["y"],
        dynamic_axes={"x": {0: "batch"}, "y": {0: "batch"}},
        **options,
    )
    with torch.no_grad():
        output = module(rows)
    add(f"PyTorch, opset {opset}: {name}", onnx.load_from_string(buffer.getvalue()), rows, output)


def mlp():
    return nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 5, bias=False), nn.Tanh(), nn.Linear(5, 3))


def zoo():
    return nn.Sequential(
        nn.Linear(6, 8),
        nn.BatchNorm1d(8, eps=0.001, momentum=0.2),
        nn.GELU(),
        nn.LayerNorm(8),
        nn.SiLU(),
        nn.Mish(),
        nn.Softplus(2.0),
        nn.Hardtanh(-0.5, 1.5),
        nn.PReLU(8),
        nn.LeakyReLU(0.2),
        nn.ELU(0.7),
        nn.SELU(),
        nn.Dropout(0.3),
        nn.Linear(8, 4),
        nn.LayerNorm(4, elementwise_affine=False),
        nn.PReLU(),
        nn.LogSoftmax(1),
    )


x = torch.randn(5, 6)
for opset in (11, 13, 16):
    export("mlp", mlp(), x, opset)
    export("layers", randomized(zoo()), x, opset)
fresh = nn.Sequential(nn.Linear(6, 6), nn.BatchNorm1d(6), nn.ReLU(), nn.BatchNorm1d(6), nn.Linear(6, 2), nn.Softmax(-1))
export("fresh norms that share their numbers", fresh, x, 13)
export("weights not folded", mlp(), x, 12, do_constant_folding=False)
export(
    "blocks",
    nn.Sequential(
        nn.Linear(6, 4),
        Residual(nn.Sequential(nn.LayerNorm(4), nn.Linear(4, 4), nn.GELU(), Residual(nn.Linear(4, 4)))),
        Concat([nn.Linear(4, 3), nn.Identity(), nn.Sequential(nn.Linear(4, 2), nn.Tanh())]),
        RMSNorm(9, 1e-6),
        nn.Linear(9, 1),
        nn.Sigmoid(),
    ),
    x,
    14,
)
export("images, scaled", nn.Sequential(Scaled(), nn.Flatten(), nn.Linear(12, 3)), torch.rand(4, 1, 3, 4) * 255, 13)
export("images, by view()", nn.Sequential(ViewFlat(), nn.Linear(12, 3)), torch.rand(4, 1, 3, 4), 13)
export(
    "embedding",
    nn.Sequential(nn.Embedding(7, 3), nn.Flatten(), nn.Linear(12, 5), nn.ReLU(), nn.Linear(5, 2)),
    torch.randint(0, 7, (5, 4)),
    13,
)
export("double", mlp().double(), x.double(), 13)


def graph(name, nodes, initializers, inputs, outputs, rows, output, opset=13, ml=False, dtype=TensorProto.FLOAT):
    opsets = [helper.make_opsetid("", opset)] + ([helper.make_opsetid("ai.onnx.ml", 1)] if ml else [])
    built = helper.make_graph(
        nodes,
        "graph",
        [helper.make_tensor_value_info(key, dtype, shape) for key, shape in inputs],
        outputs,
        [numpy_helper.from_array(value, key) for key, value in initializers.items()],
    )
    add(name, helper.make_model(built, opset_imports=opsets, ir_version=8 if opset > 14 else 7), rows, output)


def out(name, shape, dtype=TensorProto.FLOAT):
    return helper.make_tensor_value_info(name, dtype, shape)


def node(op, inputs, outputs, **attributes):
    return helper.make_node(op, inputs, outputs, name=f"{op}_{outputs[0]}", **attributes)


def numpy_of(module):
    return {key: value.detach().numpy().copy() for key, value in module.state_dict().items()}


# The newer exporter writes Transpose, MatMul and Add, and LayerNormalization.
newer = randomized(nn.Sequential(nn.Linear(6, 4), nn.LayerNorm(4), nn.GELU(), nn.Linear(4, 2)))
graph(
    "newer PyTorch, opset 17",
    [
        node("Transpose", ["0.weight"], ["t0"], perm=[1, 0]),
        node("MatMul", ["x", "t0"], ["m0"]),
        node("Add", ["0.bias", "m0"], ["a0"]),
        node("LayerNormalization", ["a0", "1.weight", "1.bias"], ["n"], axis=-1, epsilon=1e-5),
        node("Constant", [], ["root"], value_float=float(np.sqrt(0.5))),
        node("Mul", ["n", "root"], ["scaled"]),
        node("Erf", ["scaled"], ["erf"]),
        node("Constant", [], ["one"], value_float=1.0),
        node("Constant", [], ["half"], value_float=0.5),
        node("Add", ["one", "erf"], ["tail"]),
        node("Mul", ["half", "tail"], ["cdf"]),
        node("Mul", ["n", "cdf"], ["g"]),
        node("Transpose", ["3.weight"], ["t3"], perm=[1, 0]),
        node("MatMul", ["g", "t3"], ["m3"]),
        node("Add", ["m3", "3.bias"], ["y"]),
    ],
    numpy_of(newer),
    [("x", ["batch", 6])],
    [out("y", ["batch", 2])],
    x,
    newer(x).detach(),
    opset=17,
)


def sklearn_layers(model, first, numbers):
    """_forward_pass() of skl2onnx."""
    names = {"identity": "Identity", "tanh": "Tanh", "logistic": "Sigmoid", "relu": "Relu", "softmax": "Softmax"}
    nodes, value = [node("Cast", [first], ["cast_input"], to=TensorProto.FLOAT)], "cast_input"
    count = model.n_layers_ - 1
    for i in range(count):
        numbers[f"coefficient{i}"] = model.coefs_[i].astype(np.float32)
        numbers[f"intercepts{i}"] = model.intercepts_[i].astype(np.float32).reshape(1, -1)
        activation = model.out_activation_ if i == count - 1 else model.activation
        nodes += [
            node("MatMul", [value, f"coefficient{i}"], [f"mul_result{i}"]),
            node("Add", [f"mul_result{i}", f"intercepts{i}"], [f"add_result{i}"]),
            node(names[activation], [f"add_result{i}"], [f"activations{i}"]),
        ]
        value = f"activations{i}"
    return nodes, value


def classifier_tail(model, value, numbers, zipmap):
    """convert_sklearn_mlp_classifier() of skl2onnx, and ZipMap behind it."""
    nodes = []
    end = "probabilities" if zipmap else "output_probability"
    if len(model.classes_) == 2:
        numbers["unity"] = np.array(1, dtype=np.float32)
        nodes += [
            node("Sub", ["unity", value], ["negative_class_proba"]),
            node("Concat", ["negative_class_proba", value], [end], axis=1),
        ]
    else:
        nodes += [node("Identity", [value], [end])]
    numbers["classes"] = model.classes_.astype(np.int32)
    numbers["shape"] = np.array([-1], dtype=np.int64)
    nodes += [
        node("ArgMax", [end], ["argmax_output"], axis=1),
        node("ArrayFeatureExtractor", ["classes", "argmax_output"], ["extracted"], domain="ai.onnx.ml"),
        node("Reshape", ["extracted", "shape"], ["reshaped"]),
        node("Cast", ["reshaped"], ["output_label"], to=TensorProto.INT64),
    ]
    if zipmap:
        classes = [int(value) for value in model.classes_]
        nodes.append(node("ZipMap", [end], ["output_probability"], domain="ai.onnx.ml", classlabels_int64s=classes))
    return nodes


def classifier(name, data, labels, activation, scaler, zipmap):
    numbers, nodes, first = {}, [], "float_input"
    if scaler is not None:
        scaler.fit(data)
        nodes = [
            node(
                "Scaler",
                [first],
                ["variable"],
                domain="ai.onnx.ml",
                offset=scaler.mean_.astype(np.float32).tolist(),
                scale=(1.0 / scaler.scale_).astype(np.float32).tolist(),
            )
        ]
        first = "variable"
    scaled = data if scaler is None else scaler.transform(data)
    model = MLPClassifier((7, 5), activation=activation, max_iter=60, random_state=1).fit(scaled, labels)
    more, value = sklearn_layers(model, first, numbers)
    nodes += more + classifier_tail(model, value, numbers, zipmap)
    probabilities = model.predict_proba(scaled[:6])
    # Of two classes the sigmoid's output, which is the second, is the network's.
    wanted = probabilities[:, 1:] if len(model.classes_) == 2 else probabilities
    if zipmap:
        # seq(map(int64, tensor(float)))
        last = onnx.ValueInfoProto(name="output_probability")
        each = last.type.sequence_type.elem_type.map_type
        each.key_type = TensorProto.INT64
        each.value_type.tensor_type.elem_type = TensorProto.FLOAT
    else:
        last = out("output_probability", [None, len(model.classes_)])
    outputs = [out("output_label", [None], TensorProto.INT64), last]
    graph(name, nodes, numbers, [("float_input", [None, data.shape[1]])], outputs, data[:6], wanted, 12, ml=True)


data = rng.normal(size=(120, 4)) * [1, 10, 0.1, 3] + [0, 5, 1, -2]
three = (data[:, 0] > 0).astype(int) + (data[:, 1] > 5)
classifier("scikit-learn: three classes, scaled, ZipMap", data, three, "relu", StandardScaler(), True)
classifier("scikit-learn: three classes, no ZipMap", data, three, "logistic", None, False)
classifier("scikit-learn: two classes", data, (three > 0).astype(int), "tanh", StandardScaler(), True)

# Regression, behind a MinMaxScaler: Cast, Mul, Add.
scaler = MinMaxScaler().fit(data)
model = MLPRegressor((6,), activation="relu", max_iter=80, random_state=1).fit(scaler.transform(data), data @ [1, 0.1, 2, 0])
numbers = {"scale": scaler.scale_.astype(np.float32), "min": scaler.min_.astype(np.float32)}
layers, value = sklearn_layers(model, "variable", numbers)
numbers["shape"] = np.array([-1, 1], dtype=np.int64)
graph(
    "scikit-learn: regression, MinMaxScaler",
    [
        node("Cast", ["float_input"], ["casted"], to=TensorProto.FLOAT),
        node("Mul", ["casted", "scale"], ["multiplied"]),
        node("Add", ["multiplied", "min"], ["variable"]),
        *layers,
        node("Reshape", [value, "shape"], ["y"]),
    ],
    numbers,
    [("float_input", [None, 4])],
    [out("y", [None, 1])],
    data[:6],
    model.predict(scaler.transform(data[:6])).reshape(-1, 1),
)

json.dump(cases, sys.stdout, indent=1)

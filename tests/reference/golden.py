"""Golden values for a four-layer network, made by PyTorch: python3 golden.py > golden.json

Everything is stored as numbers (weights and data too, not seeds), so that the tests need no Python.
"""
import json
import sys

import torch
from torch import nn

torch.manual_seed(2026)
torch.set_num_threads(1)

BATCH, STEPS = 12, 50
SIZES = [10, 16, 12, 8, 5]
VARIANTS = {
    "plain": dict(lr=0.05),
    "momentum": dict(lr=0.02, momentum=0.9),
    "dampening": dict(lr=0.05, momentum=0.8, dampening=0.4),
    "nesterov": dict(lr=0.02, momentum=0.9, nesterov=True),
    "weightDecay": dict(lr=0.05, weight_decay=0.05),
    "all": dict(lr=0.02, momentum=0.9, nesterov=True, weight_decay=0.02),
}


def network():
    return nn.Sequential(
        nn.Linear(SIZES[0], SIZES[1]), nn.ReLU(),
        nn.Linear(SIZES[1], SIZES[2]), nn.Tanh(),
        nn.Linear(SIZES[2], SIZES[3]), nn.GELU(),
        nn.Linear(SIZES[3], SIZES[4]),
    )


def numbers(tensor):
    return [float(f"{value:.9g}") for value in tensor.detach().flatten().tolist()]


def state(model):
    # Names as this library gives them: activations count as layers too.
    return {name: {"shape": list(p.shape), "data": numbers(p)} for name, p in model.named_parameters()}


model = network()
start = {name: p.detach().clone() for name, p in model.named_parameters()}
inputs = torch.randn(BATCH, SIZES[0])
labels = torch.randint(0, SIZES[-1], (BATCH,))
shares = torch.softmax(torch.randn(BATCH, SIZES[-1]), 1)
targets = torch.randn(BATCH, SIZES[-1])

golden = {
    "torch": torch.__version__,
    "inputs": {"shape": list(inputs.shape), "data": numbers(inputs)},
    "labels": labels.tolist(),
    "shares": {"shape": list(shares.shape), "data": numbers(shares)},
    "targets": {"shape": list(targets.shape), "data": numbers(targets)},
    "start": state(model),
    "logits": numbers(model(inputs)),
    "losses": {},
    "training": {},
}

for name, loss, target in [
    ("crossEntropy", nn.CrossEntropyLoss(), labels),
    ("crossEntropyShares", nn.CrossEntropyLoss(), shares),
    ("mse", nn.MSELoss(), targets),
]:
    model.zero_grad()
    value = loss(model(inputs), target)
    value.backward()
    golden["losses"][name] = {
        "loss": float(value),
        "gradients": {key: numbers(p.grad) for key, p in model.named_parameters()},
    }

for name, options in VARIANTS.items():
    model = network()
    model.load_state_dict(start)
    optimizer = torch.optim.SGD(model.parameters(), **options)
    losses = []
    for _ in range(STEPS):
        optimizer.zero_grad()
        value = nn.CrossEntropyLoss()(model(inputs), labels)
        value.backward()
        optimizer.step()
        losses.append(float(f"{float(value):.9g}"))
    golden["training"][name] = {
        "losses": losses,
        "end": {key: numbers(p) for key, p in model.named_parameters()},
    }

json.dump(golden, sys.stdout, separators=(",", ":"))

"""Learning rates of every schedule over 200 steps by PyTorch: python3 schedules.py > schedules.json"""
import json
import math
import sys
import warnings

import torch

warnings.simplefilter("ignore")
STEPS = 200
S = torch.optim.lr_scheduler
RATES = [0.1, 0.03]

# What ReduceLROnPlateau is shown: falls, stays, jumps, falls again.
FIGURES = [1 / (1 + 0.1 * t) if t < 40 else 0.2 + 0.01 * math.sin(t) if t < 120 else 0.15 - 0.0005 * (t - 120) for t in range(STEPS)]

VARIANTS = [
    ("StepLR", dict(step_size=30)),
    ("StepLR", dict(step_size=7, gamma=0.9)),
    ("MultiStepLR", dict(milestones=[20, 80, 80, 150], gamma=0.5)),
    ("ExponentialLR", dict(gamma=0.97)),
    ("CosineAnnealingLR", dict(T_max=50)),
    ("CosineAnnealingLR", dict(T_max=33, eta_min=0.001)),
    ("CosineAnnealingWarmRestarts", dict(T_0=20)),
    ("CosineAnnealingWarmRestarts", dict(T_0=10, T_mult=2, eta_min=0.001)),
    ("OneCycleLR", dict(max_lr=0.5, total_steps=200)),
    ("OneCycleLR", dict(max_lr=[0.5, 0.2], epochs=20, steps_per_epoch=11, pct_start=0.25, anneal_strategy="linear",
                        div_factor=10.0, final_div_factor=100.0, base_momentum=0.8, max_momentum=0.9)),
    ("OneCycleLR", dict(max_lr=0.5, total_steps=205, three_phase=True, cycle_momentum=False)),
    ("LinearLR", dict()),
    ("LinearLR", dict(start_factor=0.1, end_factor=0.7, total_iters=60)),
    ("LambdaLR", dict()),
    ("ReduceLROnPlateau", dict()),
    ("ReduceLROnPlateau", dict(factor=0.5, patience=3, threshold=0.01, threshold_mode="abs", cooldown=4, min_lr=[0.004, 0.001])),
    ("ReduceLROnPlateau", dict(mode="max", factor=0.7, patience=20)),
    ("SequentialLR", dict()),
    ("SequentialLR", dict(three=True)),
]


def camel(name):
    head, *rest = name.split("_")
    return head[0].lower() + head[1:] + "".join(word.capitalize() for word in rest)


def make(name, optimizer, options):
    if name == "LambdaLR":
        return S.LambdaLR(optimizer, lambda t: 0.95 ** t)
    if name == "SequentialLR":
        warm = S.LinearLR(optimizer, start_factor=0.25, total_iters=10)
        if options:
            parts = [warm, S.CosineAnnealingWarmRestarts(optimizer, T_0=40), S.StepLR(optimizer, step_size=15)]
            return S.SequentialLR(optimizer, schedulers=parts, milestones=[10, 100])
        parts = [warm, S.CosineAnnealingLR(optimizer, T_max=190)]
        return S.SequentialLR(optimizer, schedulers=parts, milestones=[10])
    return getattr(S, name)(optimizer, **options)


runs = []
for name, options in VARIANTS:
    groups = [{"params": [torch.nn.Parameter(torch.zeros(1))], "lr": lr} for lr in RATES]
    optimizer = torch.optim.SGD(groups, lr=1, momentum=0.5)
    schedule = make(name, optimizer, options)
    lrs, momenta = [], []
    for t in range(STEPS):
        lrs.append([float(f"{group['lr']:.15g}") for group in optimizer.param_groups])
        momenta.append(float(f"{optimizer.param_groups[0]['momentum']:.15g}"))
        optimizer.step()
        if name == "ReduceLROnPlateau":
            schedule.step(FIGURES[t])
        else:
            schedule.step()
    run = {"schedule": name, "options": {camel(key): value for key, value in options.items()}, "lrs": lrs}
    if name == "OneCycleLR":
        run["momenta"] = momenta
    runs.append(run)

json.dump({"torch": torch.__version__, "rates": RATES, "figures": FIGURES, "runs": runs}, sys.stdout, separators=(",", ":"))

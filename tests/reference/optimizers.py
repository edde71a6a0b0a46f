"""50 steps of every optimizer by PyTorch: python3 optimizers.py > optimizers.json

Parameters are a matrix and a vector whose gradients are stored too, so that each optimizer sees the same ones, whatever
it does. Lion is not in PyTorch, and NAdam of version 1.13 multiplies the product of momenta by one factor too many (its
documentation and version 2 do not): both are written out here, in float32 as PyTorch would.
"""
import json
import sys

import torch

torch.manual_seed(2027)
torch.set_num_threads(1)
STEPS = 50


class Lion(torch.optim.Optimizer):
    """Chen et al., 2023, algorithm 2."""

    def __init__(self, params, lr=1e-4, betas=(0.9, 0.99), weight_decay=0.0):
        super().__init__(params, dict(lr=lr, betas=betas, weight_decay=weight_decay))

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            (beta1, beta2), lr = group["betas"], group["lr"]
            for p in group["params"]:
                m = self.state[p].setdefault("m", torch.zeros_like(p))
                p.mul_(1 - lr * group["weight_decay"])
                p.add_(torch.sign(beta1 * m + (1 - beta1) * p.grad), alpha=-lr)
                m.mul_(beta2).add_(p.grad, alpha=1 - beta2)


class NAdam(torch.optim.Optimizer):
    """PyTorch's documentation of NAdam; with `quirk` what version 1.13 does."""

    def __init__(self, params, lr=2e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0, momentum_decay=4e-3, quirk=False):
        super().__init__(params, dict(lr=lr, betas=betas, eps=eps, weight_decay=weight_decay, momentum_decay=momentum_decay))
        self.quirk = quirk

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            (beta1, beta2), lr = group["betas"], group["lr"]
            for p in group["params"]:
                state = self.state[p]
                if not state:
                    state.update(t=0, m=torch.zeros_like(p), v=torch.zeros_like(p), product=1.0)
                state["t"] += 1
                t, g = state["t"], p.grad
                if group["weight_decay"] != 0:
                    g = g.add(p, alpha=group["weight_decay"])
                mu = beta1 * (1 - 0.5 * 0.96 ** (t * group["momentum_decay"]))
                following = beta1 * (1 - 0.5 * 0.96 ** ((t + 1) * group["momentum_decay"]))
                state["product"] *= mu
                next_product = state["product"] * following * (mu if self.quirk else 1)
                state["m"].mul_(beta1).add_(g, alpha=1 - beta1)
                state["v"].mul_(beta2).addcmul_(g, g, value=1 - beta2)
                root = state["v"].div(1 - beta2 ** t).sqrt().add_(group["eps"])
                p.addcdiv_(g, root, value=-lr * (1 - mu) / (1 - state["product"]))
                p.addcdiv_(state["m"], root, value=-lr * following / (1 - next_product))


O = torch.optim
VARIANTS = [
    ("SGD", O.SGD, dict(lr=0.05)),
    ("SGD", O.SGD, dict(lr=0.05, momentum=0.9, nesterov=True, weight_decay=0.02)),
    ("SGD", O.SGD, dict(lr=0.05, momentum=0.8, dampening=0.4, maximize=True)),
    ("Adam", O.Adam, dict()),
    ("Adam", O.Adam, dict(lr=0.02, betas=(0.8, 0.95), eps=1e-3, weight_decay=0.1)),
    ("Adam", O.Adam, dict(lr=0.01, amsgrad=True, maximize=True)),
    ("AdamW", O.AdamW, dict()),
    ("AdamW", O.AdamW, dict(lr=0.02, betas=(0.8, 0.95), weight_decay=0.2, amsgrad=True)),
    ("RMSprop", O.RMSprop, dict()),
    ("RMSprop", O.RMSprop, dict(lr=0.005, alpha=0.9, centered=True)),
    ("RMSprop", O.RMSprop, dict(lr=0.005, momentum=0.9, weight_decay=0.1)),
    ("RMSprop", O.RMSprop, dict(lr=0.005, alpha=0.95, eps=1e-3, centered=True, momentum=0.5)),
    ("Adagrad", O.Adagrad, dict()),
    ("Adagrad", O.Adagrad, dict(lr=0.1, lr_decay=0.05, weight_decay=0.1, initial_accumulator_value=0.1)),
    ("Adadelta", O.Adadelta, dict()),
    ("Adadelta", O.Adadelta, dict(lr=0.5, rho=0.8, eps=1e-4, weight_decay=0.1)),
    ("NAdam", NAdam, dict()),
    ("NAdam", NAdam, dict(lr=0.01, betas=(0.8, 0.95), weight_decay=0.1, momentum_decay=0.05)),
    ("Lion", Lion, dict()),
    ("Lion", Lion, dict(lr=0.01, betas=(0.8, 0.95), weight_decay=0.5)),
]


def numbers(tensor):
    return [float(f"{value:.9g}") for value in tensor.detach().flatten().tolist()]


def camel(name):
    head, *rest = name.split("_")
    return head + "".join(word.capitalize() for word in rest)


shapes = [(5, 7), (11,)]
start = [torch.randn(shape) for shape in shapes]
# Sizes that differ by element and change with time.
scales = [torch.exp(torch.randn(shape)) for shape in shapes]
gradients = [[torch.randn(shape) * scale for shape, scale in zip(shapes, scales)] for _ in range(STEPS)]


# What the second of two groups has for itself.
OWN = {
    "SGD": dict(lr=0.01, momentum=0.5, weight_decay=0.2),
    "Adam": dict(lr=0.05, betas=(0.5, 0.9), weight_decay=0.2),
    "AdamW": dict(lr=0.05, eps=1e-2, weight_decay=0),
    "RMSprop": dict(lr=0.03, alpha=0.5, weight_decay=0.2),
    "Adagrad": dict(lr=0.3, lr_decay=0.1, weight_decay=0.2),
    "Adadelta": dict(lr=0.3, rho=0.5, weight_decay=0.2),
    "NAdam": dict(lr=0.05, betas=(0.5, 0.9), momentum_decay=0.1),
    "Lion": dict(lr=0.03, betas=(0.5, 0.9), weight_decay=0.2),
}


def run(make, options, own=None):
    """The parameters after each step; `own` are options of the second one's group."""
    parameters = [torch.nn.Parameter(value.clone()) for value in start]
    groups = parameters if own is None else [dict(params=parameters[:1]), dict(params=parameters[1:], **own)]
    optimizer = make(groups, **options)
    trace = []
    for step in gradients:
        for parameter, gradient in zip(parameters, step):
            parameter.grad = gradient.clone()
        optimizer.step()
        trace.append([p.detach().clone() for p in parameters])
    return trace


for options in [dict(), dict(lr=0.01, betas=(0.8, 0.95), weight_decay=0.1, momentum_decay=0.05)]:
    written_out = run(NAdam, dict(options, quirk=True))[-1]
    for a, b in zip(run(O.NAdam, options)[-1], written_out):
        assert torch.allclose(a, b, rtol=1e-6, atol=1e-6), "the NAdam of this script is not PyTorch's"

golden = {
    "torch": torch.__version__,
    "shapes": shapes,
    "start": [numbers(p) for p in start],
    "gradients": [[numbers(g) for g in step] for step in gradients],
    "runs": [],
}

def add(name, make, options, own=None):
    trace = run(make, options, own)
    named = lambda given: {camel(key): value for key, value in given.items()}
    golden["runs"].append({
        "optimizer": name,
        "options": named(options),
        # After 1, 2, 10 and 50 steps.
        "after": {step: [numbers(p) for p in trace[step - 1]] for step in (1, 2, 10, STEPS)},
    } | ({} if own is None else {"own": named(own)}))


for name, make, options in VARIANTS:
    add(name, make, options)
    # The first variant of each once more, in groups.
    if name not in {run["optimizer"] for run in golden["runs"] if "own" in run}:
        add(name, make, dict(options, momentum=0.9) if name == "SGD" else options, OWN[name])
json.dump(golden, sys.stdout, separators=(",", ":"))

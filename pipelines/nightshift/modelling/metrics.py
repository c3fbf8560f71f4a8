"""How good scores are, and whether one set of scores is better than another."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nightshift.modelling.classification import average_precision, f1, macro_f1, roc_auc

Scores = NDArray[np.float32] | NDArray[np.float64]
LOSSES = frozenset({"log_loss", "brier", "rmse", "mae"})
"""Metrics of which less is better."""
SMALLEST = 1e-7
"""Probabilities are kept this far from 0 and 1: a certain and wrong one is very bad, but finite."""


def binary_metrics(labels: Scores, scores: Scores, threshold: float) -> dict[str, float]:
    """Metrics of P(label = 1) against labels in {0, 1}, both (n,); the areas are left out for one class."""
    found = {name: float(row_losses(name, labels, scores).mean()) for name in ("brier", "log_loss")}
    found["base_rate"] = float(labels.mean())
    found["base_rate_log_loss"] = float(row_losses("log_loss", labels, np.full_like(labels, labels.mean())).mean())
    found["f1"] = f1(labels == 1, scores >= threshold)
    found["accuracy"] = float(((scores >= threshold) == (labels == 1)).mean())
    if 0 < labels.sum() < len(labels):
        found["roc_auc"] = roc_auc(labels, scores)
        found["pr_auc"] = average_precision(labels, scores)
    return found


def multiclass_metrics(labels: Scores, scores: Scores) -> dict[str, float]:
    """Metrics of probabilities (n, k) against class indices (n,).

    F1 is the mean over the classes that are there or are predicted, the area that of each class against the
    rest; it is left out unless every class is there.
    """
    classes, predicted = scores.shape[1], scores.argmax(axis=1)
    shares = np.bincount(labels.astype(np.int64), minlength=classes) / len(labels)
    found = {name: float(row_losses(name, labels, scores).mean()) for name in ("brier", "log_loss")}
    base = np.broadcast_to(shares, scores.shape)
    found["base_rate_log_loss"] = float(row_losses("log_loss", labels, base).mean())
    found["accuracy"] = float((predicted == labels).mean())
    found["f1"] = macro_f1(labels.astype(np.int64), predicted)
    if shares.all():
        areas = [roc_auc(labels == place, scores[:, place]) for place in range(classes)]
        found["roc_auc"] = float(np.mean(areas))
    return found


def regression_metrics(labels: Scores, predictions: Scores) -> dict[str, float]:
    """Metrics of predictions against labels, both (n,), in the label's unit; R² is left out where all are equal.

    ``base_rmse`` and ``base_mae`` are those of always saying the labels' mean and median.
    """
    errors = labels.astype(np.float64) - predictions
    around = labels - labels.mean()
    found = {
        "rmse": float(np.sqrt(np.mean(errors**2))),
        "mae": float(np.abs(errors).mean()),
        "base_rmse": float(np.sqrt(np.mean(around**2))),
        "base_mae": float(np.abs(labels - np.median(labels)).mean()),
    }
    if len(np.unique(labels)) > 1:
        found["r2"] = float(1 - (errors**2).sum() / (around**2).sum())
    return found


def row_losses(metric: str, labels: Scores, scores: Scores) -> NDArray[np.float64]:
    """The loss of each row, (n,); lower is better.

    ``scores`` are P(label = 1) (n,), or probabilities of classes (n, k) of which ``labels`` are indices, or,
    for the errors, predictions (n,).
    """
    truth = labels.astype(np.float64)
    if metric == "squared_error":
        return np.asarray((truth - scores) ** 2)
    if metric == "absolute_error":
        return np.asarray(np.abs(truth - scores))
    p = np.clip(scores.astype(np.float64), SMALLEST, 1 - SMALLEST)
    if p.ndim == 2:
        return _class_losses(metric, labels.astype(np.int64), p)
    if metric == "brier":
        return np.asarray((p - truth) ** 2)
    return np.asarray(-(truth * np.log(p) + (1 - truth) * np.log1p(-p)))


def _class_losses(metric: str, classes: NDArray[np.int64], p: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of probabilities (n, k). Brier's is the sum over the classes, as its author had it: from 0 to 2."""
    of_truth: NDArray[Any] = np.take_along_axis(p, classes[:, None], axis=1)[:, 0]
    if metric == "brier":
        return np.asarray((p**2).sum(axis=1) - 2 * of_truth + 1)
    return np.asarray(-np.log(of_truth))


@dataclass(frozen=True)
class Difference:
    """Mean loss of the challenger minus that of the champion, with its interval; below 0 is better."""

    mean: float
    low: float
    high: float

    @property
    def better(self) -> bool:
        """The whole interval says the challenger is better."""
        return self.high < 0

    @property
    def worse(self) -> bool:
        """The whole interval says the challenger is worse."""
        return self.low > 0


def paired_bootstrap(
    challenger: NDArray[np.float64],
    champion: NDArray[np.float64],
    nights: NDArray[np.int64],
    *,
    resamples: int,
    confidence: float,
    seed: int,
) -> Difference:
    """Percentile interval of the mean difference of paired row losses, all (n,).

    Whole nights are resampled, not rows: the rows of one night share its weather, and treating them
    as independent makes any difference look certain (cluster bootstrap, Cameron, Gelbach & Miller,
    Review of Economics and Statistics 90(3), 2008).
    """
    _, night = np.unique(nights, return_inverse=True)
    sums = np.bincount(night, weights=challenger - champion)
    counts = np.bincount(night)
    drawn = np.random.default_rng(seed).integers(0, len(sums), size=(resamples, len(sums)))
    means = sums[drawn].sum(axis=1) / counts[drawn].sum(axis=1)
    low, high = np.quantile(means, [(1 - confidence) / 2, (1 + confidence) / 2])
    return Difference(float(sums.sum() / counts.sum()), float(low), float(high))

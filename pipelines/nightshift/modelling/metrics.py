"""How good scores are, and whether one set of scores is better than another."""

from dataclasses import dataclass

import numpy as np

from nightshift.modelling.arrays import Array, Booleans, Float64s, Floats, Int64s
from nightshift.modelling.classification import average_precision, f1, macro_f1, roc_auc

LOSSES = frozenset({"log_loss", "brier", "rmse", "mae", "pinball", "coverage_error"})
"""Metrics of which less is better."""
ERRORS = frozenset({"squared_error", "absolute_error"})
PINBALL = "pinball"
OF_MANY = ("log_loss", "brier", "base_rate_log_loss", "f1", "roc_auc")
"""Metrics of several classes together are the means of each one's."""
SMALLEST = 1e-7
"""Probabilities are kept this far from 0 and 1: a certain and wrong one is very bad, but finite."""


def binary_metrics(labels: Floats, scores: Floats, threshold: float) -> dict[str, float]:
    """Metrics of P(label = 1) against labels in {0, 1}, both (n,); the areas are left out for one class."""
    predicted = scores >= threshold
    base_rate = labels.mean()
    metrics = {
        "brier": _mean_loss("brier", labels, scores),
        "log_loss": _mean_loss("log_loss", labels, scores),
        "base_rate": float(base_rate),
        "base_rate_log_loss": _mean_loss("log_loss", labels, np.full_like(labels, base_rate)),
        "f1": f1(labels == 1, predicted),
        "accuracy": float((predicted == (labels == 1)).mean()),
    }
    if 0 < labels.sum() < len(labels):
        metrics["roc_auc"] = roc_auc(labels, scores)
        metrics["pr_auc"] = average_precision(labels, scores)
    return metrics


def multiclass_metrics(labels: Floats, scores: Floats) -> dict[str, float]:
    """Metrics of probabilities (n, k) against class indices (n,).

    F1 is the mean over the classes that are there or are predicted, the area that of each class against the
    rest; it is left out unless every class is there. Of a class that the model does not know scores are NaN.
    """
    is_known = ~np.isnan(scores).all(axis=0)
    scores = never_for_unknown(scores)
    classes = scores.shape[1]
    predicted = scores.argmax(axis=1)
    shares = np.bincount(labels.astype(np.int64), minlength=classes) / len(labels)
    metrics = {
        "brier": _mean_loss("brier", labels, scores),
        "log_loss": _mean_loss("log_loss", labels, scores),
        "base_rate_log_loss": _mean_loss("log_loss", labels, np.broadcast_to(shares, scores.shape)),
        "accuracy": float((predicted == labels).mean()),
        "f1": macro_f1(labels.astype(np.int64), predicted),
    }
    known = np.flatnonzero(is_known)
    if len(known) > 1 and shares[known].all():
        areas = [roc_auc(labels == place, scores[:, place]) for place in known]
        metrics["roc_auc"] = float(np.mean(areas))
    return metrics


def multilabel_metrics(outcomes: Floats, scores: Floats, threshold: float) -> dict[str, float]:
    """Metrics of probabilities (n, k) against outcomes in {0, 1}, (n, k): means over the classes that are known.

    ``accuracy`` is the share of rows of which every class is right. The area is left out unless each class is there on
    some rows and not on all. Of a class that the model does not know scores are NaN.
    """
    of_classes = []
    for outcome, score in zip(outcomes.T, scores.T, strict=True):
        is_known = not np.isnan(score).all()
        if is_known:
            of_class = binary_metrics(outcome, score, threshold)
            of_classes.append(of_class)
    metrics = {}
    for name in OF_MANY:
        values = [of_class.get(name, np.nan) for of_class in of_classes]
        mean = float(np.mean(values))
        if np.isfinite(mean):
            metrics[name] = mean
    is_likely = never_for_unknown(scores) >= threshold
    is_right = is_likely == (outcomes == 1)
    every_class = is_right.all(axis=1)
    metrics["accuracy"] = float(every_class.mean())
    return metrics


def never_for_unknown(scores: Floats) -> Floats:
    """Scores in which a class that the model does not know, NaN, is one that it never expects."""
    return np.where(np.isnan(scores), np.zeros_like(scores), scores)


def regression_metrics(labels: Floats, predictions: Floats) -> dict[str, float]:
    """Metrics of predictions against labels, both (n,), in the label's unit; R² is left out where all are equal.

    ``base_rmse`` and ``base_mae`` are those of always saying the labels' mean and median.
    """
    errors = labels.astype(np.float64) - predictions
    from_mean = labels - labels.mean()
    from_median = labels - np.median(labels)
    metrics = {
        "rmse": float(np.sqrt(np.mean(errors**2))),
        "mae": float(np.abs(errors).mean()),
        "base_rmse": float(np.sqrt(np.mean(from_mean**2))),
        "base_mae": float(np.abs(from_median).mean()),
    }
    if len(np.unique(labels)) > 1:
        unexplained = (errors**2).sum() / (from_mean**2).sum()
        metrics["r2"] = float(1 - unexplained)
    return metrics


def row_losses(metric: str, labels: Floats, scores: Floats) -> Float64s:
    """The loss of each row, (n,); lower is better.

    ``scores`` are P(label = 1) (n,), or probabilities of classes (n, k) of which ``labels`` are indices, or,
    for the errors, predictions (n,).
    """
    truth = labels.astype(np.float64)
    if metric in ERRORS:
        errors = truth - scores
        return np.asarray(errors**2 if metric == "squared_error" else np.abs(errors))
    if scores.ndim == 2:
        scores = never_for_unknown(scores)
    p = np.clip(scores.astype(np.float64), SMALLEST, 1 - SMALLEST)
    if p.ndim == 2:
        return _class_losses(metric, labels.astype(np.int64), p)
    if metric == "brier":
        return np.asarray((p - truth) ** 2)
    if_yes = truth * np.log(p)
    if_no = (1 - truth) * np.log1p(-p)
    return np.asarray(-(if_yes + if_no))


def cost_losses(labels: Floats, predicted: Booleans, *, false_alarm: float, miss: float) -> Float64s:
    """What each row's error costs, (n,): labels in {0, 1} and predictions, both (n,)."""
    is_true = labels == 1
    alarms = predicted & ~is_true
    misses = is_true & ~predicted
    return np.asarray(false_alarm * alarms + miss * misses, dtype=np.float64)


def pinball_losses(labels: Floats, predictions: Floats, quantile: float) -> Float64s:
    """The loss of each row, (n,), of which the quantile is the best constant (Koenker and Bassett, 1978)."""
    errors = labels.astype(np.float64) - predictions
    return np.maximum(quantile * errors, (quantile - 1) * errors)


def quantile_losses(labels: Floats, predictions: Floats, quantiles: Floats) -> Float64s:
    """The loss of each row, (n,): the mean over its quantiles, (k,), of labels (n,) and predictions (n, k)."""
    losses = []
    for quantile, prediction in zip(quantiles, predictions.T, strict=True):
        of_quantile = pinball_losses(
            labels,
            prediction,
            float(quantile),
        )
        losses.append(of_quantile)
    mean = np.mean(losses, axis=0)
    return np.asarray(mean)


def quantile_metrics(labels: Floats, predictions: Floats, quantiles: Floats, middle: int) -> dict[str, float]:
    """Metrics of quantiles (n, k) against labels (n,), in the label's unit; skill is left out where no loss is lost.

    ``base_pinball`` is that of always saying the labels' own quantiles. ``coverage`` is the share of labels between
    the outermost, ``coverage_error`` how far the share below a quantile is from what it says, at most.
    """
    own = np.quantile(labels, quantiles)
    same_for_all = np.broadcast_to(own, predictions.shape)
    pinball = float(quantile_losses(labels, predictions, quantiles).mean())
    base = float(quantile_losses(labels, same_for_all, quantiles).mean())
    is_below = labels[:, None] <= predictions
    shares = is_below.mean(axis=0)
    off = np.abs(shares - quantiles)
    is_above_lowest = labels >= predictions[:, 0]
    is_below_highest = labels <= predictions[:, -1]
    is_inside = is_above_lowest & is_below_highest
    errors = np.abs(labels - predictions[:, middle])
    metrics = {
        PINBALL: pinball,
        "base_pinball": base,
        "coverage": float(is_inside.mean()),
        "coverage_error": float(off.max()),
        "mae": float(errors.mean()),
    }
    if base > 0:
        metrics["pinball_skill"] = 1 - pinball / base
    return metrics


def _mean_loss(metric: str, labels: Floats, scores: Floats) -> float:
    losses = row_losses(metric, labels, scores)
    return float(losses.mean())


def _class_losses(metric: str, classes: Int64s, p: Float64s) -> Float64s:
    """Of probabilities (n, k). Brier's is the sum over the classes, as its author had it: from 0 to 2."""
    picked: Array = np.take_along_axis(p, classes[:, None], axis=1)
    of_truth = picked[:, 0]
    if metric == "brier":
        squares = (p**2).sum(axis=1)
        return np.asarray(squares - 2 * of_truth + 1)
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

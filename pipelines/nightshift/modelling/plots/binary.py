"""ROC, precision and recall, calibration, and what a threshold makes of the scores."""

from typing import TYPE_CHECKING

import numpy as np

from nightshift.modelling.arrays import Floats
from nightshift.modelling.plots.confusion import confusion
from nightshift.modelling.plots.figure import new_figure
from nightshift.spec import ModelSpec

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def figures(spec: ModelSpec, labels: Floats, scores: Floats) -> dict[str, "Figure"]:
    """Figures by name; labels in {0, 1} and scores, both (n,)."""
    return {
        "roc": _roc(labels, scores),
        "precision_recall": _precision_recall(spec, labels, scores),
        "calibration": _calibration(labels, scores),
        "confusion": _confusion(spec, labels, scores),
    }


def _roc(labels: Floats, scores: Floats) -> "Figure":
    from sklearn.metrics import roc_auc_score, roc_curve

    figure, axes = new_figure("ROC on the judged nights", "false positive rate", "true positive rate")
    false, true, _ = roc_curve(labels, scores)
    area = roc_auc_score(labels, scores)
    axes.plot(false, true, label=f"area {area:.3f}")
    axes.plot([0, 1], [0, 1], "--", color="grey", label="chance")
    axes.legend()
    return figure


def _precision_recall(spec: ModelSpec, labels: Floats, scores: Floats) -> "Figure":
    from sklearn.metrics import average_precision_score, precision_recall_curve

    figure, axes = new_figure("Precision and recall on the judged nights", "recall", "precision")
    precision, recall, _ = precision_recall_curve(labels, scores)
    area = average_precision_score(labels, scores)
    axes.plot(recall, precision, label=f"area {area:.3f}")
    axes.axhline(labels.mean(), ls="--", color="grey", label="base rate")
    predicted = labels[scores >= spec.predict.decides_from]
    if predicted.size:
        recall_there = predicted.sum() / labels.sum()
        axes.plot(recall_there, predicted.mean(), "o", label=f"threshold {spec.predict.decides_from}")
    axes.legend()
    return figure


def _confusion(spec: ModelSpec, labels: Floats, scores: Floats) -> "Figure":
    threshold = spec.predict.decides_from
    predicted = (scores >= threshold).astype(np.int64)
    return confusion(["no", "yes"], labels, predicted, note=f", yes from a score of {threshold:.4g}")


def _calibration(labels: Floats, scores: Floats) -> "Figure":
    from sklearn.calibration import calibration_curve

    figure, axes = new_figure("Calibration on the judged nights", "score", "observed share")
    observed, score = calibration_curve(labels, scores, n_bins=10, strategy="quantile")
    axes.plot([0, 1], [0, 1], "--", color="grey", label="perfect")
    axes.plot(score, observed, "o-", label="tenths of the rows")
    share_of_row = np.full(len(scores), 1 / len(scores))
    axes.hist(scores, bins=40, weights=share_of_row, alpha=0.3, label="share of rows")
    axes.legend()
    return figure

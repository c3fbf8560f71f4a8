"""Figures of a training run, drawn without a display."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pipelines.spec import ModelSpec
from pipelines.steps.estimators import model_inputs
from pipelines.steps.holdout import Rows

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from sklearn.pipeline import Pipeline

IMPORTANCE_ROWS = 4000
MOST_FEATURES = 20


def training_plots(
    spec: ModelSpec, pipeline: "Pipeline", rows: Rows, scores: NDArray[np.float64]
) -> dict[str, "Figure"]:
    """ROC, precision-recall, calibration and permutation importance, on the holdout."""
    return {
        "roc": _roc(rows.labels, scores),
        "precision_recall": _precision_recall(spec, rows.labels, scores),
        "calibration": _calibration(rows.labels, scores),
        "importance": _importance(spec, pipeline, rows),
    }


def _figure(title: str, across: str, up: str) -> tuple["Figure", "Axes"]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 5), dpi=110, layout="constrained")
    axes = figure.subplots()
    axes.set(title=title, xlabel=across, ylabel=up)
    axes.grid(alpha=0.25)
    return figure, axes


def _roc(labels: NDArray[Any], scores: NDArray[Any]) -> "Figure":
    from sklearn.metrics import roc_auc_score, roc_curve

    figure, axes = _figure("ROC on the holdout", "false positive rate", "true positive rate")
    false, true, _ = roc_curve(labels, scores)
    axes.plot(false, true, label=f"area {roc_auc_score(labels, scores):.3f}")
    axes.plot([0, 1], [0, 1], "--", color="grey", label="chance")
    axes.legend()
    return figure


def _precision_recall(spec: ModelSpec, labels: NDArray[Any], scores: NDArray[Any]) -> "Figure":
    from sklearn.metrics import average_precision_score, precision_recall_curve

    figure, axes = _figure("Precision and recall on the holdout", "recall", "precision")
    precision, recall, _ = precision_recall_curve(labels, scores)
    axes.plot(recall, precision, label=f"area {average_precision_score(labels, scores):.3f}")
    axes.axhline(labels.mean(), ls="--", color="grey", label="base rate")
    chosen = scores >= spec.predict.threshold
    if chosen.any():
        axes.plot(
            labels[chosen].sum() / labels.sum(), labels[chosen].mean(), "o", label=f"threshold {spec.predict.threshold}"
        )
    axes.legend()
    return figure


def _calibration(labels: NDArray[Any], scores: NDArray[Any]) -> "Figure":
    from sklearn.calibration import calibration_curve

    figure, axes = _figure("Calibration on the holdout", "score", "observed share")
    observed, score = calibration_curve(labels, scores, n_bins=10, strategy="quantile")
    axes.plot([0, 1], [0, 1], "--", color="grey", label="perfect")
    axes.plot(score, observed, "o-", label="tenths of the rows")
    axes.hist(scores, bins=40, weights=np.full(len(scores), 1 / len(scores)), alpha=0.3, label="share of rows")
    axes.legend()
    return figure


def _importance(spec: ModelSpec, pipeline: "Pipeline", rows: Rows) -> "Figure":
    from sklearn.inspection import permutation_importance

    chosen = np.random.default_rng(spec.training.seed).permutation(len(rows.labels))[:IMPORTANCE_ROWS]
    frame = model_inputs(spec, rows.table.take(chosen))
    found = permutation_importance(
        pipeline, frame, rows.labels[chosen], scoring="neg_log_loss", n_repeats=2, random_state=spec.training.seed
    )
    order = np.argsort(found.importances_mean)[-MOST_FEATURES:]
    figure, axes = _figure("Permutation importance on the holdout", "log loss added when shuffled", "")
    axes.barh([frame.columns[i] for i in order], found.importances_mean[order], xerr=found.importances_std[order])
    return figure

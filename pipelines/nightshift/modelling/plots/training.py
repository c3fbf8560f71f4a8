"""Which figures a training run has: those of its kind of label, and what each feature is worth."""

from typing import TYPE_CHECKING

import numpy as np

from nightshift.modelling.holdout import LabelledRows
from nightshift.modelling.inputs import model_inputs
from nightshift.modelling.label_types import label_type
from nightshift.modelling.label_types.base import Floats
from nightshift.modelling.metrics import row_losses
from nightshift.modelling.plots import binary, multiclass, regression
from nightshift.modelling.plots.figure import new_figure
from nightshift.spec import ModelSpec

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure
    from sklearn.pipeline import Pipeline

IMPORTANCE_ROWS = 4000
MOST_FEATURES = 20
FIGURES = {"binary": binary.figures, "multiclass": multiclass.figures, "regression": regression.figures}


def training_plots(spec: ModelSpec, pipeline: "Pipeline", rows: LabelledRows, scores: Floats) -> dict[str, "Figure"]:
    """Figures by name, of the holdout and its scores, (n,) or (n, k)."""
    return {**FIGURES[spec.label.type](spec, rows.labels, scores), "importance": _importance(spec, pipeline, rows)}


def _importance(spec: ModelSpec, pipeline: "Pipeline", rows: LabelledRows) -> "Figure":
    from sklearn.inspection import permutation_importance

    task = label_type(spec)

    def gain(fitted: "Pipeline", shuffled: "pd.DataFrame", labels: Floats) -> float:
        return -float(row_losses(spec.metric, labels, task.predict(fitted, shuffled)).mean())

    chosen = np.random.default_rng(spec.training.seed).permutation(len(rows.labels))[:IMPORTANCE_ROWS]
    frame = model_inputs(spec, rows.table.take(chosen))
    found = permutation_importance(
        pipeline, frame, rows.labels[chosen], scoring=gain, n_repeats=2, random_state=spec.training.seed
    )
    order = np.argsort(found.importances_mean)[-MOST_FEATURES:]
    loss = spec.metric.replace("_", " ")
    figure, axes = new_figure("Permutation importance on the holdout", f"{loss} added when shuffled", "")
    axes.barh([frame.columns[i] for i in order], found.importances_mean[order], xerr=found.importances_std[order])
    return figure

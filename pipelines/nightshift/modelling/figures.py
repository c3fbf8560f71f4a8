"""The figures of a training run: those of its kind of label, and what each feature is worth."""

from typing import TYPE_CHECKING

import numpy as np

from nightshift.concurrency import openmp_for
from nightshift.modelling.arrays import Floats
from nightshift.modelling.holdout import LabelledRows
from nightshift.modelling.inputs import model_inputs
from nightshift.modelling.label_types import label_type
from nightshift.modelling.plots.figure import new_figure
from nightshift.modelling.plots.shapley import shapley_figure
from nightshift.modelling.shapley import shapley_values
from nightshift.spec import ModelSpec

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure
    from sklearn.pipeline import Pipeline

IMPORTANCE_ROWS = 4000
MOST_FEATURES = 20


def training_figures(
    spec: ModelSpec, pipeline: "Pipeline", unseen: LabelledRows, labels: Floats, scores: Floats
) -> dict[str, "Figure"]:
    """Figures by name: of all judged labels, (n,), and their scores, (n,) or (n, k).

    What a feature is worth is of the pipeline, on rows that it did not see.
    """
    figures = label_type(spec).figures(labels, scores)
    figures["importance"] = _importance(spec, pipeline, unseen)
    # It takes seconds: for who spends minutes on a search.
    if not spec.search:
        return figures
    explained = shapley_values(spec, pipeline, unseen)
    if explained is not None:
        figures["shap"] = shapley_figure(explained)
    return figures


def _importance(spec: ModelSpec, pipeline: "Pipeline", rows: LabelledRows) -> "Figure":
    from sklearn.inspection import permutation_importance

    label = label_type(spec)

    def gain(fitted: "Pipeline", shuffled: "pd.DataFrame", labels: Floats) -> float:
        scores = label.predict(fitted, shuffled)
        losses = label.row_losses(spec.metric, labels, scores)
        return -float(losses.mean())

    order = np.random.default_rng(spec.training.seed).permutation(len(rows.labels))
    chosen = order[:IMPORTANCE_ROWS]
    frame = model_inputs(spec, rows.table.take(chosen))
    with openmp_for(frame.size):
        importance = permutation_importance(
            pipeline,
            frame,
            rows.labels[chosen],
            scoring=gain,
            n_repeats=2,
            random_state=spec.training.seed,
        )
    largest = np.argsort(importance.importances_mean)[-MOST_FEATURES:]
    loss = spec.metric.replace("_", " ")
    figure, axes = new_figure("Permutation importance on the judged nights", f"{loss} added when shuffled", "")
    axes.barh(
        frame.columns[largest],
        importance.importances_mean[largest],
        xerr=importance.importances_std[largest],
    )
    return figure

"""Whether as many outcomes are below a quantile as it says."""

from typing import TYPE_CHECKING

import numpy as np

from nightshift.modelling.arrays import Floats
from nightshift.modelling.plots.figure import new_figure, some_rows
from nightshift.spec import ModelSpec

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_POINTS = 400


def figures(spec: ModelSpec, labels: Floats, scores: Floats) -> dict[str, "Figure"]:
    """Figures by name; labels (n,) and quantiles (n, k)."""
    return {
        "coverage": _coverage(spec, labels, scores),
        "quantiles_actual": _quantiles_actual(spec, labels, scores),
    }


def _coverage(spec: ModelSpec, labels: Floats, scores: Floats) -> "Figure":
    figure, axes = new_figure("Coverage on the judged nights", "quantile", "share of outcomes at or below it")
    is_below = labels[:, None] <= scores
    shares = is_below.mean(axis=0)
    axes.plot([0, 1], [0, 1], "--", color="grey", label="perfect")
    axes.plot(spec.label.quantiles, shares, "o-")
    axes.legend()
    return figure


def _quantiles_actual(spec: ModelSpec, labels: Floats, scores: Floats) -> "Figure":
    """Some rows, in the order of the quantile that stands for all."""
    figure, axes = new_figure("Quantiles and what came", "rows, by prediction", spec.label.column)
    middle = scores[:, spec.label.middle]
    chosen = some_rows(spec, len(labels), MOST_POINTS)
    by_prediction = np.argsort(middle[chosen])
    ranked = chosen[by_prediction]
    places = np.arange(len(ranked))
    lowest = scores[ranked, 0]
    highest = scores[ranked, -1]
    axes.fill_between(
        places,
        lowest,
        highest,
        alpha=0.3,
    )
    axes.plot(
        places,
        middle[ranked],
        label="prediction",
    )
    axes.plot(
        places,
        labels[ranked],
        ".",
        color="black",
        markersize=3,
        label="actual",
    )
    axes.legend()
    return figure

"""Which classes are taken for which, and how sure the likeliest one is."""

from typing import TYPE_CHECKING

import numpy as np

from nightshift.modelling.arrays import Floats
from nightshift.modelling.plots.confusion import confusion
from nightshift.modelling.plots.figure import new_figure
from nightshift.spec import ModelSpec

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def figures(spec: ModelSpec, labels: Floats, scores: Floats) -> dict[str, "Figure"]:
    """Figures by name; labels are places of classes (n,), scores (n, k)."""
    return {
        "confusion": confusion(spec.label.classes, labels, scores.argmax(axis=1)),
        "confidence": _confidence(labels, scores),
    }


def _confidence(labels: Floats, scores: Floats) -> "Figure":
    """Of rows cut into tenths by the largest probability: how often that class is the right one."""
    figure, axes = new_figure("Calibration of the likeliest class", "its probability", "share of rows that are of it")
    likeliest = scores.max(axis=1)
    right = scores.argmax(axis=1) == labels
    tenths = [part for part in np.array_split(np.argsort(likeliest), 10) if part.size]
    probabilities = [likeliest[part].mean() for part in tenths]
    shares = [right[part].mean() for part in tenths]
    axes.plot([0, 1], [0, 1], "--", color="grey", label="perfect")
    axes.plot(probabilities, shares, "o-", label="tenths of the rows")
    axes.legend()
    return figure

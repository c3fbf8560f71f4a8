"""How often each class comes, and how often it was expected."""

from typing import TYPE_CHECKING

import numpy as np

from nightshift.modelling.arrays import Floats
from nightshift.modelling.plots.figure import new_figure
from nightshift.spec import ModelSpec

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WIDTH = 0.4


def figures(spec: ModelSpec, outcomes: Floats, scores: Floats) -> dict[str, "Figure"]:
    """Figures by name; outcomes and scores, both (n, k)."""
    return {
        "classes": _classes(
            spec,
            outcomes,
            scores,
        ),
    }


def _classes(spec: ModelSpec, outcomes: Floats, scores: Floats) -> "Figure":
    figure, axes = new_figure("Classes on the judged nights", "share of rows", "")
    places = np.arange(len(spec.label.classes))
    bars = {
        "came": outcomes,
        "expected": scores,
    }
    for place, (name, values) in enumerate(bars.items()):
        axes.barh(
            places + place * WIDTH,
            values.mean(axis=0),
            height=WIDTH,
            label=name,
        )
    axes.set_yticks(places, spec.label.classes)
    axes.legend()
    return figure

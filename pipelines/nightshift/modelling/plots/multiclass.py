"""Which classes are taken for which, and how sure the likeliest one is."""

from typing import TYPE_CHECKING

import numpy as np

from nightshift.modelling.arrays import Float64s, Floats, Int64s
from nightshift.modelling.plots.figure import new_figure
from nightshift.spec import ModelSpec

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_NAMED = 30
"""With more classes their names would overlap."""
MOST_NUMBERED = 15
LONGEST_NAME = 20


def figures(spec: ModelSpec, labels: Floats, scores: Floats) -> dict[str, "Figure"]:
    """Figures by name; labels are places of classes (n,), scores (n, k)."""
    return {
        "confusion": _confusion(spec, labels, scores),
        "confidence": _confidence(labels, scores),
    }


def _confusion(spec: ModelSpec, labels: Floats, scores: Floats) -> "Figure":
    classes = spec.label.classes
    counts = np.zeros((len(classes), len(classes)), np.int64)
    predicted = scores.argmax(axis=1)
    np.add.at(counts, (labels.astype(np.int64), predicted), 1)
    of_class = counts.sum(axis=1, keepdims=True)
    shares = counts / np.maximum(of_class, 1)
    figure, axes = new_figure("Confusion on the holdout: rows, shade by share of the class", "predicted", "class")
    axes.grid(visible=False)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    if len(classes) <= MOST_NAMED:
        names = [_shortened(name) for name in classes]
        # Two dollar signs in a name would be read as a formula.
        axes.set_xticks(range(len(classes)), names, rotation=90, parse_math=False)
        axes.set_yticks(range(len(classes)), names, parse_math=False)
    if len(classes) <= MOST_NUMBERED:
        _write_counts(axes, counts, shares)
    return figure


def _shortened(name: str) -> str:
    if len(name) <= LONGEST_NAME:
        return name
    return f"{name[: LONGEST_NAME - 1]}…"


def _write_counts(axes: "Axes", counts: Int64s, shares: Float64s) -> None:
    for (row, column), count in np.ndenumerate(counts):
        dark = shares[row, column] > 0.5
        axes.text(
            column,
            row,
            f"{count}",
            ha="center",
            va="center",
            color="white" if dark else "black",
            fontsize=8,
        )


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

"""Which outcomes are taken for which."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from nightshift.modelling.arrays import Float64s, Floats, Int64s
from nightshift.modelling.plots.figure import new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_NAMED = 30
"""With more classes their names would overlap."""
MOST_NUMBERED = 15
LONGEST_NAME = 20


def confusion(names: Sequence[str], labels: Floats, predicted: Floats | Int64s, note: str = "") -> "Figure":
    """Rows by outcome and prediction, both places among the names (n,)."""
    counts = np.zeros((len(names), len(names)), np.int64)
    np.add.at(counts, (labels.astype(np.int64), predicted.astype(np.int64)), 1)
    of_class = counts.sum(axis=1, keepdims=True)
    shares = counts / np.maximum(of_class, 1)
    across = f"predicted{note}"
    figure, axes = new_figure("Confusion on the judged nights: rows, shade by share of the class", across, "class")
    axes.grid(visible=False)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    if len(names) <= MOST_NAMED:
        shown = [_shortened(name) for name in names]
        # Two dollar signs in a name would be read as a formula.
        axes.set_xticks(range(len(names)), shown, rotation=90, parse_math=False)
        axes.set_yticks(range(len(names)), shown, parse_math=False)
    if len(names) <= MOST_NUMBERED:
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

"""An empty figure with axes, and which rows are points of one."""

from typing import TYPE_CHECKING

import numpy as np

from nightshift.modelling.arrays import Places
from nightshift.spec import ModelSpec

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def new_figure(title: str, across: str, up: str) -> tuple["Figure", "Axes"]:
    """One figure, one pair of axes."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 5), dpi=110, layout="constrained")
    axes = figure.subplots()
    # Over the figure, not over the axes: those are narrow where the names beside them are long.
    figure.suptitle(title, fontsize=11)
    axes.set(xlabel=across, ylabel=up)
    axes.grid(alpha=0.25)
    return figure, axes


def laid_out(figure: "Figure") -> "Figure":
    """The figure with its parts where they belong for good: drawn as it is, it would be laid out twice."""
    engine = figure.get_layout_engine()
    if engine is not None:
        engine.execute(figure)
        figure.set_layout_engine(None)
    return figure


def some_rows(spec: ModelSpec, rows: int, most: int) -> Places:
    """So many of (n,) rows at most, the same ones in every training of them."""
    rng = np.random.default_rng(spec.training.seed)
    order = rng.permutation(rows)
    return order[:most]

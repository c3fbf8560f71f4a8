"""An empty figure with axes."""

from typing import TYPE_CHECKING

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

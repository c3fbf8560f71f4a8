"""The gate's comparison and its slices, each with its interval."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from nightshift.modelling.plots.figure import new_figure
from nightshift.spec import ModelSpec

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_SHOWN = 40
LONGEST_NAME = 40
LINE_INCHES = 0.25
LEAST_INCHES = 3.0
WORSE = "worse"
COLOURS = {True: "tab:red", False: "tab:blue"}


def gate_figure(spec: ModelSpec, table: Sequence[Mapping[str, Any]]) -> "Figure | None":
    """The first question of the table and the slices, in the metric's own unit; None where none has an interval.

    Other questions have units of their own, and stand in the table alone.
    """
    rows = _shown(spec, table)
    if not rows:
        return None
    loss = spec.metric.replace("_", " ")
    figure, axes = new_figure("Challenger less champion, with intervals", f"{loss} of a row", "")
    height = 1 + LINE_INCHES * len(rows)
    figure.set_figheight(max(LEAST_INCHES, height))
    for place, row in enumerate(rows):
        _draw(axes, place, row)
    names = [str(row["name"])[:LONGEST_NAME] for row in rows]
    axes.set_yticks(range(len(rows)), names, parse_math=False)
    axes.invert_yaxis()
    axes.axvline(0, color="grey", ls="--", label="no difference")
    allowed = spec.gates.slice_allowance
    axes.axvline(allowed, color="tab:red", ls=":", label="allowed in a slice")
    axes.legend()
    return figure


def _shown(spec: ModelSpec, table: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    shown = []
    for place, row in enumerate(table):
        has_interval = row.get("low") is not None and row.get("high") is not None
        is_shown = place == 0 or _is_slice(spec, row)
        if has_interval and is_shown:
            shown.append(row)
    return shown[:MOST_SHOWN]


def _draw(axes: "Axes", place: int, row: Mapping[str, Any]) -> None:
    is_worse = row.get("verdict") == WORSE
    colour = COLOURS[is_worse]
    ends = [row["low"], row["high"]]
    axes.plot(ends, [place, place], "-", color=colour)
    axes.plot(row["estimate"], place, "o", color=colour)


def _is_slice(spec: ModelSpec, row: Mapping[str, Any]) -> bool:
    """Whether a row is about one value of a column that model.yaml names, as ``column value``."""
    name = str(row["name"])
    begins = [f"{column} " for column in spec.gates.slices]
    return name.startswith(tuple(begins))

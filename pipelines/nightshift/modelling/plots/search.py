"""A search, trial by trial, and what it tried of each parameter."""

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from nightshift.modelling.plots.figure import new_figure
from nightshift.stores.searches import SearchRecord, TrialRecord

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLUMNS = 3
MOST_PARAMETERS = 9
PANEL_INCHES = 2.6
LOG_FACTOR = 20
"""Values that are so many times apart are drawn on a logarithmic axis."""
COLOURS = {"finished": "tab:blue", "pruned": "lightgrey"}
OWN = "model.yaml's own"
WON = "chosen"


def search_figures(search: SearchRecord) -> dict[str, "Figure"]:
    """Figures by name; none of a search that tried nothing."""
    tried = [trial for trial in search.trials if trial.losses]
    if not tried:
        return {}
    figures = {"search": _history(search, tried)}
    panels = _panels(tried)
    if panels:
        figures["search_parameters"] = _parameters(search, tried, panels)
    return figures


def _history(search: SearchRecord, tried: Sequence[TrialRecord]) -> "Figure":
    loss = search.metric.replace("_", " ")
    figure, axes = new_figure("The search, trial by trial", "trial", f"{loss} of a row")
    for state, colour in COLOURS.items():
        of_state = [trial for trial in tried if trial.state == state]
        if not of_state:
            continue
        numbers = [trial.number for trial in of_state]
        losses = [trial.losses[-1] for trial in of_state]
        axes.plot(numbers, losses, "o", color=colour, label=state)
    best = _best_so_far(tried)
    numbers = list(best)
    least = list(best.values())
    axes.step(
        numbers,
        least,
        where="post",
        color="tab:blue",
        alpha=0.5,
        label="least so far",
    )
    _mark(axes, search, tried)
    axes.legend(fontsize=8)
    return figure


def _mark(axes: "Axes", search: SearchRecord, tried: Sequence[TrialRecord]) -> None:
    """Where model.yaml's own recipe is, and the one that won."""
    for trial in tried:
        loss = trial.losses[-1]
        if trial.number == 0:
            axes.axhline(loss, color="grey", ls="--", label=OWN)
        if trial.number == search.winner:
            numbers = [trial.number]
            axes.plot(numbers, [loss], "*", markersize=14, color="tab:orange", label=WON)


def _best_so_far(tried: Sequence[TrialRecord]) -> dict[int, float]:
    best: dict[int, float] = {}
    least = float("inf")
    for trial in tried:
        if trial.loss is not None:
            least = min(least, trial.loss)
            best[trial.number] = least
    return best


def _panels(tried: Sequence[TrialRecord]) -> list[tuple[int, str]]:
    """Candidates and their parameters, as they were tried; numbers alone have an axis."""
    panels: Counter[tuple[int, str]] = Counter()
    for trial in tried:
        for name, value in trial.values.items():
            if not _is_number(value):
                continue
            panel = (trial.candidate, name)
            panels[panel] += 1
    drawn = [panel for panel, times in panels.items() if times > 1]
    return drawn[:MOST_PARAMETERS]


def _is_number(value: object) -> bool:
    if isinstance(value, bool):
        return False
    return isinstance(value, int | float)


def _parameters(search: SearchRecord, tried: Sequence[TrialRecord], panels: Sequence[tuple[int, str]]) -> "Figure":
    from matplotlib.figure import Figure

    lines = -(-len(panels) // COLUMNS)
    figure = Figure(figsize=(COLUMNS * PANEL_INCHES, lines * PANEL_INCHES), dpi=110, layout="constrained")
    grid = figure.subplots(lines, COLUMNS, squeeze=False, sharey=True).flat
    for axes, (candidate, name) in zip(grid, panels, strict=False):
        trainer = search.candidates[candidate - 1]["trainer"]
        of_candidate = [trial for trial in tried if trial.candidate == candidate]
        _panel(axes, name, of_candidate)
        axes.set_title(trainer, fontsize=8)
    for axes in list(grid)[len(panels) :]:
        axes.set_visible(False)
    loss = search.metric.replace("_", " ")
    figure.suptitle("What the search tried of each parameter", fontsize=11)
    figure.supylabel(f"{loss} of a row", fontsize=9)
    return figure


def _panel(axes: "Axes", name: str, trials: Sequence[TrialRecord]) -> None:
    values: list[Any] = [trial.values[name] for trial in trials]
    losses = [trial.losses[-1] for trial in trials]
    colours = [COLOURS.get(trial.state, "lightgrey") for trial in trials]
    axes.scatter(
        values,
        losses,
        c=colours,
        s=14,
    )
    least = min(values)
    most = max(values)
    if least > 0 and most > LOG_FACTOR * least:
        _logarithmic(axes, least, most)
    axes.set_xlabel(name, fontsize=8)
    axes.tick_params(labelsize=7)
    axes.grid(alpha=0.25)


def _logarithmic(axes: "Axes", least: float, most: float) -> None:
    """Few labels: those of matplotlib lie on one another in so narrow a panel."""
    axes.set_xscale("log")
    product = least * most
    middle = product**0.5
    ticks = [least, middle, most]
    labels = [f"{tick:.2g}" for tick in ticks]
    axes.set_xticks(ticks, labels=labels)
    axes.minorticks_off()

"""The table and the plot of a search, for the MLflow run."""

import html
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from nightshift.errors import plain
from nightshift.modelling.label_types import label_type
from nightshift.modelling.metrics import Difference
from nightshift.optimization.variants.evaluator import VariantResult
from nightshift.spec import ModelSpec

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

NEIGHBOURS = 1.35
"""Speeds nearer than this ratio have labels that would overlap."""
CHOSEN = "tab:green"
ELIGIBLE = "tab:blue"
REFUSED = "tab:grey"
LABEL_BOX = {"boxstyle": "round,pad=0.15", "fc": "white", "ec": "none", "alpha": 0.85}


def as_json(results: Sequence[VariantResult], chosen: VariantResult) -> str:
    """Every line of the table, and which graph was taken."""
    content = {
        "chosen": chosen.name,
        "variants": [result.flat() for result in results],
    }
    return json.dumps(content, indent=1)


def as_markdown(spec: ModelSpec, results: Sequence[VariantResult], chosen: VariantResult) -> str:
    """The same for people."""
    metric = spec.metric
    allowed = spec.optimize.max_metric_loss
    lines = [
        f"# {spec.name}: {chosen.name} scores",
        "",
        f"The fastest graph within the tolerances, measured on this machine ({spec.optimize.provider}). Exact graphs"
        f" may differ by {spec.optimize.max_abs_difference:.0e}, and predict another thing only where a score is so"
        f" near to where predictions turn; for the others, the {metric} they lose"
        f" against fp32 may be {'none' if allowed is None else allowed} at the upper end of its interval.",
        "",
        f"| graph | rows/s | {metric} lost | interval | max difference | mean | flips | near | KiB | load | verdict |",
        "|---|--:|--:|---|--:|--:|--:|--:|--:|--:|---|",
        *(_line(result, chosen) for result in results),
    ]
    note = label_type(spec).difference_note
    if note:
        lines += ["", note]
    return "\n".join(lines) + "\n"


def _line(result: VariantResult, chosen: VariantResult) -> str:
    kib = result.bytes and result.bytes / 1024
    cells = [
        result.name,
        _formatted(result.rows_per_second, ",.0f"),
        *_differences(result),
        _formatted(kib, ",.0f"),
        _formatted(result.load_ms, ".1f") and f"{result.load_ms:.1f} ms",
        _verdict(result, chosen),
    ]
    return f"| {' | '.join(cells)} |"


def _differences(result: VariantResult) -> list[str]:
    loss = result.loss
    parity = result.parity
    if not loss or not parity:
        return [""] * 6
    return [
        f"{loss.mean:+.5f}",
        f"{loss.low:+.5f} to {loss.high:+.5f}",
        f"{parity.max_difference:.1e}",
        f"{parity.mean_difference:.1e}",
        f"{parity.label_flips:,}",
        f"{parity.near_flips:,}",
    ]


def _verdict(result: VariantResult, chosen: VariantResult) -> str:
    if result.name == chosen.name:
        return "**chosen**"
    if not result.refusal:
        return "within tolerance"
    first_line, *_ = result.refusal.splitlines()
    # It may quote a row of the data.
    return html.escape(plain(first_line), quote=False).replace("|", "/").replace("`", "'")


def _formatted(value: float | None, form: str) -> str:
    if value is None:
        return ""
    return format(value, form)


def pareto(spec: ModelSpec, results: Sequence[VariantResult], chosen: VariantResult) -> "Figure":
    """Metric lost, with its interval, over rows per second; the allowance is a line."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 5.5), dpi=110, layout="constrained")
    axes = figure.subplots()
    points = _points(results)
    for name, speed, loss in points:
        axes.errorbar(
            [speed],
            [loss.mean],
            yerr=[[loss.mean - loss.low], [loss.high - loss.mean]],
            fmt="o",
            color=_color(name, results, chosen),
            ms=11 if name == chosen.name else 6,
            capsize=4,
        )
    _legend(axes, spec)
    axes.set(xlabel="rows per second, all cores", ylabel=f"{spec.metric} lost against fp32")
    axes.set_title(f"{spec.name}: speed and what it costs")
    _thousands(axes)
    _label(axes, points)
    axes.grid(alpha=0.25, which="both")
    return figure


def _points(results: Sequence[VariantResult]) -> list[tuple[str, float, Difference]]:
    """Name, rows per second and loss of those that were measured."""
    return [
        (result.name, result.rows_per_second, result.loss)
        for result in results
        if result.loss and result.rows_per_second
    ]


def _color(name: str, results: Sequence[VariantResult], chosen: VariantResult) -> str:
    if name == chosen.name:
        return CHOSEN
    refused = {result.name for result in results if result.refusal}
    if name in refused:
        return REFUSED
    return ELIGIBLE


def _legend(axes: "Axes", spec: ModelSpec) -> None:
    allowed = spec.optimize.max_metric_loss
    if allowed is not None:
        axes.axhline(allowed, ls="--", color="tab:red", lw=1, label="allowed: interval below")
    axes.axhline(0, color="black", lw=0.8)
    axes.plot([], [], "o", color=CHOSEN, label="chosen")
    axes.plot([], [], "o", color=ELIGIBLE, label="within tolerance")
    axes.plot([], [], "o", color=REFUSED, label="refused")
    axes.legend(loc="best", fontsize=8)


def _thousands(axes: "Axes") -> None:
    """A logarithmic axis, since speeds are compared as ratios, with numbers that can be read."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 3, 5, 7)))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda speed, _: f"{speed / 1000:,.0f}k"))


def _label(axes: "Axes", points: list[tuple[str, float, Difference]]) -> None:
    """Names by turns above and below the points; of neighbours on one side each is a line further out."""
    by_speed = sorted(points, key=lambda point: point[1])
    for side, above in ((by_speed[::2], True), (by_speed[1::2], False)):
        line = 0
        speed_before = 0.0
        for name, speed, loss in side:
            near = speed < NEIGHBOURS * speed_before
            line = line + 1 if near else 0
            speed_before = speed
            _annotate(axes, name, speed, loss, above=above, line=line)
    axes.margins(x=0.1, y=0.14)


def _annotate(axes: "Axes", name: str, speed: float, loss: Difference, *, above: bool, line: int) -> None:
    points_away = 5 + 13 * line
    side = 1 if above else -1
    end = loss.high if above else loss.low
    edge = "bottom" if above else "top"
    axes.annotate(
        name,
        (speed, end),
        xytext=(0, side * points_away),
        textcoords="offset points",
        ha="center",
        va=edge,
        fontsize=8,
        bbox=LABEL_BOX,
    )

"""The table and the plot of a search, for the MLflow run."""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from nightshift.optimization.variants.evaluator import VariantResult
from nightshift.spec import ModelSpec

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

NEIGHBOURS = 1.35
"""Speeds nearer than this ratio have labels that would overlap."""
CHOSEN, ELIGIBLE, REFUSED = "tab:green", "tab:blue", "tab:grey"


def as_json(entries: Sequence[VariantResult], chosen: VariantResult) -> str:
    """Every line of the table, and which graph was taken."""
    return json.dumps({"chosen": chosen.name, "variants": [entry.flat() for entry in entries]}, indent=1)


def as_markdown(spec: ModelSpec, entries: Sequence[VariantResult], chosen: VariantResult) -> str:
    """The same for people."""
    metric, allowed = spec.metric, spec.optimize.max_metric_loss
    lines = [
        f"# {spec.name}: {chosen.name} scores",
        "",
        f"The fastest graph within the tolerances, measured on this machine ({spec.optimize.provider}). Exact graphs"
        f" may differ by {spec.optimize.max_abs_difference:.0e}; for the others, the {metric} they lose"
        f" against fp32 may be {'none' if allowed is None else allowed} at the upper end of its interval.",
        "",
        f"| graph | rows/s | {metric} lost | interval | max difference | mean | flips | KiB | load ms | verdict |",
        "|---|--:|--:|---|--:|--:|--:|--:|--:|---|",
        *(_line(entry, chosen) for entry in entries),
    ]
    if spec.label.type == "regression":
        lines += ["", "Differences are in standard deviations of the trained model's predictions on the holdout."]
    return "\n".join(lines) + "\n"


def _line(entry: VariantResult, chosen: VariantResult) -> str:
    verdict = "**chosen**" if entry.name == chosen.name else _first_line(entry.refusal) or "within tolerance"
    cells = [entry.name, _shown(entry.rows_per_second, ",.0f")]
    if entry.loss and entry.parity:
        cells += [f"{entry.loss.mean:+.5f}", f"{entry.loss.low:+.5f} to {entry.loss.high:+.5f}"]
        cells += [f"{entry.parity.max_difference:.1e}", f"{entry.parity.mean_difference:.1e}"]
        cells += [f"{entry.parity.label_flips:,}"]
    else:
        cells += [""] * 5
    cells += [_shown(entry.bytes and entry.bytes / 1024, ",.0f"), _shown(entry.load_ms, ".1f"), verdict]
    return f"| {' | '.join(cells)} |"


def _shown(value: float | None, form: str) -> str:
    return "" if value is None else format(value, form)


def _first_line(text: str) -> str:
    return text.splitlines()[0].replace("|", "/") if text else ""


def pareto(spec: ModelSpec, entries: Sequence[VariantResult], chosen: VariantResult) -> "Figure":
    """Metric lost, with its interval, over rows per second; the allowance is a line."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 5.5), dpi=110, layout="constrained")
    axes = figure.subplots()
    shown = [entry for entry in entries if entry.loss and entry.rows_per_second]
    for entry in shown:
        _point(axes, entry, chosen)
    if spec.optimize.max_metric_loss is not None:
        axes.axhline(spec.optimize.max_metric_loss, ls="--", color="tab:red", lw=1, label="allowed: interval below")
    axes.axhline(0, color="black", lw=0.8)
    for color, label in ((CHOSEN, "chosen"), (ELIGIBLE, "within tolerance"), (REFUSED, "refused")):
        axes.plot([], [], "o", color=color, label=label)
    axes.set(xlabel="rows per second, all cores", ylabel=f"{spec.metric} lost against fp32")
    axes.set_title(f"{spec.name}: speed and what it costs")
    _thousands(axes)
    _label(axes, shown)
    axes.grid(alpha=0.25, which="both")
    axes.legend(loc="best", fontsize=8)
    return figure


def _point(axes: "Axes", entry: VariantResult, chosen: VariantResult) -> None:
    loss: Any = entry.loss
    speed: Any = entry.rows_per_second
    color = CHOSEN if entry.name == chosen.name else REFUSED if entry.refusal else ELIGIBLE
    spread = [[loss.mean - loss.low], [loss.high - loss.mean]]
    size = 11 if entry.name == chosen.name else 6
    axes.errorbar([speed], [loss.mean], yerr=spread, fmt="o", color=color, ms=size, capsize=4)


def _thousands(axes: "Axes") -> None:
    """A logarithmic axis, since speeds are compared as ratios, with numbers that can be read."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 3, 5, 7)))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda speed, _: f"{speed / 1000:,.0f}k"))


def _label(axes: "Axes", shown: Sequence[VariantResult]) -> None:
    """Names by turns above and below the points; of neighbours on one side each is a line further out."""
    last: dict[bool, tuple[float, int]] = {}
    for place, entry in enumerate(sorted(shown, key=lambda e: e.rows_per_second or 0)):
        loss, speed, above = entry.loss, entry.rows_per_second or 1.0, place % 2 == 0
        before, line = last.get(above, (0.0, 0))
        line = line + 1 if before and speed / before < NEIGHBOURS else 0
        last[above] = speed, line
        if loss is None:
            continue
        axes.annotate(
            entry.name, (speed, loss.high if above else loss.low), ha="center", fontsize=8,
            va="bottom" if above else "top", xytext=(0, (5 + 13 * line) * (1 if above else -1)),
            textcoords="offset points", bbox={"boxstyle": "round,pad=0.15", "fc": "white", "ec": "none", "alpha": 0.85},
        )  # fmt: skip
    axes.margins(x=0.1, y=0.14)

"""One night on one page: self-contained HTML that a person on call reads in ten seconds.

No script, no external resource; charts are SVG in the page, colours follow the reader's light or dark
setting. Everything from data is escaped.
"""

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from nightshift.modelling.label_types import label_type
from nightshift.modelling.label_types.base import ReportColumn
from nightshift.profiles import distance
from nightshift.spec import ModelSpec

TOP = 6
# Bars end at three times the alarm line: beyond it the number says how far.
WIDEST = 3.0
CHART = (300.0, 96.0)
# More categories than this are shown as one bar "rest".
MOST_BARS = 16


def render(spec: ModelSpec, night: dict[str, Any], mlflow_url: str) -> str:
    """The page of a night, from the content of its ``_drift.json``."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("nightshift.monitoring", "."), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    features = night["drift"]["features"]
    calibrated = [feature for feature in features if feature["calibrated"]]
    label = label_type(spec)
    score = next((f for f in features if f["feature"] == label.drift_column), None)
    return environment.get_template("report.html.j2").render(
        night=night,
        drift=night["drift"],
        title=verdict(night),
        alarms=alarms(night),
        top=[(f, histogram(f)) for f in features[:TOP] if f is not score],
        score=(score, histogram(score)) if score else None,
        widest=min(max([1.0, *(feature["ratio"] for feature in calibrated)]), WIDEST),
        line=loss_line(night["accuracy"]),
        version_url=f"{mlflow_url}/#/models/{spec.name}/versions/{night['version']}",
        decides=f"decides at {spec.predict.threshold}" if label.has_threshold else "as published",
        columns=accuracy_columns(spec, night["accuracy"]),
        loss=" or ".join(sorted({loss_name(r).replace("_", " ") for r in night["accuracy"]})),
        distance_name=distance.NAME,
        loss_of=loss_of,
        number=number,
        chart=CHART,
    )


def verdict(night: dict[str, Any]) -> str:
    """The night in one sentence."""
    found = alarms(night)
    return f"Night {night['partition']}: {' and '.join(found) if found else 'quiet'}"


def alarms(night: dict[str, Any]) -> list[str]:
    """What alarmed, worst first; empty on a quiet night."""
    drifted = [f for f in night["drift"]["features"] if f["drifted"]]
    found = []
    if drifted:
        more = f" (and {len(drifted) - 1} more)" if len(drifted) > 1 else ""
        ratio = drifted[0]["ratio"]
        times = "over 10x" if ratio > 10 else f"{ratio:.1f}x"
        found.append(f"drift in {drifted[0]['feature']}{more}, {times} its alarm line")
    if lost := [record["night"] for record in night["accuracy"] if record["lost"]]:
        found.append(f"lost accuracy on {', '.join(lost)}")
    return found


def histogram(feature: dict[str, Any]) -> list[dict[str, Any]]:
    """Bars of a feature: label, share of the night and of the reference, and their place in the chart."""
    labels = _numeric_labels(feature["edges"]) if feature["kind"] == "numeric" else [*feature["categories"], "other"]
    night, reference = (_shares(feature[name]) for name in ("counts", "reference"))
    bars = list(zip([*labels, "null"], night, reference, strict=True))
    bars = _fold(bars) if feature["kind"] == "category" else _without_empty_ends(bars)
    highest = max(max(n, r) for _, n, r in bars) or 1.0
    width, height = CHART
    step = width / len(bars)
    return [
        {
            "label": label, "night": n, "reference": r, "x": i * step, "width": step * 0.4,
            "night_height": n / highest * height, "reference_height": r / highest * height,
        }
        for i, (label, n, r) in enumerate(bars)
    ]  # fmt: skip


def loss_line(records: Sequence[dict[str, Any]]) -> dict[str, Any] | None:
    """The loss of each labelled night as points of a chart, with the limits; None without a labelled night."""
    known = [r for r in records if loss_of(r) is not None]
    if not known:
        return None
    values: list[float] = [r["metrics"][loss_name(r)] for r in known]
    limits = [r["limit"] for r in known]
    highest = 1.1 * max([*values, *(v for v in limits if v is not None)]) or 1.0
    width, height = CHART

    def place(index: int, value: float) -> tuple[float, float]:
        return ((index + 0.5) * width / len(known), height * (1 - value / highest))

    return {
        "points": [(r, *place(i, v)) for i, (r, v) in enumerate(zip(known, values, strict=True))],
        "limits": [place(i, v) for i, v in enumerate(limits) if v is not None],
    }


def loss_name(record: dict[str, Any]) -> str:
    """The metric that a record's limit is about; the first records knew one only."""
    return str(record.get("loss", "log_loss"))


def loss_of(record: dict[str, Any]) -> float | None:
    """That metric of the night."""
    value: float | None = record["metrics"][loss_name(record)]
    return value


def number(value: float | None, digits: int = 3) -> str:
    """For people: losses of some labels are in the thousands."""
    if value is None:
        return "-"
    return f"{value:.{digits}f}" if abs(value) < 10 else f"{value:,.1f}"


def accuracy_columns(spec: ModelSpec, records: Sequence[dict[str, Any]]) -> list[ReportColumn]:
    """The columns of the table besides loss and limit."""
    losses = {loss_name(record) for record in records}
    return [column for column in label_type(spec).report_columns if column.metric not in losses]


def _numeric_labels(edges: Sequence[float]) -> list[str]:
    if not edges:
        return ["any"]
    inner = [_span(low, high) for low, high in pairwise(edges)]
    # The outer edges of the inner bins lie where no reference row does; what counts is the nearer one.
    if len(inner) > 1 and " to " in inner[0]:
        inner[0] = f"up to {edges[1]:.4g}"
    if len(inner) > 1 and " to " in inner[-1]:
        inner[-1] = f"{edges[-2]:.4g} or more"
    return [f"below {edges[0] + 0.0:.4g}", *inner, f"above {edges[-1]:.4g}"]


def _span(low: float, high: float) -> str:
    # A bin of one float's width holds one value.
    if high == math.nextafter(low, math.inf):
        return f"{low + 0.0:.4g}"
    return f"{low + 0.0 if abs(low) > 1e-300 else 0.0:.4g} to {high:.4g}"


def _shares(counts: Sequence[int]) -> list[float]:
    total = sum(counts) or 1
    return [count / total for count in counts]


def _without_empty_ends(bars: list[tuple[str, float, float]]) -> list[tuple[str, float, float]]:
    ends = {0, len(bars) - 2}
    kept = [bar for i, bar in enumerate(bars[:-1]) if bar[1] or bar[2] or i not in ends]
    return [*(kept or bars[:1]), bars[-1]]


def _fold(bars: list[tuple[str, float, float]]) -> list[tuple[str, float, float]]:
    if len(bars) <= MOST_BARS:
        return bars
    shown, rest = bars[: MOST_BARS - 3], bars[MOST_BARS - 3 : -2]
    return [*shown, (f"{len(rest)} more", sum(b[1] for b in rest), sum(b[2] for b in rest)), *bars[-2:]]

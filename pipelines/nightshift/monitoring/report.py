"""One night on one page: self-contained HTML that a person on call reads in ten seconds.

No script, no external resource; charts are SVG in the page, colours follow the reader's light or dark
setting. Everything from data is escaped.
"""

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from nightshift.mlflow_pages import version_page
from nightshift.modelling.label_types import label_type
from nightshift.modelling.label_types.base import ReportColumn
from nightshift.monitoring.accuracy import Accuracy
from nightshift.monitoring.age import old_champion
from nightshift.monitoring.drift import FeatureDrift
from nightshift.monitoring.night_record import NightRecord
from nightshift.profiles import distance
from nightshift.spec import ModelSpec

TOP = 6
# Bars end at three times the alarm line: beyond it the number says how far.
WIDEST = 3.0
CHART = (300.0, 96.0)
# More categories than this are shown as one bar "rest".
MOST_BARS = 16


class Bar(NamedTuple):
    """A bin of a feature, and the shares of the rows that lie in it."""

    label: str
    night: float
    reference: float


def render(spec: ModelSpec, night: NightRecord, mlflow_url: str) -> str:
    """The page of a night, from its record."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("nightshift.monitoring", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
    )
    template = environment.get_template("report.html.j2")
    features = night.drift.features
    score = _score_feature(spec, features)
    top = [(feature, histogram(feature)) for feature in features[:TOP] if feature is not score]
    losses = {record.loss.replace("_", " ") for record in night.accuracy}
    return template.render(
        night=night,
        drift=night.drift,
        title=verdict(night),
        alarms=alarms(night),
        top=top,
        score=(score, histogram(score)) if score else None,
        widest=_widest(features),
        line=loss_line(night.accuracy),
        version_url=version_page(mlflow_url, spec.name, night.version),
        decides=_decides(spec),
        old=old_champion(spec, night.version, night.pin.trained_through, night.partition),
        columns=accuracy_columns(spec, night.accuracy),
        loss=" or ".join(sorted(losses)),
        distance_name=distance.NAME,
        loss_of=loss_of,
        number=number,
        chart=CHART,
    )


def verdict(night: NightRecord) -> str:
    """The night in one sentence."""
    alarmed = " and ".join(alarms(night))
    return f"Night {night.partition}: {alarmed or 'quiet'}"


def alarms(night: NightRecord) -> list[str]:
    """What alarmed, worst first; empty on a quiet night."""
    drifted = [feature for feature in night.drift.features if feature.drifted]
    lost = [record.night for record in night.accuracy if record.lost]
    alarmed = []
    if drifted:
        worst = drifted[0]
        more = f" (and {len(drifted) - 1} more)" if len(drifted) > 1 else ""
        times = "over 10x" if worst.ratio > 10 else f"{worst.ratio:.1f}x"
        alarmed.append(f"drift in {worst.feature}{more}, {times} its alarm line")
    if lost:
        alarmed.append(f"lost accuracy on {', '.join(lost)}")
    return alarmed


def histogram(feature: FeatureDrift) -> list[dict[str, Any]]:
    """Bars of a feature: label, share of the night and of the reference, and their place in the chart."""
    bars = _bars(feature)
    highest = max(max(bar.night, bar.reference) for bar in bars) or 1.0
    width, height = CHART
    step = width / len(bars)
    placed = []
    for index, bar in enumerate(bars):
        placed.append({
            "label": bar.label,
            "night": bar.night,
            "reference": bar.reference,
            "x": index * step,
            "width": step * 0.4,
            "night_height": bar.night / highest * height,
            "reference_height": bar.reference / highest * height,
        })
    return placed


def loss_line(records: Sequence[Accuracy]) -> dict[str, Any] | None:
    """The loss of each labelled night as points of a chart, with the limits; None without a labelled night."""
    labelled = [(record, loss) for record in records if (loss := loss_of(record)) is not None]
    if not labelled:
        return None
    losses = [loss for _, loss in labelled]
    limits = [record.limit for record, _ in labelled if record.limit is not None]
    highest = 1.1 * max([*losses, *limits]) or 1.0
    width, height = CHART

    def place(index: int, value: float) -> tuple[float, float]:
        x = (index + 0.5) * width / len(labelled)
        y = height * (1 - value / highest)
        return x, y

    loss_points = []
    limit_points = []
    for index, (record, loss) in enumerate(labelled):
        loss_points.append((record, *place(index, loss)))
        if record.limit is not None:
            limit_points.append(place(index, record.limit))
    return {"points": loss_points, "limits": limit_points}


def loss_of(record: Accuracy) -> float | None:
    """The metric that a record's limit is about."""
    return record.metrics[record.loss]


def number(value: float | None, digits: int = 3) -> str:
    """For people: losses of some labels are in the thousands."""
    if value is None:
        return "-"
    if abs(value) < 10:
        return f"{value:.{digits}f}"
    return f"{value:,.1f}"


def accuracy_columns(spec: ModelSpec, records: Sequence[Accuracy]) -> list[ReportColumn]:
    """The columns of the table besides loss and limit."""
    losses = {record.loss for record in records}
    return [column for column in label_type(spec).report_columns if column.metric not in losses]


def _score_feature(spec: ModelSpec, features: Sequence[FeatureDrift]) -> FeatureDrift | None:
    """What the model publishes, as it is watched for drift; None where it is not watched."""
    column = label_type(spec).drift_column
    for feature in features:
        if feature.feature == column:
            return feature
    return None


def _decides(spec: ModelSpec) -> str:
    if label_type(spec).has_threshold:
        return f"decides at {spec.predict.decides_from}"
    return "as published"


def _widest(features: Sequence[FeatureDrift]) -> float:
    """Where bars of ratios end: at the greatest, from the alarm line on and not beyond ``WIDEST``."""
    ratios = [feature.ratio for feature in features if feature.calibrated]
    greatest: float = max([1.0, *ratios])
    return min(greatest, WIDEST)


def _bars(feature: FeatureDrift) -> list[Bar]:
    labels = [*_labels(feature), "null"]
    night = _shares(feature.counts)
    reference = _shares(feature.reference)
    bars = [Bar(*values) for values in zip(labels, night, reference, strict=True)]
    if feature.kind == "category":
        return _fold(bars)
    return _without_empty_ends(bars)


def _labels(feature: FeatureDrift) -> list[str]:
    """Of all bins but the last, of nulls."""
    if feature.kind == "numeric":
        return _numeric_labels(feature.edges)
    return [*feature.categories, "other"]


def _numeric_labels(edges: Sequence[float]) -> list[str]:
    if not edges:
        return ["any"]
    inner = [_span(low, high) for low, high in pairwise(edges)]
    # The outer edges of the inner bins lie where no reference row does; what counts is the nearer one.
    if len(inner) > 1 and " to " in inner[0]:
        inner[0] = f"up to {edges[1]:.4g}"
    if len(inner) > 1 and " to " in inner[-1]:
        inner[-1] = f"{edges[-2]:.4g} or more"
    lowest = edges[0] + 0.0  # a zero without its sign
    return [f"below {lowest:.4g}", *inner, f"above {edges[-1]:.4g}"]


def _span(low: float, high: float) -> str:
    # A bin of one float's width holds one value.
    if high == math.nextafter(low, math.inf):
        return f"{low + 0.0:.4g}"
    from_zero = abs(low) <= 1e-300
    start = 0.0 if from_zero else low + 0.0
    return f"{start:.4g} to {high:.4g}"


def _shares(counts: Sequence[int]) -> list[float]:
    total = sum(counts) or 1
    return [count / total for count in counts]


def _without_empty_ends(bars: list[Bar]) -> list[Bar]:
    *bins, null = bars
    ends = {0, len(bins) - 1}
    kept = []
    for index, bar in enumerate(bins):
        is_empty = not bar.night and not bar.reference
        if index not in ends or not is_empty:
            kept.append(bar)
    return [*(kept or bins[:1]), null]


def _fold(bars: list[Bar]) -> list[Bar]:
    """At most ``MOST_BARS``: those between the most frequent and the last two become one."""
    if len(bars) <= MOST_BARS:
        return bars
    most_frequent = bars[: MOST_BARS - 3]
    rest = bars[MOST_BARS - 3 : -2]
    night = sum(bar.night for bar in rest)
    reference = sum(bar.reference for bar in rest)
    folded = Bar(f"{len(rest)} more", night, reference)
    return [*most_frequent, folded, *bars[-2:]]

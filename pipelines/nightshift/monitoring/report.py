"""One night on one page: self-contained HTML that a person on call reads in ten seconds.

No script, no external resource; charts are SVG in the page, colours follow the reader's light or dark
setting. Everything from data is escaped.
"""

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from nightshift.modelling.label_types import label_type
from nightshift.monitoring.accuracy import Accuracy
from nightshift.monitoring.drift import FeatureDrift
from nightshift.monitoring.night_record import NightRecord
from nightshift.spec import ModelSpec

TOP = 6
# Bars end at three times the alarm line: beyond it the number says how far.
WIDEST = 3.0
CHART = (300.0, 96.0)
# More categories than this are shown as one bar "rest".
MOST_BARS = 16
COLUMNS = {
    "binary": [
        ("base rate's loss", "base_rate_log_loss", 3), ("log loss", "log_loss", 3), ("ROC AUC", "roc_auc", 3),
        ("PR AUC", "pr_auc", 3), ("Brier", "brier", 3), ("base rate", "base_rate", 2),
    ],
    "multiclass": [
        ("base rates' loss", "base_rate_log_loss", 3), ("log loss", "log_loss", 3), ("accuracy", "accuracy", 3),
        ("F1, mean of classes", "f1", 3), ("ROC AUC, each against the rest", "roc_auc", 3), ("Brier", "brier", 3),
    ],
    "regression": [
        ("RMSE", "rmse", 4), ("RMSE of the mean", "base_rmse", 4), ("MAE", "mae", 4),
        ("MAE of the median", "base_mae", 4), ("R²", "r2", 3),
    ],
}  # fmt: skip
"""Columns of a night's accuracy, by kind of label; more digits where values have a unit."""


def render(spec: ModelSpec, night: NightRecord, mlflow_url: str) -> str:
    """The page of a night, from its record."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("nightshift.monitoring", "."), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    features = night.drift.features
    calibrated = [feature for feature in features if feature.calibrated]
    score = next((f for f in features if f.feature == label_type(spec).watched), None)
    return environment.get_template("report.html.j2").render(
        night=night,
        drift=night.drift,
        title=verdict(night),
        alarms=alarms(night),
        top=[(f, histogram(f)) for f in features[:TOP] if f is not score],
        score=(score, histogram(score)) if score else None,
        widest=min(max([1.0, *(feature.ratio for feature in calibrated)]), WIDEST),
        line=loss_line(night.accuracy),
        version_url=f"{mlflow_url}/#/models/{spec.name}/versions/{night.version}",
        decides=f"decides at {spec.predict.threshold}" if spec.label.type == "binary" else "as published",
        columns=accuracy_columns(spec, night.accuracy),
        loss=" or ".join(sorted({record.loss.replace("_", " ") for record in night.accuracy})),
        loss_of=loss_of,
        number=number,
        chart=CHART,
    )


def verdict(night: NightRecord) -> str:
    """The night in one sentence."""
    alarmed = alarms(night)
    return f"Night {night.partition}: {' and '.join(alarmed) or 'quiet'}"


def alarms(night: NightRecord) -> list[str]:
    """What alarmed, worst first; empty on a quiet night."""
    sentences = []
    drifted = [feature for feature in night.drift.features if feature.drifted]
    if drifted:
        worst, others = drifted[0], len(drifted) - 1
        more = f" (and {others} more)" if others else ""
        times = "over 10x" if worst.ratio > 10 else f"{worst.ratio:.1f}x"
        sentences.append(f"drift in {worst.feature}{more}, {times} its alarm line")
    lost = [record.night for record in night.accuracy if record.lost]
    if lost:
        sentences.append(f"lost accuracy on {', '.join(lost)}")
    return sentences


def histogram(feature: FeatureDrift) -> list[dict[str, Any]]:
    """Bars of a feature: label, share of the night and of the reference, and their place in the chart."""
    numeric = feature.kind == "numeric"
    labels = _numeric_labels(feature.edges) if numeric else [*feature.categories, "other"]
    bars = list(zip([*labels, "null"], _shares(feature.counts), _shares(feature.reference), strict=True))
    bars = _without_empty_ends(bars) if numeric else _fold(bars)
    highest = max(max(night, reference) for _, night, reference in bars) or 1.0
    width, height = CHART
    step = width / len(bars)
    return [
        {
            "label": label,
            "night": night,
            "reference": reference,
            "x": place * step,
            "width": step * 0.4,
            "night_height": night / highest * height,
            "reference_height": reference / highest * height,
        }
        for place, (label, night, reference) in enumerate(bars)
    ]


def loss_line(records: Sequence[Accuracy]) -> dict[str, Any] | None:
    """The loss of each labelled night as points of a chart, with the limits; None without a labelled night."""
    losses = [(record, loss) for record in records if (loss := loss_of(record)) is not None]
    if not losses:
        return None
    limits = [record.limit for record, _ in losses]
    known_limits = [limit for limit in limits if limit is not None]
    highest = 1.1 * max([loss for _, loss in losses] + known_limits) or 1.0
    width, height = CHART

    def place(index: int, value: float) -> tuple[float, float]:
        return ((index + 0.5) * width / len(losses), height * (1 - value / highest))

    return {
        "points": [(record, *place(index, loss)) for index, (record, loss) in enumerate(losses)],
        "limits": [place(index, limit) for index, limit in enumerate(limits) if limit is not None],
    }


def loss_of(record: Accuracy) -> float | None:
    """The metric that a record's limit is about."""
    return record.metrics[record.loss]


def number(value: float | None, digits: int = 3) -> str:
    """For people: losses of some labels are in the thousands."""
    if value is None:
        return "-"
    return f"{value:.{digits}f}" if abs(value) < 10 else f"{value:,.1f}"


def accuracy_columns(spec: ModelSpec, records: Sequence[Accuracy]) -> list[tuple[str, str, int]]:
    """Besides loss and limit: title, metric and digits of each column of the table."""
    losses = {record.loss for record in records}
    return [column for column in COLUMNS[spec.label.type] if column[1] not in losses]


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

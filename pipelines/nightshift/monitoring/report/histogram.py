"""A feature's night beside its reference, as bars."""

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from nightshift.monitoring.drift import FeatureDrift
from nightshift.monitoring.report.chart import CHART

# More categories than this are shown as one bar "rest".
MOST_BARS = 16


class Bar(NamedTuple):
    """A bin of a feature, and the shares of the rows that lie in it."""

    label: str
    night: float
    reference: float


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


def _bars(feature: FeatureDrift) -> list[Bar]:
    labels = [*_labels(feature), "null"]
    night = _shares(feature.counts)
    reference = _shares(feature.reference)
    binned = zip(
        labels,
        night,
        reference,
        strict=True,
    )
    bars = [Bar(*values) for values in binned]
    if feature.kind == "category":
        return _fold(bars)
    return _without_empty_ends(bars)


def _labels(feature: FeatureDrift) -> list[str]:
    """Of all bins but the last, of nulls."""
    if feature.kind == "numeric":
        return _numeric_labels(feature.edges)
    labels = [*feature.categories, "other"]
    if feature.has_unseen:
        labels.append("never seen")
    return labels


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

"""A feature's night over its reference, as bars."""

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from nightshift.monitoring.drift import FeatureDrift
from nightshift.monitoring.report.chart import CHART
from nightshift.monitoring.report.values import Text, readable

# More categories than this are shown as one bar "rest".
MOST_BARS = 16
TICKS = (0.1, 0.5, 0.9)
"""Shares of the reference below a tick."""
NEAREST = 0.2
"""Of the chart's width: ticks nearer to each other could not be read."""


class Bar(NamedTuple):
    """A bin of a feature: its rows, and the shares of the rows that lie in it; ``low`` is where it begins."""

    label: str
    night: float
    reference: float
    night_rows: int
    reference_rows: int
    low: float | None = None


def histogram(feature: FeatureDrift, text: Text = readable) -> list[dict[str, Any]]:
    """Bars of a feature: label, share of the night and of the reference, and their place in the chart.

    The night's bar, of half the width, lies over the reference's.
    """
    bars = _bars(feature, text)
    highest = max(max(bar.night, bar.reference) for bar in bars) or 1.0
    width, height = CHART
    step = width / len(bars)
    placed = []
    for index, bar in enumerate(bars):
        night = bar.night / highest
        reference = bar.reference / highest
        placed.append({
            **bar._asdict(),
            "x": index * step,
            "width": step * 0.4,
            "night_length": night,
            "reference_length": reference,
            "night_height": night * height,
            "reference_height": reference * height,
        })
    return placed


def ticks(bars: Sequence[dict[str, Any]], text: Text = readable) -> list[dict[str, Any]]:
    """Of a chart of numbers: where about a tenth, half and nine tenths of the reference lie below, and the value."""
    width, _ = CHART
    below = 0.0
    places = []
    for bar in bars[:-1]:
        if bar["low"] is not None and 0 < below < 1:
            places.append({"x": bar["x"], "text": text(bar["low"]), "share": below})
        below += bar["reference"]
    shown: list[dict[str, Any]] = []
    for wanted in (0.5, *TICKS):
        near = sorted(places, key=lambda place: abs(place["share"] - wanted))[:1]
        for place in near:
            if all(abs(place["x"] - other["x"]) >= NEAREST * width for other in shown):
                shown.append(place)
    return shown


def _bars(feature: FeatureDrift, text: Text) -> list[Bar]:
    labels = [*_labels(feature, text), "null"]
    night = _shares(feature.counts)
    reference = _shares(feature.reference)
    lows: list[float | None] = [None] * len(labels)
    if feature.kind == "numeric":
        lows[1 : 1 + len(feature.edges)] = feature.edges
    binned = zip(
        labels,
        night,
        reference,
        feature.counts,
        feature.reference,
        lows,
        strict=True,
    )
    bars = [Bar(*values) for values in binned]
    if feature.kind == "category":
        return _fold(bars)
    return _without_empty_ends(bars)


def _labels(feature: FeatureDrift, text: Text) -> list[str]:
    """Of all bins but the last, of nulls."""
    if feature.kind == "numeric":
        return _numeric_labels(feature.edges, text)
    labels = [*feature.categories, "other"]
    if feature.has_unseen:
        labels.append("never seen")
    return labels


def _numeric_labels(edges: Sequence[float], text: Text) -> list[str]:
    if not edges:
        return ["any"]
    inner = [_span(low, high, text) for low, high in pairwise(edges)]
    # The outer edges of the inner bins lie where no reference row does; what counts is the nearer one.
    if len(inner) > 1 and " to " in inner[0]:
        inner[0] = f"up to {text(edges[1])}"
    if len(inner) > 1 and " to " in inner[-1]:
        inner[-1] = f"{text(edges[-2])} or more"
    return [f"below {text(edges[0])}", *inner, f"above {text(edges[-1])}"]


def _span(low: float, high: float, text: Text) -> str:
    # A bin of one float's width holds one value.
    next_float = math.nextafter(low, math.inf)
    if high == next_float:
        return text(low)
    return f"{text(low)} to {text(high)}"


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
    night_rows = sum(bar.night_rows for bar in rest)
    reference_rows = sum(bar.reference_rows for bar in rest)
    folded = Bar(
        f"{len(rest)} more",
        night,
        reference,
        night_rows,
        reference_rows,
    )
    last_two = bars[-2:]
    return [
        *most_frequent,
        folded,
        *last_two,
    ]

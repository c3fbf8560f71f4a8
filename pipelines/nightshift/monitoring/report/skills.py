"""Skill of labelled nights over time, as a chart: what a model gains on a forecaster that knows no feature."""

from collections.abc import Callable, Sequence
from typing import Any

from nightshift.monitoring.accuracy_record import Accuracy
from nightshift.monitoring.report.chart import CHART

ROOM = 0.1
BAND = 2.0
"""Standard deviations of nights on either side."""


def skill_line(records: Sequence[Accuracy]) -> dict[str, Any] | None:
    """The skill of each labelled night as points, with that of the forecaster, 0, and the usual one; None of none."""
    skilled = [(record, record.skill.skill) for record in records if record.skill]
    if not skilled:
        return None
    last, _ = skilled[-1]
    usual = _usual(last)
    values = [value for _, value in skilled]
    band = _band(last)
    known = [
        0.0,
        *values,
        *usual,
        *band,
    ]
    y_of = _scale(known)
    width, _ = CHART
    step = width / len(skilled)
    points = []
    for index, (record, value) in enumerate(skilled):
        x = (index + 0.5) * step
        y = y_of(value)
        point = (record, x, y)
        points.append(point)
    usual_line = [y_of(value) for value in usual]
    usual_band = [y_of(value) for value in reversed(band)]
    return {
        "points": points,
        "zero": y_of(0.0),
        "usual": usual_line,
        "band": usual_band,
    }


def _scale(values: Sequence[float]) -> Callable[[float], float]:
    """Where a value lies in the chart, from above."""
    low = min(values)
    high = max(values)
    span = high - low or 1.0
    room = span * ROOM
    top = high + room
    shown = span + 2 * room
    _, height = CHART
    unit = height / shown

    def y_of(value: float) -> float:
        from_top = top - value
        return from_top * unit

    return y_of


def evidence_share(record: Accuracy) -> float | None:
    """How much of the evidence that it takes there is; from 1 on accuracy is lost."""
    pooled = record.pooled
    if pooled is None:
        return None
    if pooled.evidence is None or not pooled.needed:
        return None
    return pooled.evidence / pooled.needed


def cannot_tell(records: Sequence[Accuracy]) -> list[str]:
    """Why there is no verdict, each reason once."""
    reasons = []
    for record in records:
        reason = record.pooled.cannot if record.pooled else ""
        if reason and reason not in reasons:
            reasons.append(reason)
    return reasons


def _band(record: Accuracy) -> list[float]:
    """Where the skill of one night usually lies, from below; empty where the last verdict does not know it."""
    pooled = record.pooled
    if pooled is None or pooled.usual_spread is None or "skill" not in pooled.usual:
        return []
    around = BAND * pooled.usual_spread
    return [pooled.usual["skill"] - around, pooled.usual["skill"] + around]


def _usual(record: Accuracy) -> list[float]:
    """The mean skill of the judged nights, where the last verdict knows it."""
    usual = record.pooled.usual if record.pooled else {}
    return [usual["skill"]] if "skill" in usual else []

"""A sensor that is stuck: nights in a row that repeat the one before to the last digit."""

import math
from collections.abc import Sequence

import numpy as np

from nightshift.modelling.arrays import Float64s
from nightshift.monitoring.drift.nights import ReferenceNights
from nightshift.monitoring.drift.values import NightValues
from nightshift.monitoring.drift.verdict import FeatureVerdict
from nightshift.profiles.moments import Moments

REPEATED = "the same value again"
# A value of the reference's must have been there so often before its own repeats say how often it repeats.
SEEN_OFTEN = 5


def can_repeat(feature: ReferenceNights) -> bool:
    """Whether it is a number that differs by night, so that a night can repeat the one before."""
    return feature.is_by_night and bool(feature.feature.moments)


def repeat(feature: ReferenceNights, nights: Sequence[NightValues], rate: float) -> FeatureVerdict | None:
    """How many nights in a row have the same ends, against how often the reference's nights repeat theirs.

    None where tonight has no values.
    """
    name = feature.feature.name
    ends = [_ends(night.moments.get(name)) for night in nights]
    last = ends[-1]
    if last is None:
        return None
    repeats = _run(ends) - 1
    share = _repeating_share(feature.ends, last)
    return FeatureVerdict(
        statistic=repeats * -math.log(share),
        line=-math.log(rate),
        by=REPEATED,
        since=nights[-1 - repeats].partition,
    )


def _run(ends: Sequence[tuple[float, float] | None]) -> int:
    """How many at the end are the same."""
    number = 0
    for of_night in reversed(ends):
        if of_night != ends[-1]:
            break
        number += 1
    return number


def _ends(moments: Moments | None) -> tuple[float, float] | None:
    if moments is None:
        return None
    return moments.low, moments.high


def _repeating_share(reference: Float64s, ends: tuple[float, float]) -> float:
    """Of the reference's nights with these ends, or of all where they are new: how many are followed by the same."""
    before = reference[:-1]
    after = reference[1:]
    asked = (before == ends).all(axis=1)
    if asked.sum() < SEEN_OFTEN:
        asked = np.isfinite(before).all(axis=1)
    is_same = (before[asked] == after[asked]).all(axis=1)
    number = len(is_same)
    share = (float(is_same.sum()) + 0.5) / (number + 1)
    # A value that always repeated may go on for ever.
    most = 1 - 1 / (number + 2)
    return min(share, most)

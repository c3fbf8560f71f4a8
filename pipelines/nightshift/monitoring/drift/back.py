"""A series that alarmed and came back: what is over goes on in no window."""

import math

import numpy as np

from nightshift.modelling.arrays import Float64s
from nightshift.monitoring.drift.statistics import Judged, statistics

# Nights say that a series has come back when they are nearer to the reference than to where it was, and so many that
# this is by chance in one of forty cases.
SURE = 16.0
FEWEST_BACK = 3
MOST_BACK = 14
TINY = 1e-12


def since_back(scores: Float64s, correlation: float, reference: int, limit: float) -> Judged:
    """Of one series (nights,), without the nights before it came back."""
    first = 0
    for last in range(1, len(scores) + 1):
        judged = _judged(scores[first:last], correlation, reference)
        if judged.largest <= limit:
            continue
        back = _nights_back(scores[first:last], judged.nights, correlation)
        if back:
            first = last - back
    return _judged(scores[first:], correlation, reference)


def _judged(scores: Float64s, correlation: float, reference: int) -> Judged:
    column = scores[:, None]
    of_series = statistics(column, np.array([correlation]), reference)
    return of_series.at(0)


def _nights_back(scores: Float64s, about: int, correlation: float) -> int:
    """How many of the last nights say that the alarm about so many nights is over; 0 while they do not."""
    alarmed = scores[-about:]
    memory = (1 + correlation) / (1 - correlation)
    power = max(float(alarmed.mean()) ** 2, TINY)
    needed = math.ceil(SURE * memory / power)
    back = min(max(needed, FEWEST_BACK), MOST_BACK)
    before = alarmed[:-back]
    if before.size == 0:
        return 0
    was = float(before.mean())
    now = float(alarmed[-back:].mean())
    towards = now * math.copysign(1, was)
    is_over = towards < abs(was) / 2
    return back if is_over else 0

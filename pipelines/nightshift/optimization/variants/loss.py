"""What a graph loses against the exact one: its mean over rows, with an interval that holds nights for the unit."""

import math

import numpy as np

from nightshift.modelling.arrays import Float64s, Int64s
from nightshift.modelling.metrics import Difference

FEWEST_NIGHTS = 3
"""Of fewer an interval says nothing."""


def loss_interval(lost: Float64s, nights: Int64s, *, confidence: float, tests: int = 1) -> Difference:
    """The mean of what rows lose, (n,), and its interval at a confidence that holds for ``tests`` graphs at once.

    Nights are the unit and rows their weights: a ratio of sums, with Student's t for the quantile (Cochran, Sampling
    Techniques, 1977, section 6.4). Where nights are skewed the end on the long side is moved outwards by Johnson's
    correction (1978, JASA 73(363)): rare nights that cost much are why a bad graph looks good on the others. Of fewer
    than ``FEWEST_NIGHTS`` nights it has no ends.
    """
    from scipy.stats import t

    _, place = np.unique(nights, return_inverse=True)
    rows = np.bincount(place)
    sums = np.bincount(place, weights=lost)
    number = len(rows)
    mean = float(sums.sum() / rows.sum())
    if number < FEWEST_NIGHTS:
        return Difference(mean, low=-math.inf, high=math.inf)
    residuals = (sums - mean * rows) / rows.mean()
    variance = float((residuals**2).sum() / (number - 1))
    tail = (1 - confidence) / (2 * tests)
    margin = float(t.ppf(1 - tail, number - 1)) * math.sqrt(variance / number)
    shift = _skew_shift(residuals, variance, margin)
    return Difference(
        mean=mean,
        low=mean - margin + min(shift, 0.0),
        high=mean + margin + max(shift, 0.0),
    )


def _skew_shift(residuals: Float64s, variance: float, margin: float) -> float:
    """How far the skew of nights moves the end of an interval: to the side of the long tail."""
    if variance == 0.0:
        return 0.0
    number = len(residuals)
    third = float((residuals**3).mean())
    of_mean = third / (6 * variance * number)
    of_width = third * margin**2 / (3 * variance**2)
    return of_mean + of_width

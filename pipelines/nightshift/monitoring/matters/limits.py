"""The value that one more quiet night passes only so often, by values of the reference's nights in their order.

Nights resemble their neighbours: then so many nights say as little as fewer independent ones, and their variance
is less than that of nights far apart. Both are corrected for by the lag-1 autocorrelation, taken for that of AR(1)
(Bayley and Hammersley, 1946, Supplement to the Journal of the Royal Statistical Society 8).
"""

import math

import numpy as np

from nightshift.modelling.arrays import Float64s

RATE = 0.01
"""The share of quiet nights that pass a limit."""
INSIDE = 0.95
"""Of nights, between the two ends of an interval."""
FEWEST_NIGHTS = 10
FEWEST_INDEPENDENT = 3.0
"""Nights that resemble one another so much that they are worth fewer give no limit."""
FEWEST_DEGREES = 2.0


def upper_limit(values: Float64s, rate: float = RATE, noise: float = 0.0) -> float | None:
    """The limit m + t s sqrt(1 + 1/n) of values (nights,), n independent ones; None where they are too few.

    ``noise`` is a variance that the night has beyond the reference's, as one of fewer rows
    (Hahn and Meeker, Statistical Intervals, 1991, section 4.8).
    """
    nights = len(values)
    if nights < FEWEST_NIGHTS:
        return None
    memory = autocorrelation(values)
    independent = nights * (1 - memory) / (1 + memory)
    if independent < FEWEST_INDEPENDENT:
        return None
    from scipy.special import stdtrit

    degrees = nights * (1 - memory**2) / (1 + memory**2) - 1
    quantile = stdtrit(max(degrees, FEWEST_DEGREES), 1 - rate)
    variance = float(values.var()) / (1 - 1 / independent)
    of_another = variance * (1 + 1 / independent) + noise
    margin = float(quantile) * math.sqrt(of_another)
    return float(values.mean()) + margin


def interval(values: Float64s, noise: float = 0.0) -> tuple[float, float] | None:
    """Where one more value lies with probability ``INSIDE``; None where there are too few."""
    outside = (1 - INSIDE) / 2
    high = upper_limit(values, outside, noise)
    mirrored = upper_limit(-values, outside, noise)
    if high is None or mirrored is None:
        return None
    return -mirrored, high


def autocorrelation(values: Float64s) -> float:
    """That of lag 1, at least 0, without its bias in few values (Kendall, 1954; Marriott and Pope, 1954)."""
    deviations = values - values.mean()
    total = float((deviations**2).sum())
    if total == 0:
        return 0.0
    neighbours = deviations[1:] * deviations[:-1]
    raw = float(neighbours.sum()) / total
    bias = (1 + 4 * raw) / len(values)
    return min(max(raw + bias, 0.0), 1.0)


def scarcity(rows: int, rows_of_nights: Float64s) -> float:
    """How much more a mean over ``rows`` varies than one over the reference's nights, over the variance of a row."""
    usual = float(np.mean(1 / rows_of_nights))
    return max(1 / rows - usual, 0.0)

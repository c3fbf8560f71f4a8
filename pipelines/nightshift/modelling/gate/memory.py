"""How much nights resemble the nights before, as first-order autoregression has it, from few of them."""

import math
from collections.abc import Sequence
from functools import cache

import numpy as np

from nightshift.modelling.arrays import Array, Float64s
from nightshift.modelling.gate.night_values import NightMeans

BELIEVED_OVER = 3.0
"""A correlation of n nights is taken for no less than this over n: so little do few nights say of it."""
MOST_FLOOR = 0.3
MOST_CORRELATION = 0.9
STEPS = 91


def neighbours(several: Sequence[NightMeans]) -> float:
    """The correlation of a night with the next, over differences on about the same nights.

    Nights less their own mean look less alike than they are; the answer is the correlation that would show as the
    one seen. What n nights say is so uncertain that no less than a few nths are believed.
    """
    nights = [values.nights for values in several]
    mean_nights = float(np.mean(nights))
    least = min(MOST_FLOOR, BELIEVED_OVER / mean_nights)
    least_of_several = least / math.sqrt(len(several))
    seen = _seen(several)
    correlations, shown = as_shown(round(mean_nights))
    corrected = np.interp(seen, shown, correlations)
    return max(float(corrected), least_of_several)


def inflation(correlation: float, nights: int) -> float:
    """The variance of a mean of so many nights over that of as many independent ones."""
    lags: Array = np.arange(1, nights)
    weights: Array = 1 - lags / nights
    correlations = correlation**lags
    shared = weights * correlations
    both_ways = 2 * float(shared.sum())
    return 1 + both_ways


def _seen(several: Sequence[NightMeans]) -> float:
    """Of neighbours, each difference in units of its own standard deviation."""
    products = 0.0
    nights = 0
    for values in several:
        if values.variance == 0:
            continue
        by_next = values.influence[1:] * values.influence[:-1]
        products += float(by_next.sum()) / values.variance
        nights += values.nights
    return products / max(nights, 1)


@cache
def as_shown(nights: int) -> tuple[Float64s, Float64s]:
    """Correlations, and beside each what it shows as: expected products of neighbours over expected squares."""
    correlations = np.linspace(0, MOST_CORRELATION, STEPS)
    shown = [_shown(float(correlation), nights) for correlation in correlations]
    return correlations, np.array(shown)


def _shown(correlation: float, nights: int) -> float:
    inflated = inflation(correlation, nights)
    powers = correlation ** np.arange(nights)
    of_first = float(powers.mean())
    products = (nights - 1) * correlation + 2 * of_first
    common = inflated * (nights + 1) / nights
    return (products - common) / (nights - inflated)

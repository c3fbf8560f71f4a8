"""The tail of a statistic on the reference's own nights, and the line that one more night seldom passes."""

import math

import numpy as np
from scipy import stats

from nightshift.modelling.arrays import Float64s
from nightshift.monitoring.drift.nights import autocorrelation

# Fewer reference nights than this say nothing of how quiet nights vary.
MIN_NIGHTS = 10
TAIL_SHARE = 0.2
# Of few nights more are taken, up to half: a mean of three excesses is no scale to build a line on.
MIN_TAIL = 7
# Two standard deviations of a correlation of independent nights, in units of 1 / root of the nights.
SURELY = 2.0
FEWEST_RUNS = 3


def prediction_limit(statistics: Float64s, rate: float, runs: int | None = None) -> float:
    """Upper limit that one further exchangeable value passes with probability ``rate``.

    About 80 nights cannot show their own 99 % quantile, so the upper fifth of them is taken as a
    sample of exponential excesses over a high level (peaks over threshold with shape 0; Pickands,
    1975, Annals of Statistics 3, 119-131). A new excess over their mean then follows F(2, 2k), hence
    the exact prediction limit k (p^(-1/k) - 1) means (Lawless, Statistical Models and Methods for
    Lifetime Data, 2003, ch. 4). Shape 0 is on the safe side for a statistic that is bounded. Nights of the
    tail that come in ``runs`` say as much of its mean as so many nights.
    """
    nights = len(statistics)
    k = tail_size(nights)
    inside = rate * (nights + 1) / (k + 1)
    if inside >= 1:
        quantile = np.quantile(
            statistics,
            1 - rate,
            method="higher",
        )
        return float(quantile)
    level, mean_excess = tail_of(statistics)
    independent = runs or k
    excesses = inside ** (-1 / independent) - 1
    return float(level + mean_excess * independent * excesses)


def runs_of_tail(statistics: Float64s) -> int | None:
    """In how many runs the nights of the tail come; None where nights do not surely depend on the ones before."""
    nights = len(statistics)
    surely = SURELY / math.sqrt(nights)
    ranks = stats.rankdata(statistics)
    if autocorrelation(ranks) <= surely:
        return None
    is_tail = ranks > nights - tail_size(nights)
    starts = is_tail[1:] & ~is_tail[:-1]
    runs = int(starts.sum()) + int(is_tail[0])
    return max(runs, FEWEST_RUNS)


def tail_of(values: Float64s) -> tuple[Float64s, Float64s]:
    """The level that the upper fifth of the values lies above, and their mean excess over it; along the last axis."""
    ordered = -np.sort(-values, axis=-1)
    nights = values.shape[-1]
    k = tail_size(nights)
    level = ordered[..., k]
    tail = ordered[..., :k]
    mean = tail.mean(axis=-1)
    return level, mean - level


def tail_without_near(values: Float64s, near: int) -> tuple[Float64s, Float64s]:
    """Of each value (n,) the tail of the others that are further than ``near`` from it: levels and mean excesses."""
    if near == 0:
        others = without_each(values)
        return tail_of(others)
    places = np.arange(len(values))
    tails = []
    for place in places:
        is_far = np.abs(places - place) > near
        tails.append(tail_of(values[is_far]))
    levels, excesses = zip(*tails, strict=True)
    return np.array(levels), np.array(excesses)


def without_each(values: Float64s) -> Float64s:
    """Values (n,) n times, each time without one of them: (n, n - 1)."""
    nights = len(values)
    repeated = np.tile(values, (nights, 1))
    is_itself = np.eye(nights, dtype=bool)
    others = repeated[~is_itself]
    return others.reshape(nights, nights - 1)


def tail_size(values: int) -> int:
    """Of so many values, how many are taken for their tail."""
    share = round(TAIL_SHARE * values)
    half = values // 2
    least = min(MIN_TAIL, half)
    return max(share, least, 1)

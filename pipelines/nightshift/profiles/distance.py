"""The drift statistic: Jensen-Shannon distance of two histograms, and how that distance behaves.

Everything that is true of this statistic alone stands here. Another one would be another file with the
same functions; distances that a profile holds are of the statistic that was here when it was made.
"""

import math

import numpy as np
import numpy.typing as npt

from nightshift.modelling.arrays import Booleans, Float64s

NAME = "JS distance"
"""What reports call it."""
LARGEST = 1 - 1e-6
"""Two histograms without a common bin have distance 1, which would stretch to infinity."""
SMALLEST_SPREAD = 0.01
"""A feature whose nights hardly differ does not alarm over a change that nobody would call one; stretched."""
NORMAL_EXCESS = 0.558
"""A normal distribution's mean excess over its 80 % quantile, in standard deviations."""


def between(left: npt.ArrayLike, right: npt.ArrayLike) -> Float64s:
    """Jensen-Shannon distance of histograms along the last axis, base 2, in [0, 1].

    The square root of the divergence, which is a metric (Endres and Schindelin, 2003, IEEE Trans. Inf.
    Theory 49). Arguments are counts; an empty histogram gives NaN.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        divergence = _divergence(_shares(left), _shares(right))
    distance = np.sqrt(np.clip(divergence, 0.0, 1.0))
    either_empty = _is_empty(left) | _is_empty(right)
    return np.where(either_empty, np.nan, distance)


def stretched(distance: Float64s) -> Float64s:
    """-log(1 - d): a tail that runs out towards the bound 1 like a power becomes an exponential one."""
    finite = np.minimum(distance, LARGEST)
    return -np.log1p(-finite)


def unstretched(value: Float64s) -> Float64s:
    """The distance that is stretched to a value."""
    gap = np.exp(-value)
    return np.asarray(1 - gap)


def with_sampling_noise(
    level: Float64s,
    mean_excess: Float64s,
    *,
    bins: int,
    rows: Float64s,
    usual_rows: Float64s,
) -> tuple[Float64s, Float64s]:
    """Level and mean excess of stretched distances as they would be for a night of so many rows.

    ``level`` and ``mean_excess`` are of nights of ``usual_rows`` rows, over ``bins`` bins that are not
    empty. d^2 of n rows has the mean (K - 1) / (8 ln 2 n) over K bins, by its chi-squared limit, and d
    about the variance 1 / (16 ln 2 n).
    """
    # Only ever wider: a night with more rows than usual gets no finer line than the reference could show.
    scarcity = 1 / np.maximum(rows, 1) - 1 / usual_rows
    noise = np.maximum(scarcity, 0.0) / (8 * math.log(2))
    noise_of_bins = (bins - 1) * noise
    noisy_distance = np.sqrt(unstretched(level) ** 2 + noise_of_bins)
    noisy_level = stretched(noisy_distance)
    # Stretching makes a deviation of the distance exp(level) times as large.
    deviation = np.sqrt(noise / 2)
    excess_of_noise = NORMAL_EXCESS * deviation * np.exp(noisy_level)
    spread = np.maximum(mean_excess, SMALLEST_SPREAD)
    return noisy_level, np.hypot(spread, excess_of_noise)


def _is_empty(counts: npt.ArrayLike) -> Booleans:
    rows = np.sum(counts, axis=-1)
    return np.asarray(rows == 0)


def _shares(counts: npt.ArrayLike) -> Float64s:
    rows = np.sum(counts, axis=-1, keepdims=True)
    shares = np.asarray(counts, float) / rows
    return np.asarray(shares)


def _divergence(p: Float64s, q: Float64s) -> Float64s:
    """That of Jensen and Shannon, base 2, along the last axis."""
    middle = (p + q) / 2
    of_p = _relative_entropy(p, middle)
    of_q = _relative_entropy(q, middle)
    terms = of_p + of_q
    return np.asarray(terms.sum(axis=-1) / 2)


def _relative_entropy(shares: Float64s, of: Float64s) -> Float64s:
    ratio = shares / of
    terms = shares * np.log2(ratio)
    return np.where(shares > 0, terms, 0.0)

"""The drift statistic: Jensen-Shannon distance of two histograms, and how that distance behaves.

Everything that is true of this statistic alone stands here. Another one would be another file with the
same functions; distances that a profile holds are of the statistic that was here when it was made.
"""

import math

import numpy as np
import numpy.typing as npt

from nightshift.modelling.arrays import Float64s

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
    left_rows = np.sum(left, axis=-1, keepdims=True)
    right_rows = np.sum(right, axis=-1, keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        p = np.asarray(left, float) / left_rows
        q = np.asarray(right, float) / right_rows
        middle = (p + q) / 2
        terms = _relative_entropy(p, middle) + _relative_entropy(q, middle)
    divergence = terms.sum(axis=-1) / 2
    distance = np.sqrt(np.clip(divergence, 0.0, 1.0))
    empty = (left_rows == 0) | (right_rows == 0)
    return np.where(empty[..., 0], np.nan, distance)


def stretched(distance: Float64s) -> Float64s:
    """-log(1 - d): a tail that runs out towards the bound 1 like a power becomes an exponential one."""
    finite = np.minimum(distance, LARGEST)
    return -np.log1p(-finite)


def unstretched(value: Float64s) -> Float64s:
    """The distance that is stretched to a value."""
    return np.asarray(1 - np.exp(-value))


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
    scarcity = np.maximum(1 / np.maximum(rows, 1) - 1 / usual_rows, 0.0)
    noise = scarcity / (8 * math.log(2))
    noisy_distance = np.sqrt(unstretched(level) ** 2 + (bins - 1) * noise)
    noisy_level = stretched(noisy_distance)
    # Stretching makes a deviation of the distance exp(level) times as large.
    excess_of_noise = NORMAL_EXCESS * np.sqrt(noise / 2) * np.exp(noisy_level)
    spread = np.maximum(mean_excess, SMALLEST_SPREAD)
    return noisy_level, np.hypot(spread, excess_of_noise)


def _relative_entropy(shares: Float64s, of: Float64s) -> Float64s:
    terms = shares * np.log2(shares / of)
    return np.where(shares > 0, terms, 0.0)

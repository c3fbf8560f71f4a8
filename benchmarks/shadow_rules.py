"""The rules by which evidence of nights adds up, for many pairs at once: a simulation asks each of them every night.

``present`` is ``modelling/gate/sequence.py`` of one difference, written for arrays; a test holds the two together.
"""

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from scipy.special import ndtr, stdtrit

from nightshift.modelling.arrays import Float64s, Int64s
from nightshift.modelling.gate.memory import BELIEVED_OVER, MOST_FLOOR, as_shown
from nightshift.modelling.gate.nights import MOST_SKEW, NO_SKEW
from nightshift.modelling.gate.sequence import NO_SPREAD, SKEWNESS_VARIANCE, UNSEEN_ERRORS, boundary

Highs: TypeAlias = Callable[[Float64s, Int64s, float], Float64s]
"""The upper ends (runs,) of the mean difference, of differences and rows that are both (runs, nights)."""


def present(differences: Float64s, rows: Int64s, alpha: float, unseen_errors: float = UNSEEN_ERRORS) -> Float64s:
    """The rule that decides. ``unseen_errors`` is how much worse than it is seen the skewness is believed to be."""
    nights = rows.shape[1]
    estimates, influence = _influence(differences, rows)
    variances = (influence**2).mean(axis=1)
    correlations = _correlations(influence, variances)
    inflations = _inflations(correlations, nights)
    effective = _effective_nights(rows)
    degrees = _degrees(effective, correlations)
    errors = np.sqrt(variances * inflations / (nights - inflations))
    seen = np.clip(_skews(influence, variances), -MOST_SKEW, MOST_SKEW)
    unseen = unseen_errors * np.sqrt(SKEWNESS_VARIANCE / degrees / effective)
    skews = np.clip(seen + unseen, -MOST_SKEW, MOST_SKEW)
    quantiles = stdtrit(degrees, ndtr(boundary(nights, alpha)))
    highs = estimates - errors * _untransformed(-quantiles, skews)
    are_alike = errors <= NO_SPREAD * abs(estimates)
    return np.where(are_alike, np.inf, highs)


def plain(differences: Float64s, rows: Int64s, alpha: float) -> Float64s:
    """The sequence as it is published: nightly means, their standard deviation, the boundary."""
    nights = rows.shape[1]
    errors = differences.std(axis=1, ddof=1) / nights**0.5
    highs = differences.mean(axis=1) + boundary(nights, alpha) * errors
    return np.asarray(highs)


def _influence(differences: Float64s, rows: Int64s) -> tuple[Float64s, Float64s]:
    sums = differences * rows
    estimates = sums.sum(axis=1) / rows.sum(axis=1)
    excess = sums - estimates[:, None] * rows
    return estimates, excess / rows.mean(axis=1)[:, None]


def _effective_nights(rows: Int64s) -> Float64s:
    sizes = rows.astype(np.float64)
    squares = (sizes**2).sum(axis=1)
    return np.asarray(sizes.sum(axis=1) ** 2 / squares)


def _degrees(effective: Float64s, correlations: Float64s) -> Float64s:
    squares = correlations**2
    own = (effective - 1) * (1 - squares) / (1 + squares)
    return np.maximum(own, 1.0)


def _inflations(correlations: Float64s, nights: int) -> Float64s:
    lags = np.arange(1, nights)
    weights = 1 - lags / nights
    shared = correlations[:, None] ** lags @ weights
    return np.asarray(1 + 2 * shared)


def _correlations(influence: Float64s, variances: Float64s) -> Float64s:
    nights = influence.shape[1]
    products = (influence[:, 1:] * influence[:, :-1]).sum(axis=1)
    correlations, shown = as_shown(nights)
    seen = products / np.where(variances == 0, 1, variances) / nights
    corrected = np.interp(seen, shown, correlations)
    least = min(MOST_FLOOR, BELIEVED_OVER / nights)
    return np.asarray(np.maximum(corrected, least))


def _skews(influence: Float64s, variances: Float64s) -> Float64s:
    nights = influence.shape[1]
    cubed_deviations = np.where(variances == 0, 1, variances) ** 1.5
    skewness = (influence**3).mean(axis=1) / cubed_deviations
    for_few_nights = (nights * (nights - 1)) ** 0.5 / (nights - 2)
    return np.asarray(skewness * for_few_nights / nights**0.5)


def _untransformed(quantiles: Float64s, skews: Float64s) -> Float64s:
    is_skewed = abs(skews) >= NO_SKEW
    divisors = np.where(is_skewed, skews, 1.0)
    cubed = 1 + divisors * (quantiles - divisors / 6)
    return np.where(is_skewed, 3 / divisors * (np.cbrt(cubed) - 1), quantiles)

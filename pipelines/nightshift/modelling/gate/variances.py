"""Variances of things alike, each lent some of what the others say: of few nights one says little of its own."""

from typing import Any

import numpy as np

from nightshift.modelling.arrays import Float64s

LEAST = 3
"""Of fewer variances nothing is known about how they scatter."""
LEAST_HALF = 1e-3


def moderated(variances: Float64s, degrees: Float64s) -> tuple[Float64s, Float64s]:
    """Variances and their degrees of freedom, both (k,), shrunk to their common level; zeros stay.

    The prior's degrees of freedom follow from how much more the variances scatter than chance has it (Smyth,
    Statistical Applications in Genetics and Molecular Biology 3(1), 2004). One is lent no more degrees than it has:
    were its nights alike in a way that is not seen, so would be those of all.
    """
    positive = variances > 0
    if positive.sum() < LEAST:
        return variances, degrees
    halves = degrees[positive] / 2
    levels = _levels(variances[positive], halves)
    prior = np.minimum(_prior_degrees(levels, halves), degrees)
    level = _variance(levels.mean(), prior)
    lent = prior * level + degrees * variances
    together = prior + degrees
    return (
        np.where(positive, lent / together, variances),
        np.where(positive, together, degrees),
    )


def _levels(variances: Float64s, halves: Float64s) -> Float64s:
    """Logarithms without the bias that few degrees of freedom give them."""
    from scipy.special import digamma

    bias = digamma(halves) - np.log(halves)
    return np.asarray(np.log(variances) - bias)


def _variance(level: float, prior: Float64s) -> Float64s:
    from scipy.special import digamma

    halves = prior / 2
    bias = digamma(halves) - np.log(halves)
    return np.asarray(np.exp(level + bias))


def _prior_degrees(levels: Float64s, halves: Float64s) -> float:
    """So many that they scatter by chance as much more as these levels do; as many as there are, where they do not."""
    from scipy.optimize import brentq
    from scipy.special import polygamma

    by_chance = polygamma(1, halves).mean()
    excess = float(levels.var(ddof=1) - by_chance)
    most = float(halves.max())
    if excess <= polygamma(1, most):
        return 2 * most

    def surplus(half: float) -> Any:
        return polygamma(1, half) - excess

    if surplus(LEAST_HALF) <= 0:
        return 2 * LEAST_HALF
    return 2 * float(brentq(surplus, LEAST_HALF, most))

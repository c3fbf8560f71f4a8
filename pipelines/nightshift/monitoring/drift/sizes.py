"""The reference's nights as they would have been with tonight's number of rows."""

import numpy as np
from scipy import stats

from nightshift.modelling.arrays import Float64s, Int64s

SEED = 20240301
# How sure it is that nights differ no more than is assumed of them when there are more rows to show it.
DOUBT = 0.05
TINY = 1e-12


def resized(counts: Int64s, pools: Int64s, rows: int) -> Int64s:
    """Rows per bin of each night (nights, bins), had it had ``rows`` rows; drawn with a fixed seed.

    Of a larger night so many rows are drawn. A smaller one is drawn anew from its shares without the part of their
    difference from the others' that its own few rows explain: else a night of many rows would be held against noise
    that it does not have. What cannot be told from noise with certainty stays.
    """
    rng = np.random.default_rng([SEED, rows])
    sizes = counts.sum(axis=1)
    drawn = counts.copy()
    larger = np.flatnonzero(sizes > rows)
    for place in larger:
        drawn[place] = rng.multivariate_hypergeometric(counts[place], rows)
    smaller = np.flatnonzero(sizes < rows)
    if smaller.size == 0:
        return drawn
    shares = _without_noise(counts, pools)
    for place in smaller:
        drawn[place] = rng.multinomial(rows, shares[place])
    return drawn


def _without_noise(counts: Int64s, pools: Int64s) -> Float64s:
    """Shares of each night, nearer to those of its pool by what sampling alone makes of the difference."""
    sizes = counts.sum(axis=1, keepdims=True)
    held = pools.sum(axis=1, keepdims=True)
    expected = pools / np.maximum(held, 1)
    difference = counts / sizes - expected
    sampling = expected * (1 - expected) / sizes
    squares = np.square(difference) / np.maximum(sampling, TINY)
    total = squares.sum(axis=0)
    # The nights would differ by less than this with little probability, had they no effects of their own.
    noise = stats.chi2.ppf(DOUBT, len(counts))
    left = 1 - noise / np.maximum(total, noise)
    kept = np.sqrt(left) * difference
    estimate = np.maximum(expected + kept, 0.0)
    whole = estimate.sum(axis=1, keepdims=True)
    return np.asarray(estimate / whole)

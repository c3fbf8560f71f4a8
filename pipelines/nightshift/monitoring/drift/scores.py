"""Values of a series as normal scores, by their place among the reference's own."""

import numpy as np
from scipy import special, stats

from nightshift.modelling.arrays import Float64s

FARTHER = 1.0
"""Scores that a night beyond all of the reference's may have more than the farthest of those."""
# The unit of that is how far away the nights are that so large a share is farther than, as in a normal distribution.
OUTER_SHARE = 0.05
TINY = 1e-12


def scores_among(values: Float64s, ordered: Float64s) -> Float64s:
    """Of nights (nights, series) among the reference's, sorted (reference nights, series).

    Beyond the reference's own by how far they are, up to ``FARTHER``: else a great shift is as large as a small one.
    """
    known = np.isfinite(ordered).sum(axis=0)
    scores = np.zeros(values.shape)
    for place, number in enumerate(known):
        of_series = ordered[:number, place]
        if number:
            scores[:, place] = _among(values[:, place], of_series)
    is_known = np.isfinite(values)
    return np.where(is_known, scores, 0.0)


def own_scores(values: Float64s) -> Float64s:
    """Of the reference's nights among themselves (nights,); 0 where there is none."""
    is_known = np.isfinite(values)
    known = values[is_known]
    scores = np.zeros(len(values))
    if known.size:
        ranks = stats.rankdata(known)
        places = (ranks - 0.5) / known.size
        scores[is_known] = special.ndtri(places)
    return scores


def limited(scores: Float64s, differences: Float64s, least: Float64s) -> Float64s:
    """A difference that nobody would call one has no great score, however quiet the reference was.

    ``least`` is the difference that may have a whole one; 0 for no limit.
    """
    unit = np.where(least > 0, least, TINY)
    most = np.abs(differences) / unit
    sizes = np.minimum(np.abs(scores), most)
    signs = np.sign(scores)
    return np.asarray(signs * sizes)


def _among(values: Float64s, ordered: Float64s) -> Float64s:
    first = ordered.searchsorted(values, side="left")
    last = ordered.searchsorted(values, side="right")
    below = (first + last) / 2
    after = ordered.size + 1
    places = (below + 0.5) / after
    inside = special.ndtri(places)
    above = _beyond(values, ordered)
    under = _beyond(-values, -ordered[::-1])
    return np.asarray(inside + above - under)


def _beyond(values: Float64s, ordered: Float64s) -> Float64s:
    """Scores that values above the largest have besides."""
    number = ordered.size
    share = round(OUTER_SHARE * number)
    outer = max(share, 1)
    middle = ordered[number // 2]
    distance = max(float(ordered[-outer] - middle), TINY)
    place = (outer - 0.5) / number
    score = special.ndtri(1 - place)
    unit = distance / score
    excess = values - ordered[-1]
    scores = excess / unit
    return np.asarray(np.clip(scores, 0.0, FARTHER))

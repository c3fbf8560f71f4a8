"""Values of a series as normal scores, by their place among the reference's own."""

import numpy as np
from scipy import special, stats

from nightshift.modelling.arrays import Float64s, Int64s

FARTHER = 1.0
"""Scores that a night beyond all of the reference's may have more than the farthest of those."""
# The unit of that is how far away the nights are that so large a share is farther than, as in a normal distribution.
OUTER_SHARE = 0.05
TINY = 1e-12


def scores_among(values: Float64s, ordered: Float64s) -> Float64s:
    """Of nights (nights, series) among the reference's, sorted (reference nights, series).

    Beyond the reference's own by how far they are, up to ``FARTHER``: else a great shift is as large as a small one.
    0 where a night has no value, or the reference none.
    """
    number = np.isfinite(ordered).sum(axis=0)
    least_one = np.maximum(number, 1)
    scores = [_among(of_night, ordered, least_one) for of_night in values]
    is_known = np.isfinite(values) & (number > 0)
    return np.where(is_known, np.stack(scores), 0.0)


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


def _among(values: Float64s, ordered: Float64s, number: Int64s) -> Float64s:
    """Of one night (series,); of each series so many of the reference's nights are known, and they come first."""
    first = (ordered < values).sum(axis=0)
    last = (ordered <= values).sum(axis=0)
    below = (first + last) / 2
    places = (below + 0.5) / (number + 1)
    outer = np.maximum(np.round(OUTER_SHARE * number).astype(np.int64), 1)
    middle = number // 2
    above = _beyond(
        values - _at(ordered, number - 1),
        _at(ordered, number - outer) - _at(ordered, middle),
        outer,
        number,
    )
    under = _beyond(
        _at(ordered, np.zeros_like(number)) - values,
        _at(ordered, number - 1 - middle) - _at(ordered, outer - 1),
        outer,
        number,
    )
    inside = special.ndtri(places)
    return np.asarray(inside + above - under)


def _at(ordered: Float64s, places: Int64s) -> Float64s:
    """Of each series the night at its place, (series,)."""
    (values,) = np.take_along_axis(ordered, places[None, :], axis=0)
    return np.asarray(values)


def _beyond(excess: Float64s, distance: Float64s, outer: Int64s, number: Int64s) -> Float64s:
    """Scores that values so far beyond the farthest have besides; ``distance`` is that of the outer from the middle."""
    place = (outer - 0.5) / number
    score = special.ndtri(1 - place)
    with np.errstate(divide="ignore", invalid="ignore"):
        unit = np.maximum(distance, TINY) / score
        scores = excess / unit
    return np.asarray(np.clip(scores, 0.0, FARTHER))

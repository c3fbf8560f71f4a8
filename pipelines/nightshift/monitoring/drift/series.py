"""What is followed over nights: each feature as a few series of one number a night.

Of numbers the location and the spread of the rows, by the normal scores of the reference's bins, so that no single row
decides; of categories the shares of the frequent ones; of both the shares of nulls and of values never seen. A feature
that differs by night rather than by row, as weather does, is the series of its nights' means.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nightshift.modelling.arrays import Float64s, Int64s
from nightshift.monitoring.drift.nights import ReferenceNights, scores_of_bins

SMALL_SHARE = 0.005
"""Half a percent of the rows, as for the night by itself."""
LEAST_LOG_SHARE = 0.25
"""The least change of a logarithm of a share that is a whole score."""
LEAST_LOCATION = 0.02
"""The same of a location, in standard deviations of rows."""
FREQUENT = 0.01
MOST_CATEGORIES = 20
TWO_BINS = 2
LOCATION = "location"
SPREAD = "spread"
VALUE = "value"
NULLS = "nulls"
UNSEEN = "never seen"
OTHER = "other"
PARTS = {LOCATION: 0.6, SPREAD: 0.3, VALUE: 0.8, NULLS: 0.1, UNSEEN: 0.1}
"""Of what a feature may alarm."""
CATEGORIES_PART = 0.8
"""The same of all its categories."""


@dataclass(frozen=True)
class FeatureSeries:
    """How one feature's nights become numbers: rows per bin times weights, or logarithms of shares of bins.

    ``least`` is for each series the least change that counts as a whole score, ``parts`` its part of what the feature
    may alarm.
    """

    names: tuple[str, ...]
    parts: tuple[float, ...]
    least: tuple[float, ...]
    weights: Float64s
    bins: tuple[int, ...]
    has_value: bool

    def values(self, counts: Int64s, means: Float64s) -> Float64s:
        """Of nights (nights, bins) and their means (nights,): (nights, series), NaN where a night has no values."""
        weighted = self._weighted(counts)
        shares = self._log_shares(counts)
        first = weighted
        if self.has_value:
            first = means[:, None]
        return np.hstack([first, shares])

    def _weighted(self, counts: Int64s) -> Float64s:
        present = counts[:, :-1]
        rows = present.sum(axis=1)
        sums = present @ self.weights
        with np.errstate(invalid="ignore"):
            means = sums.T / rows
        return np.asarray(means.T)

    def _log_shares(self, counts: Int64s) -> Float64s:
        rows = counts.sum(axis=1)
        of_bins = counts[:, self.bins]
        with np.errstate(invalid="ignore"):
            shares = of_bins.T / rows
        shifted = shares + SMALL_SHARE
        logarithms = np.log(shifted)
        return np.asarray(logarithms.T)


def series_of(nights: ReferenceNights) -> FeatureSeries:
    """Those of one feature."""
    feature = nights.feature
    null = feature.bins.size - 1
    if feature.bins.kind == "category":
        bins = _frequent(feature.counts, null)
        return _series(nights, [], np.zeros((null, 0)), bins)
    if nights.is_by_night and feature.moments:
        return _series(nights, [VALUE], np.zeros((null, 0)), [])
    present = np.asarray(feature.counts[:-1])
    weights = _weights(present)
    names = [LOCATION, SPREAD][: weights.shape[1]]
    return _series(nights, names, weights, [])


def _series(nights: ReferenceNights, names: list[str], weights: Float64s, bins: list[int]) -> FeatureSeries:
    """With that of nulls."""
    null = nights.feature.bins.size - 1
    of_bins = [_bin_name(nights, place) for place in bins]
    all_names = [*names, *of_bins, NULLS]
    of_category = CATEGORIES_PART / max(len(bins), 1)
    parts = [PARTS.get(name, of_category) for name in names]
    parts += [_part_of_bin(nights, place, of_category) for place in [*bins, null]]
    least = [_least(name) for name in names]
    least += [LEAST_LOG_SHARE] * (len(bins) + 1)
    return FeatureSeries(
        names=tuple(all_names),
        parts=tuple(parts),
        least=tuple(least),
        weights=weights,
        bins=(*bins, null),
        has_value=VALUE in names,
    )


def _least(name: str) -> float:
    return 0.0 if name == VALUE else LEAST_LOCATION


def _part_of_bin(nights: ReferenceNights, place: int, of_category: float) -> float:
    bins = nights.feature.bins
    if place == bins.size - 1:
        return PARTS[NULLS]
    if place == bins.unseen:
        return PARTS[UNSEEN]
    return of_category


def _weights(counts: Int64s) -> Float64s:
    """Normal scores of the bins, and their squares, which say the same where there are two bins."""
    scores = scores_of_bins(counts)
    if np.count_nonzero(counts) <= TWO_BINS:
        return scores
    return np.hstack([scores, scores**2])


def _frequent(counts: Sequence[int], null: int) -> list[int]:
    """The bins besides null that hold many rows, at most so many, and the last two, whatever they hold."""
    enough = FREQUENT * sum(counts)
    last = range(max(null - TWO_BINS, 0), null)
    frequent = []
    for place in range(last.start):
        if counts[place] >= enough:
            frequent.append(place)
    return [*frequent[:MOST_CATEGORIES], *last]


def _bin_name(nights: ReferenceNights, place: int) -> str:
    bins = nights.feature.bins
    if place == bins.unseen:
        return UNSEEN
    if place < len(bins.categories):
        return f"share of {bins.categories[place]}"
    return OTHER

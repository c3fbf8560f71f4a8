"""Metrics that are no means of rows, for many weightings of nights at once.

Rows are counted by night and score once; each weighting is then a product of two small matrices.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from nightshift.modelling.arrays import Array, Booleans, Float64s, Floats, Int64s, Places

WeightedMetric: TypeAlias = Callable[[Float64s], Float64s]
"""From weights of nights, (r, n), to the metric under each weighting, (r,), NaN where it is not defined."""
MOST_SCORES = 8192
"""Of more different scores, neighbours count as equal: each stands for less than an eight-thousandth of the rows."""
AT_ONCE = 64


@dataclass(frozen=True)
class ScoreCounts:
    """Rows by night and score, highest score first: positive ones and others, both (n, s)."""

    positives: Float64s
    negatives: Float64s

    def roc_auc(self, weights: Float64s) -> Float64s:
        """The share of pairs, one positive and one not, that are in order; equal scores count half."""
        return _in_parts(self._roc_auc, weights)

    def pr_auc(self, weights: Float64s) -> Float64s:
        """Precisions, each weighted by the recall gained at its score."""
        return _in_parts(self._pr_auc, weights)

    def _roc_auc(self, weights: Float64s) -> Float64s:
        hits = weights @ self.positives
        others = weights @ self.negatives
        at_least_as_high = np.cumsum(hits, axis=1)
        above = at_least_as_high - hits / 2
        positives = hits.sum(axis=1)
        negatives = others.sum(axis=1)
        pairs_in_order = others * above
        return _over(
            pairs_in_order.sum(axis=1),
            positives * negatives,
        )

    def _pr_auc(self, weights: Float64s) -> Float64s:
        hits = weights @ self.positives
        others = weights @ self.negatives
        hits_so_far = np.cumsum(hits, axis=1)
        others_so_far = np.cumsum(others, axis=1)
        rows_so_far = hits_so_far + others_so_far
        precision = _over(hits_so_far, rows_so_far)
        gained = hits * np.nan_to_num(precision)
        return _over(
            gained.sum(axis=1),
            hits.sum(axis=1),
        )


def score_counts(is_positive: Booleans, scores: Floats, night: Places) -> ScoreCounts:
    """Of rows (n,), whose nights are numbered from 0."""
    group = _groups(scores)
    groups = int(group.max()) + 1
    nights = int(night.max()) + 1
    place = night * groups + group
    return ScoreCounts(
        positives=_table(place[is_positive], nights, groups),
        negatives=_table(place[~is_positive], nights, groups),
    )


def _groups(scores: Floats) -> Places:
    """The place of each score among the different ones, highest first, or among so many parts of the rows."""
    highest_first = -scores
    different, group = np.unique(
        highest_first,
        return_inverse=True,
    )
    if len(different) <= MOST_SCORES:
        return group
    rows_of_group = np.bincount(group)
    rows_so_far = np.cumsum(rows_of_group)
    last_row = rows_so_far[group] - 1
    parts = last_row * MOST_SCORES
    return np.asarray(parts // len(scores))


def _table(place: Places, nights: int, groups: int) -> Float64s:
    cells = nights * groups
    counts = np.bincount(place, minlength=cells)
    numbers = counts.astype(np.float64)
    return numbers.reshape(nights, groups)


def f1_by_night(labels: Int64s, predicted: Int64s, night: Places, classes: list[int]) -> WeightedMetric:
    """The mean over classes, those that are there or are predicted, of twice the hits over both."""
    nights = int(night.max()) + 1
    hits = []
    sizes = []
    for place in classes:
        is_label = labels == place
        is_predicted = predicted == place
        of_hits = night[is_label & is_predicted]
        of_either = np.append(
            night[is_label],
            night[is_predicted],
        )
        hits.append(np.bincount(of_hits, minlength=nights))
        sizes.append(np.bincount(of_either, minlength=nights))
    all_hits = np.array(hits, dtype=np.float64)
    all_sizes = np.array(sizes, dtype=np.float64)

    def value(weights: Float64s) -> Float64s:
        hits_of_class = weights @ all_hits.T
        size_of_class = weights @ all_sizes.T
        of_class = _over(2 * hits_of_class, size_of_class)
        is_there = ~np.isnan(of_class)
        known = np.nan_to_num(of_class)
        return _over(
            known.sum(axis=1),
            is_there.sum(axis=1),
        )

    return value


def mean_of(metrics: Sequence[WeightedMetric]) -> WeightedMetric:
    """The mean of several, not defined where one is not."""

    def value(weights: Float64s) -> Float64s:
        values = [metric(weights) for metric in metrics]
        return np.asarray(np.mean(values, axis=0))

    return value


def _in_parts(metric: WeightedMetric, weights: Float64s) -> Float64s:
    values = []
    for first in range(0, len(weights), AT_ONCE):
        end = first + AT_ONCE
        part = weights[first:end]
        of_part = metric(part)
        values.append(of_part)
    return np.concatenate(values)


def _over(counts: Array, wholes: Array) -> Float64s:
    """The quotients, NaN over nothing."""
    quotients = np.full(np.shape(wholes), np.nan)
    np.divide(
        counts,
        wholes,
        out=quotients,
        where=wholes > 0,
    )
    return quotients

"""Quantiles of a night's scores, from the histogram that its record keeps."""

from collections.abc import Sequence
from itertools import pairwise

from nightshift.modelling.label_types import label_type
from nightshift.monitoring.drift import FeatureDrift
from nightshift.spec import ModelSpec

LEVELS = (0.1, 0.5, 0.9)


def score_quantiles(spec: ModelSpec, features: Sequence[FeatureDrift]) -> tuple[float, ...]:
    """The score's at ``LEVELS``, as far as bins tell; nothing of scores that are no numbers, or are not watched."""
    column = label_type(spec).drift_column
    score = next((feature for feature in features if feature.feature == column), None)
    if score is None or score.kind != "numeric" or not score.edges:
        return ()
    # The last bin is of nulls; those before and behind the edges have one end.
    bins = score.counts[:-1]
    ends = [score.edges[0], *score.edges, score.edges[-1]]
    if sum(bins) == 0:
        return ()
    return tuple(_quantile(level, bins, ends) for level in LEVELS)


def _quantile(level: float, bins: Sequence[int], ends: Sequence[float]) -> float:
    """Where so large a share of the rows lies below, as if the rows of a bin lay evenly in it."""
    wanted = level * sum(bins)
    below = 0
    for count, (low, high) in zip(bins, pairwise(ends), strict=True):
        if count and below + count >= wanted:
            share = (wanted - below) / count
            return low + share * (high - low)
        below += count
    return ends[-1]

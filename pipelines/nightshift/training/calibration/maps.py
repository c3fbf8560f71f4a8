"""From a score to a probability: maps that rise, so that no two rows change places.

None is steeper than a graph's float32 can follow: the trained model and its graph calibrate alike.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self, TypeAlias

import numpy as np

from nightshift.modelling.arrays import Array, Float64s, Floats

SMALLEST = 1e-7
"""Scores are kept so far from 0, where a logarithm ends."""


@dataclass(frozen=True)
class Platt:
    """A line through the log odds (Platt, 1999): ``slope`` times them, and ``shift``; flat above ``highest``."""

    slope: float
    shift: float
    highest: float

    def __call__(self, scores: Floats) -> Float64s:
        """Of scores (n,)."""
        odds = log_odds(scores, self.highest)
        moved = self.slope * odds + self.shift
        return probabilities(moved)

    @property
    def numbers(self) -> Float64s:
        """As it is kept, (3,)."""
        return np.array([self.slope, self.shift, self.highest])


@dataclass(frozen=True)
class Isotonic:
    """Lines between knots from 0 to 1, both (m,): ``scores`` rise, and so do the ``shares`` of outcomes at them."""

    scores: Float64s
    shares: Float64s

    def __call__(self, scores: Floats) -> Float64s:
        """Of scores (n,)."""
        between = np.interp(
            scores,
            self.scores,
            self.shares,
        )
        return np.asarray(between)

    @property
    def numbers(self) -> Float64s:
        """As it is kept, (2, m)."""
        return np.stack([self.scores, self.shares])


def log_odds(scores: Floats, highest: float) -> Float64s:
    """Of scores (n,), none of them outside of what has some."""
    inside = np.clip(
        scores.astype(np.float64),
        SMALLEST,
        highest,
    )
    for_it = np.log(inside)
    against = np.log1p(-inside)
    return np.asarray(for_it - against)


def probabilities(odds: Float64s) -> Float64s:
    """Of log odds (n,)."""
    against = np.exp(-odds)
    return np.asarray(1 / (1 + against))


ScoreMap: TypeAlias = Platt | Isotonic


@dataclass(frozen=True)
class Calibration:
    """A map for P(yes), or one for each class; ``sums_to_one``: of a row's classes one will come."""

    maps: tuple[ScoreMap, ...]
    sums_to_one: bool = False

    def __call__(self, scores: Floats) -> Float64s:
        """Of scores (n,) or (n, k)."""
        by_score = scores.reshape(len(scores), -1)
        columns = []
        for place, score_map in enumerate(self.maps):
            columns.append(score_map(by_score[:, place]))
        mapped = np.stack(columns, axis=1)
        if self.sums_to_one:
            mapped = mapped / mapped.sum(axis=1, keepdims=True)
        return mapped.reshape(scores.shape)

    @property
    def numbers(self) -> list[Float64s]:
        """As it is kept: plain arrays."""
        return [score_map.numbers for score_map in self.maps]

    @classmethod
    def of(cls, numbers: Sequence[Array], *, sums_to_one: bool) -> Self:
        """From what was kept."""
        maps = [_map(kept) for kept in numbers]
        return cls(tuple(maps), sums_to_one)


def _map(kept: Array) -> ScoreMap:
    if kept.ndim == 1:
        slope, shift, highest = map(float, kept)
        return Platt(slope, shift, highest)
    scores, shares = kept
    return Isotonic(scores, shares)

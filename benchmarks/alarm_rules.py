"""What watches nights: any detector by one protocol, and the rules that others use."""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from scipy import stats

from benchmarks.alarm_counts import Counted, CountedNight
from nightshift.modelling.arrays import Booleans, Float64s, Int64s
from nightshift.profiles import distance

SIGNIFICANCE = 0.05
LARGEST_PSI = 0.2
LEAST_SHARE = 1e-4
DEVIATIONS = 3


class Detector(Protocol):
    """One that learns what is usual from a reference and then says of each night whether it alarms."""

    name: str

    def fit(self, reference: Counted) -> Any:
        """What is known before the first night."""

    def alarm(self, state: Any, night: CountedNight, history: Sequence[CountedNight]) -> bool:
        """Whether somebody is to look; ``history`` is of earlier nights, the oldest first."""


class Tests:
    """Each feature's night against the reference: Kolmogorov-Smirnov of numbers, chi-squared of texts, p < 0.05."""

    name = "ks"

    def fit(self, reference: Counted) -> tuple[Int64s, Booleans]:
        """The reference's counts, (features, bins), and which features are texts."""
        are_texts = [bins.kind == "category" for bins in reference.bins.values()]
        return total(reference), np.array(are_texts)

    def alarm(self, state: tuple[Int64s, Booleans], night: CountedNight, history: Sequence[CountedNight]) -> bool:
        """Any feature."""
        counts, are_texts = state
        of_numbers = _kolmogorov_smirnov(night.block[~are_texts], counts[~are_texts])
        of_texts = _chi_squared(night.block[are_texts], counts[are_texts])
        return bool(min(of_numbers.min(), of_texts.min()) < SIGNIFICANCE)


class StabilityIndex:
    """Each feature's population stability index, > 0.2."""

    name = "psi"

    def fit(self, reference: Counted) -> Int64s:
        """The reference's counts, (features, bins)."""
        return total(reference)

    def alarm(self, state: Int64s, night: CountedNight, history: Sequence[CountedNight]) -> bool:
        """Any feature."""
        p = np.maximum(shares(night.block), LEAST_SHARE)
        q = np.maximum(shares(state), LEAST_SHARE)
        index = ((p - q) * np.log(p / q)).sum(axis=-1)
        return bool((index > LARGEST_PSI).any())


class ThreeDeviations:
    """Each feature's distance from the whole reference, beyond the mean of its nights and three deviations."""

    name = "three_sd"

    def fit(self, reference: Counted) -> tuple[Int64s, Float64s]:
        """The reference's counts and each feature's line."""
        counts = total(reference)
        blocks = np.stack([night.block for night in reference.nights])
        distances = distance.between(blocks, counts)
        return counts, distances.mean(axis=0) + DEVIATIONS * distances.std(axis=0, ddof=1)

    def alarm(self, state: tuple[Int64s, Float64s], night: CountedNight, history: Sequence[CountedNight]) -> bool:
        """Any feature."""
        counts, lines = state
        return bool((distance.between(night.block, counts) > lines).any())


PEERS: tuple[Detector, ...] = (Tests(), StabilityIndex(), ThreeDeviations())


def total(reference: Counted) -> Int64s:
    """All nights of the reference, (features, bins)."""
    return np.asarray(sum(night.block for night in reference.nights))


def shares(block: Int64s) -> Float64s:
    """Rows per bin as shares of their feature's."""
    return np.asarray(block / np.maximum(block.sum(axis=-1, keepdims=True), 1))


def _kolmogorov_smirnov(night: Int64s, reference: Int64s) -> Float64s:
    gaps = np.abs(np.cumsum(shares(night), axis=-1) - np.cumsum(shares(reference), axis=-1))
    rows = _harmonic(night, reference)
    return np.asarray(stats.kstwobign.sf(gaps.max(axis=-1) * rows**0.5))


def _chi_squared(night: Int64s, reference: Int64s) -> Float64s:
    both = night + reference
    squares = (shares(night) - shares(reference)) ** 2
    expected = both / both.sum(axis=-1, keepdims=True)
    terms = np.where(both > 0, squares / np.maximum(expected, np.finfo(float).tiny), 0.0)
    freedom = np.count_nonzero(both, axis=-1) - 1
    return np.asarray(stats.chi2.sf(_harmonic(night, reference) * terms.sum(axis=-1), freedom))


def _harmonic(night: Int64s, reference: Int64s) -> Float64s:
    """Rows of both, as the error of their difference counts them."""
    rows = night.sum(axis=-1)
    of_reference = reference.sum(axis=-1)
    return np.asarray(rows * of_reference / np.maximum(rows + of_reference, 1))

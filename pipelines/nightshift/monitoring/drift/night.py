"""The detector of the night by itself: is it as far from the reference as one of the reference's own seldom is?

1. Per feature two statistics. How far the histogram is as a whole (``profiles.distance``), and how far the farthest
   bin is, as the logarithm of its share over its own spread: a value that vanished or was never seen moves one bin.
2. Made comparable: z = (statistic - level) / scale, from the reference's own nights, drawn to tonight's rows and
   each held against those further than a block away, of its weekday where weekdays differ.
3. The largest z over all features is held against the prediction limit of one more night like the reference's.

A feature that differs by night rather than by row has a histogram of a few bins, always far away: of such a feature
only what the reference never held, and nulls, are judged here, and its values by several nights together.
"""

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from nightshift.modelling.arrays import Booleans, Float64s, Int64s
from nightshift.monitoring.drift.nights import LEAST_BLOCK, ReferenceNights, block_of, pool_of, pools
from nightshift.monitoring.drift.sizes import resized
from nightshift.monitoring.drift.tail import (
    MIN_NIGHTS,
    TAIL_SHARE,
    prediction_limit,
    runs_of_tail,
    tail_of,
    tail_without_near,
)
from nightshift.monitoring.drift.values import NightValues
from nightshift.monitoring.drift.verdict import FeatureVerdict
from nightshift.profiles import distance

# Half a percent of the rows: what comes and goes below it is no change that anybody would call one.
SMALL_SHARE = 0.005
SMALLEST_BIN_SPREAD = 0.1
SMALLEST_BIN_SCALE = 0.2
# So many rows in a bin where none were must never be an alarm by themselves, at a line of so many spreads.
FEW_ROWS = 3
FEW_ROWS_LINE = 6
# Standard deviations of nights beyond their record.
FAR_BEYOND = 2.0
# Of numbers: below and above all that the reference held.
OUTER_BINS = [0, -2]
OF_BIN = "share of one bin"


@dataclass(frozen=True)
class Null:
    """What nights of so many rows are like, of one feature: levels and scales, and the nights' own statistics."""

    level: float
    scale: float
    bin_level: float
    bin_scale: float
    bin_spread: Float64s
    statistics: Float64s


@dataclass
class NightDetector:
    """Of one profile and rate; what depends on a night's number of rows is kept for the next night of as many."""

    features: Sequence[ReferenceNights]
    correlations: dict[str, float]
    rate: float
    _nulls: dict[int, dict[str, Null]] = field(default_factory=dict)
    _lines: dict[int, dict[str, float]] = field(default_factory=dict)

    @property
    def cannot(self) -> list[str]:
        """Of which features nothing can be promised, in sentences."""
        sentences = []
        for nights in self.features:
            if nights.number < MIN_NIGHTS:
                name = nights.feature.name
                sentences.append(f"{name} has {nights.number} reference nights, {MIN_NIGHTS} say how nights vary")
        return sentences

    def verdicts(self, night: NightValues) -> dict[str, FeatureVerdict]:
        """Of each feature with at least ``MIN_NIGHTS`` reference nights."""
        judged = [feature for feature in self.features if feature.number >= MIN_NIGHTS]
        rows = night.rows
        if rows not in self._nulls:
            self._prepare(judged, rows)
        nulls = self._nulls[rows]
        lines = self._lines[rows]
        verdicts = {}
        for nights in judged:
            name = nights.feature.name
            null = nulls[name]
            verdicts[name] = _verdict(nights, night, null, lines[name])
        return verdicts

    def _prepare(self, judged: Sequence[ReferenceNights], rows: int) -> None:
        nulls = {}
        for nights in judged:
            name = nights.feature.name
            correlation = self.correlations.get(name, 0.0)
            block = block_of(nights.number, correlation)
            nulls[name] = _null(nights, block, rows)
        self._nulls[rows] = nulls
        self._lines[rows] = _lines(judged, nulls, self.rate)


def _lines(judged: Sequence[ReferenceNights], nulls: dict[str, Null], rate: float) -> dict[str, float]:
    """Features known on the same nights share a line, that of their maximum, so it holds however they depend."""
    groups = defaultdict(list)
    for nights in judged:
        groups[nights.places].append(nights.feature.name)
    lines: dict[str, float] = {}
    for names in groups.values():
        statistics = [nulls[name].statistics for name in names]
        largest = np.max(statistics, axis=0)
        of_group = rate / len(groups)
        limit = prediction_limit(largest, of_group, runs_of_tail(largest))
        # Nights that are all alike say nothing of a tail: then that of one feature with the smallest spread.
        least = math.log1p(TAIL_SHARE / of_group)
        line = max(limit, least)
        lines |= dict.fromkeys(names, line)
    return lines


def _null(nights: ReferenceNights, block: int, rows: int) -> Null:
    against = pools(nights, block)
    drawn = resized(nights.counts, against, rows)
    with_news = _with_news(drawn, against, nights)
    far = _far(with_news, against, nights)
    differences = _differences(with_news, against, nights)
    least = _least_spread(rows)
    farthest = _farthest(differences, least)
    near = block if block > LEAST_BLOCK else 0
    of_whole = _standardised(far, near, distance.SMALLEST_SPREAD)
    of_bins = _standardised(farthest, near, SMALLEST_BIN_SCALE)
    level, excess = tail_of(far)
    bin_level, bin_excess = tail_of(farthest)
    squares = np.square(differences)
    spread = np.sqrt(squares.mean(axis=0))
    return Null(
        level=float(level),
        scale=max(float(excess), distance.SMALLEST_SPREAD),
        bin_level=float(bin_level),
        bin_scale=max(float(bin_excess), SMALLEST_BIN_SCALE),
        bin_spread=np.maximum(spread, least),
        statistics=np.maximum(of_whole, of_bins),
    )


def _standardised(values: Float64s, near: int, least: float) -> Float64s:
    """Each by the level and the mean excess of the others that are not near: neighbours of a long memory know it."""
    level, excess = tail_without_near(values, near)
    scale = np.maximum(excess, least)
    above = values - level
    standardised = above / scale
    return np.asarray(standardised)


def _farthest(differences: Float64s, least: float) -> Float64s:
    """Of each night (nights,) the largest of its bins' differences, each over its spread on the other nights."""
    squares = np.square(differences)
    of_others = squares.sum(axis=0) - squares
    mean = of_others / (len(squares) - 1)
    spreads = np.maximum(np.sqrt(mean), least)
    sizes = np.abs(differences) / spreads
    return np.asarray(sizes.max(axis=1))


def _with_news(counts: Int64s, against: Int64s, nights: ReferenceNights) -> Int64s:
    """What a night's own pool has never seen is never seen, as it will be on nights to come."""
    unseen = nights.feature.bins.unseen
    if unseen is None:
        return counts
    is_new = against == 0
    is_new[:, unseen:] = False
    new = np.where(is_new, counts, 0)
    moved = counts - new
    moved[:, unseen] += new.sum(axis=1)
    return moved


def _verdict(nights: ReferenceNights, night: NightValues, null: Null, line: float) -> FeatureVerdict:
    counts = np.asarray(night.counts[nights.feature.name])
    against = pool_of(nights, night.partition)
    far = float(_far(counts, against, nights))
    whole = (far - null.level) / null.scale
    differences = _differences(counts, against, nights)
    if _is_near_record(nights, night):
        differences[OUTER_BINS] = 0.0
    sizes = np.abs(differences) / null.bin_spread
    of_bin = (float(sizes.max()) - null.bin_level) / null.bin_scale
    is_bin = nights.is_by_night or of_bin > whole
    verdict = FeatureVerdict(
        statistic=whole,
        line=line,
        by=distance.NAME,
        since=night.partition,
        alarm_distance=_alarm_distance(nights, null, line),
    )
    if not is_bin:
        return verdict
    return replace(verdict, statistic=of_bin, by=OF_BIN)


def _is_near_record(nights: ReferenceNights, night: NightValues) -> bool:
    """Whether a feature that differs by night is not so far beyond the reference's nights that the night alone says it.

    The outer edges are for nights that do not depend on one another: of a long memory the largest few are one.
    """
    moments = night.moments.get(nights.feature.name)
    known = nights.means[np.isfinite(nights.means)]
    if not nights.is_by_night or moments is None or known.size == 0:
        return False
    margin = FAR_BEYOND * known.std()
    lowest = known.min() - margin
    highest = known.max() + margin
    return bool(lowest <= moments.mean <= highest)


def _alarm_distance(nights: ReferenceNights, null: Null, line: float) -> float:
    """Of a feature that differs by night every distance is usual."""
    if nights.is_by_night:
        return 1.0
    far = null.level + line * null.scale
    known = distance.unstretched(np.asarray(far))
    return float(known)


def _far(counts: Int64s, against: Int64s, nights: ReferenceNights) -> Float64s:
    """The distance as a whole, stretched; of a feature that differs by night none."""
    if nights.is_by_night:
        return np.zeros(counts.shape[:-1])
    between = distance.between(counts, against)
    known = np.nan_to_num(between)
    return distance.stretched(known)


def _differences(counts: Int64s, against: Int64s, nights: ReferenceNights) -> Float64s:
    """Of the logarithms of shares, (..., bins); 0 where a bin is not judged."""
    mine = _log_shares(counts)
    others = _log_shares(against)
    is_judged = _judged_bins(nights)
    differences = mine - others
    return np.where(is_judged, differences, 0.0)


def _log_shares(counts: Int64s) -> Float64s:
    rows = counts.sum(axis=-1, keepdims=True)
    least_rows = np.maximum(rows, 1)
    shares = counts / least_rows
    shifted = shares + SMALL_SHARE
    logarithms = np.log(shifted)
    return np.asarray(logarithms)


def _judged_bins(nights: ReferenceNights) -> Booleans:
    """All, or of a feature that differs by night the null bin and those that the reference left empty."""
    rows = nights.counts.sum(axis=0)
    if not nights.is_by_night:
        return np.ones(rows.shape, bool)
    is_judged = rows == 0
    is_judged[-1] = True
    return np.asarray(is_judged)


def _least_spread(rows: int) -> float:
    odds = FEW_ROWS / (rows * SMALL_SHARE)
    few = math.log1p(odds)
    spread = few / FEW_ROWS_LINE
    return max(SMALLEST_BIN_SPREAD, spread)

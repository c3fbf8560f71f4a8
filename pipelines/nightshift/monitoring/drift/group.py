"""The series of the features that are known on the same reference nights, side by side.

A series is followed by its place among the reference's nights, as a normal score: whatever its distribution is, on
quiet nights that do not depend on one another the scores are those of any other series.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from nightshift.modelling.arrays import Booleans, Float64s, Int64s
from nightshift.monitoring.drift.nights import (
    MOST_CORRELATED,
    WEEK,
    ReferenceNights,
    autocorrelation,
    block_of,
    pools,
    value_of,
    weekday_of,
)
from nightshift.monitoring.drift.scores import limited, own_scores, scores_among
from nightshift.monitoring.drift.series import LEAST_LOG_SHARE, SMALL_SHARE, FeatureSeries, series_of
from nightshift.monitoring.drift.sizes import resized
from nightshift.monitoring.drift.values import NightValues

MOST_KEPT = 64
# The reference is drawn anew for nights that are smaller by so much, or larger.
STEP = 1.25
NEARLY = 0.1
SEED = 20240302
TINY = 1e-12
# A larger share of the variance of nights than this is no noise of rows that were drawn: a timetable is not.
MOST_NOISE = 0.35
# Two standard deviations of a correlation of independent nights, in units of 1 / root of the nights.
SURELY = 2.0


@dataclass(frozen=True)
class OwnSeries:
    """One feature's series, and what is usual of them on each weekday (7, series)."""

    nights: ReferenceNights
    maker: FeatureSeries
    usual: Float64s

    @property
    def name(self) -> str:
        """The feature's."""
        return self.nights.feature.name

    def reference(self, counts: Int64s) -> Float64s:
        """Of the reference's nights, with these rows per bin, what they differ by from the usual."""
        values = self.maker.values(counts, self.nights.means)
        weekdays = self.nights.weekdays
        if weekdays.size == 0:
            return np.asarray(values)
        usual = self.usual[weekdays]
        return np.asarray(values - usual)

    def night(self, night: NightValues) -> Float64s:
        """Of one night, (series,)."""
        bins = self.nights.feature.bins.size
        counts = night.counts.get(self.name)
        if counts is None:
            counts = np.zeros(bins, np.int64)
        moments = night.moments.get(self.name)
        means = np.array([value_of(moments)])
        column = np.asarray(counts).reshape(1, bins)
        (values,) = self.maker.values(column, means)
        weekday = weekday_of(night.partition) or 0
        usual = self.usual[weekday]
        return np.asarray(values - usual)

    def resized(self, rows: int) -> Float64s:
        """As ``reference``, had the nights had so many rows."""
        block = block_of(self.nights.number, 0.0)
        against = pools(self.nights, block)
        drawn = resized(self.nights.counts, against, rows)
        return self.reference(drawn)

    def noise_share(self) -> Float64s:
        """How much of the variance of nights (series,) is that of their rows having been drawn; 0 if they were not."""
        counts = self.nights.counts
        sizes = counts.sum(axis=1)
        shares = counts / sizes[:, None]
        rng = np.random.default_rng(SEED)
        drawn_again = rng.multinomial(sizes, shares)
        values = np.nan_to_num(self.reference(counts))
        others = np.nan_to_num(self.reference(drawn_again))
        noise = np.var(others - values, axis=0)
        total = np.maximum(values.var(axis=0), TINY)
        share = noise / total
        is_drawn = share <= MOST_NOISE
        return np.where(is_drawn, share, 0.0)

    @property
    def doubt(self) -> float:
        """A new night differs from a mean of few more than those few do."""
        if self.nights.weekdays.size == 0:
            return 1.0
        number = self.nights.number
        ratio = (number + WEEK) / (number - WEEK)
        return math.sqrt(ratio)


@dataclass(frozen=True)
class SeriesGroup:
    """All series; ``ordered`` are the reference's values (nights, series), sorted.

    ``correlations`` are those of neighbouring nights, and ``is_fixed`` tells series that never varied.
    """

    members: tuple[OwnSeries, ...]
    usual_rows: int
    ordered: Float64s
    middle: Float64s
    correlations: Float64s
    is_fixed: Booleans
    _by_rows: dict[int, Float64s] = field(default_factory=dict)
    # With the night itself, so that no other has its identity.
    _kept: dict[int, tuple[NightValues, Float64s]] = field(default_factory=dict)

    @property
    def nights(self) -> int:
        """How many the reference has."""
        return len(self.ordered)

    @property
    def parts(self) -> Float64s:
        """What each series may alarm of what its feature may."""
        return np.concatenate([own.maker.parts for own in self.members])

    @cached_property
    def owners(self) -> list[tuple[str, str]]:
        """Feature and series of each column."""
        pairs = []
        for own in self.members:
            for series in own.maker.names:
                pairs.append((own.name, series))
        return pairs

    @cached_property
    def places(self) -> list[Int64s]:
        """The columns of each feature."""
        sizes = [len(own.maker.names) for own in self.members]
        ends = np.cumsum(sizes)
        return np.split(np.arange(ends[-1]), ends[:-1])

    def scores(self, nights: Sequence[NightValues]) -> Float64s:
        """Of some nights (nights, series): 0 where a night says nothing. Those asked for before are kept."""
        all_scores = []
        for night in nights:
            key = id(night)
            if key not in self._kept:
                self._kept[key] = night, self._scores(night)
            _, scores = self._kept[key]
            all_scores.append(scores)
        self._forget()
        return np.stack(all_scores)

    def _forget(self) -> None:
        """All but the last."""
        keys = list(self._kept)
        for key in keys[:-MOST_KEPT]:
            del self._kept[key]

    def _scores(self, night: NightValues) -> Float64s:
        of_features = [own.night(night) for own in self.members]
        values = np.concatenate(of_features)
        rows = _rounded(night.rows, self.usual_rows)
        ordered = self._ordered_for(rows)
        (scores,) = scores_among(values[None, :], ordered)
        differences = np.nan_to_num(values - self.middle)
        least = self._least(rows)
        sure = limited(scores, differences, least)
        return np.asarray(sure / self._doubt)

    @cached_property
    def _doubt(self) -> Float64s:
        doubts = []
        for own in self.members:
            number = len(own.maker.names)
            doubts.append(np.full(number, own.doubt))
        return np.concatenate(doubts)

    def _least(self, rows: int) -> Float64s:
        """The least change that is a whole score: of a share also what one row is, in a night of few."""
        least = self._least_of_any
        one_row = 1 / (rows * SMALL_SHARE)
        of_share = max(LEAST_LOG_SHARE, math.log1p(one_row))
        is_share = least == LEAST_LOG_SHARE
        return np.where(is_share, of_share, least)

    @cached_property
    def _least_of_any(self) -> Float64s:
        return np.concatenate([own.maker.least for own in self.members])

    def _ordered_for(self, rows: int) -> Float64s:
        """The reference's series, sorted, had its nights had so many rows: fewer say less of a night."""
        if rows == self.usual_rows:
            return self.ordered
        if rows not in self._by_rows:
            values = [own.resized(rows) for own in self.members]
            self._by_rows[rows] = np.sort(np.hstack(values), axis=0)
        return self._by_rows[rows]


def group_of(features: Sequence[ReferenceNights]) -> SeriesGroup:
    """Of features known on the same nights."""
    members = tuple(_own(feature) for feature in features)
    values = np.hstack([own.reference(own.nights.counts) for own in members])
    filled = np.nan_to_num(values)
    middle = np.array([_middle(of_series) for of_series in values.T])
    least = np.concatenate([own.maker.least for own in members])
    differences = np.nan_to_num(values - middle)
    scores = np.stack([own_scores(of_series) for of_series in values.T], axis=1)
    sizes = [feature.counts.sum(axis=1) for feature in features]
    return SeriesGroup(
        members=members,
        usual_rows=max(int(np.median(sizes)), 1),
        ordered=np.sort(values, axis=0),
        middle=middle,
        correlations=_correlations(limited(scores, differences, least), members),
        is_fixed=np.ptp(filled, axis=0) == 0,
    )


def _correlations(scores: Float64s, members: Sequence[OwnSeries]) -> Float64s:
    """Of what nights are beside the noise of their rows, where they are surely alike: noise hides how long they are."""
    seen = autocorrelation(scores)
    surely = SURELY / math.sqrt(len(scores))
    noise = np.concatenate([own.noise_share() for own in members])
    beside_noise = seen / (1 - noise)
    corrected = np.minimum(beside_noise, MOST_CORRELATED)
    return np.where(seen > surely, corrected, seen)


def _own(feature: ReferenceNights) -> OwnSeries:
    maker = series_of(feature)
    values = maker.values(feature.counts, feature.means)
    series = values.shape[1]
    usual = np.zeros((WEEK, series))
    for weekday in np.unique(feature.weekdays):
        is_same = feature.weekdays == weekday
        of_weekday = values[is_same]
        for place in range(series):
            usual[weekday, place] = _mean(of_weekday[:, place])
    return OwnSeries(feature, maker, usual)


def _mean(values: Float64s) -> float:
    is_known = np.isfinite(values)
    if not is_known.any():
        return 0.0
    known = values[is_known]
    return float(known.mean())


def _middle(values: Float64s) -> float:
    is_known = np.isfinite(values)
    if not is_known.any():
        return 0.0
    known = values[is_known]
    return float(np.median(known))


def _rounded(rows: int, usual: int) -> int:
    """Down to one of few numbers, so that a reference is drawn for few; that of the reference where it is near."""
    times = max(rows, 1) / usual
    steps = math.log(times) / math.log(STEP)
    whole = math.floor(steps + NEARLY)
    rounded = usual * STEP**whole
    return max(round(rounded), 1)

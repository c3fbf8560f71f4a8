"""The detector of several nights: each series pooled over 7 and 28 nights, its CUSUM, and values that repeat.

The statistics of a series are scaled by how its nights depend on one another, and what one line means for the three
together, with the estimation of that dependence in it, is known by simulation (``limits.py``). Each feature may open
as many alarms as another; that one is far away while others are too can only make alarms rarer.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import special

from nightshift.modelling.arrays import Float64s, Int64s
from nightshift.monitoring.drift.back import since_back
from nightshift.monitoring.drift.group import SeriesGroup
from nightshift.monitoring.drift.limits import limit_of
from nightshift.monitoring.drift.repeats import can_repeat, repeat
from nightshift.monitoring.drift.scores import FARTHER
from nightshift.monitoring.drift.statistics import KINDS, MONTH, statistics
from nightshift.monitoring.drift.values import NightValues
from nightshift.monitoring.drift.verdict import FeatureVerdict

# Of what a feature may alarm, what its repeats may.
REPEAT_PART = 0.1


@dataclass(frozen=True)
class SeveralNights:
    """The detector of one profile and rate. ``limits`` are those of each group's series, infinite where none holds."""

    groups: tuple[SeriesGroup, ...]
    limits: tuple[Float64s, ...]
    rate_of_repeats: float

    @property
    def cannot(self) -> list[str]:
        """Which series cannot be judged by several nights, in sentences."""
        sentences = []
        for group, limits in zip(self.groups, self.limits, strict=True):
            names = _without_limit(group, limits)
            if names:
                sentences.append(
                    f"{', '.join(names)}: their nights depend so much on one another that {group.nights} of them"
                    " are too few to judge several together"
                )
        return sentences

    def verdicts(self, night: NightValues, history: Sequence[NightValues]) -> dict[str, FeatureVerdict]:
        """Of each feature that has a series with a limit: that of the series nearest to its own."""
        nights = [earlier for earlier in history if earlier.rows]
        nights.append(night)
        verdicts: dict[str, FeatureVerdict] = {}
        for group, limits in zip(self.groups, self.limits, strict=True):
            for name, verdict in self._of_group(group, limits, nights):
                before = verdicts.get(name)
                if before is None or verdict.ratio > before.ratio:
                    verdicts[name] = verdict
        return verdicts

    def _of_group(
        self,
        group: SeriesGroup,
        limits: Float64s,
        nights: Sequence[NightValues],
    ) -> Iterator[tuple[str, FeatureVerdict]]:
        yield from _of_series(group, limits, nights)
        for own in group.members:
            if can_repeat(own.nights):
                verdict = repeat(own.nights, nights, self.rate_of_repeats)
                if verdict:
                    yield own.name, verdict


def several_nights(groups: Sequence[SeriesGroup], rate: float) -> SeveralNights:
    """The detector that opens an alarm with this rate a night."""
    features = sum(len(group.members) for group in groups)
    of_feature = rate / max(features, 1)
    limits = [_limits(group, of_feature) for group in groups]
    return SeveralNights(
        groups=tuple(groups),
        limits=tuple(limits),
        rate_of_repeats=REPEAT_PART * of_feature,
    )


def _limits(group: SeriesGroup, rate: float) -> Float64s:
    """Of each series, by its part of what those of its feature may alarm that ever varied."""
    varying = np.where(group.is_fixed, 0.0, group.parts)
    shares = []
    first = 0
    for own in group.members:
        last = first + len(own.maker.names)
        total = REPEAT_PART + float(varying[first:last].sum())
        shares.append(group.parts[first:last] / max(total, 1.0 - REPEAT_PART))
        first = last
    rates = rate * np.concatenate(shares)
    limits = limit_of(group.nights, group.correlations, rates)
    return _reachable(group, limits)


def _reachable(group: SeriesGroup, limits: Float64s) -> Float64s:
    """A line that the farthest nights of a month would not pass judges nothing."""
    after = group.nights + 1
    outermost = special.ndtri(1 - 0.5 / after)
    shape = (MONTH, limits.size)
    month = np.full(shape, outermost + FARTHER)
    of_month = statistics(month, group.correlations, group.nights)
    is_reached = limits < of_month.largest
    return np.where(is_reached, limits, np.inf)


def _without_limit(group: SeriesGroup, limits: Float64s) -> list[str]:
    names = []
    for (feature, series), limit in zip(group.owners, limits, strict=True):
        if not math.isfinite(limit):
            names.append(f"{feature} ({series})")
    return names


def _of_series(
    group: SeriesGroup,
    limits: Float64s,
    nights: Sequence[NightValues],
) -> Iterator[tuple[str, FeatureVerdict]]:
    scores = group.scores(nights)
    of_all = statistics(scores, group.correlations, group.nights)
    ratios = of_all.largest / limits
    for places in group.places:
        for place in _of_interest(places[np.isfinite(limits[places])], ratios):
            limit = float(limits[place])
            judged = of_all.at(place)
            if judged.largest > limit:
                judged = since_back(
                    scores[:, place],
                    float(group.correlations[place]),
                    group.nights,
                    limit,
                )
            feature, series = group.owners[place]
            first = nights[-judged.nights]
            yield (
                feature,
                FeatureVerdict(
                    statistic=judged.largest,
                    line=limit,
                    by=f"{KINDS[judged.kind]}: {series}",
                    since=first.partition,
                ),
            )


def _of_interest(places: Int64s, ratios: Float64s) -> Int64s:
    """Of one feature's series that nearest to its limit; all where one is beyond, for that one may have come back."""
    if places.size == 0 or (ratios[places] > 1).any():
        return places
    nearest = ratios[places].argmax()
    return places[[nearest]]

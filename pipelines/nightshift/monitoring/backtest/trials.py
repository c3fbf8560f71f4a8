"""How many nights pass until a fault is seen: it is put into nights that were quiet, and they are judged again."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median
from typing import TypeVar

import numpy as np

from nightshift.monitoring.backtest.faults import FAULTS, CountedNight, Spoil
from nightshift.monitoring.backtest.result import FaultTrials
from nightshift.monitoring.drift import NightValues
from nightshift.profiles.profile import Feature

T = TypeVar("T")
SEED = 14
WITHIN = 7
MOST_STARTS = 3
MOST_FEATURES = 3


@dataclass(frozen=True)
class WatchedNight:
    """A night as its model's profile counts it, and whether it was quiet."""

    values: NightValues
    is_quiet: bool


Drifted = Callable[[NightValues, Sequence[NightValues]], bool]
"""Whether a night drifts, after those before it."""


@dataclass(frozen=True)
class FaultyNights:
    """Nights to put faults into, of features some of which are ``series``, and what sees them."""

    features: Mapping[str, Feature]
    series: frozenset[str]
    nights: Sequence[WatchedNight]
    drifted: Drifted

    def able(self, start: int, spoil: Spoil) -> list[str]:
        """The features that can have a fault."""
        before = self.nights[start - 1].values
        night = self.nights[start].values
        names = []
        for name in self.features:
            faulty = self._with_fault(name, before, night, spoil)
            if faulty is not night:
                names.append(name)
        return names

    def first_alarm(self, name: str, start: int, spoil: Spoil) -> int | None:
        """The nights from the fault's first to the one that alarmed; None where there was none."""
        before = [night.values for night in self.nights[:start]]
        for count, night in enumerate(self.nights[start : start + WITHIN], start=1):
            faulty = self._with_fault(name, before[-1], night.values, spoil)
            if self.drifted(faulty, before):
                return count
            before.append(faulty)
        return None

    def _with_fault(self, name: str, before: NightValues, night: NightValues, spoil: Spoil) -> NightValues:
        """The night with a fault in one feature; itself where that cannot have it."""
        counted = replace(
            self._counted(name, night),
            is_series=name in self.series,
            before=self._counted(name, before),
        )
        day = int(night.partition.replace("-", ""))
        faulty = spoil(counted, np.random.default_rng([SEED, day]))
        if faulty is None:
            return night
        moments = {**night.moments, name: faulty.moments} if faulty.moments else night.moments
        return replace(night, counts={**night.counts, name: faulty.counts}, moments=moments)

    def _counted(self, name: str, night: NightValues) -> CountedNight:
        feature = self.features[name]
        return CountedNight(
            bins=feature.bins,
            counts=np.asarray(night.counts[name]),
            reference=np.asarray(feature.counts),
            moments=night.moments.get(name),
        )


def try_faults(faulty: FaultyNights) -> list[FaultTrials]:
    """Each fault in some features, from some quiet nights on; none where no night was quiet."""
    starts = _starts(faulty.nights)
    if not starts:
        return []
    trials = []
    for place, (fault, spoil) in enumerate(FAULTS.items()):
        able = faulty.able(starts[0], spoil)
        names = _drawn(able, MOST_FEATURES, seed=[SEED, place])
        seen = []
        for name in names:
            seen += [faulty.first_alarm(name, start, spoil) for start in starts]
        if seen:
            trials.append(_summary(fault, names, seen))
    return trials


def _starts(nights: Sequence[WatchedNight]) -> list[int]:
    """Some nights, the same each time: such as a quiet week follows, or else quiet ones."""
    quiet = []
    calm = []
    for place in range(1, len(nights)):
        following = nights[place : place + WITHIN]
        quiet_nights = [night for night in following if night.is_quiet]
        if nights[place].is_quiet:
            quiet.append(place)
        if len(quiet_nights) == WITHIN:
            calm.append(place)
    return _drawn(
        calm or quiet,
        MOST_STARTS,
        seed=[SEED],
    )


def _drawn(things: Sequence[T], most: int, seed: list[int]) -> list[T]:
    """Some of them in their order, the same each time."""
    rng = np.random.default_rng(seed)
    count = min(most, len(things))
    places = rng.choice(
        len(things),
        size=count,
        replace=False,
    )
    return [things[place] for place in sorted(places)]


def _summary(name: str, features: Sequence[str], seen: Sequence[int | None]) -> FaultTrials:
    nights = [count for count in seen if count is not None]
    return FaultTrials(
        fault=name,
        features=tuple(features),
        trials=len(seen),
        first_night=nights.count(1),
        within=len(nights),
        median=float(median(nights)) if nights else None,
    )

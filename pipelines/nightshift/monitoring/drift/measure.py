"""Both detectors on one night, in one verdict."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from nightshift.modelling.arrays import Int64s
from nightshift.monitoring.drift import former
from nightshift.monitoring.drift.group import SeriesGroup, group_of
from nightshift.monitoring.drift.night import NightDetector
from nightshift.monitoring.drift.nights import ReferenceNights, reference_nights, shuffled_calendars
from nightshift.monitoring.drift.result import NIGHT, SEVERAL_NIGHTS, DriftResult, FeatureDrift
from nightshift.monitoring.drift.several import SeveralNights, several_nights
from nightshift.monitoring.drift.tail import MIN_NIGHTS
from nightshift.monitoring.drift.values import NightValues
from nightshift.monitoring.drift.verdict import NO_VERDICT, FeatureVerdict
from nightshift.profiles import distance
from nightshift.profiles.profile import Feature, Profile
from nightshift.spec import ModelSpec

HISTORY_NIGHTS = 28
"""How many earlier nights the second detector looks back."""
NIGHT_PART = 0.35
"""Of what is promised: what a night shows by itself is seldom small, and several nights look for what is."""
NO_ROWS = "the night has no rows, so nothing was compared"
OLD_PROFILE = "the version's profile does not keep its nights, so several nights cannot be judged together: train again"
Verdicts = Mapping[str, Mapping[str, FeatureVerdict]]
"""By detector and feature."""


def measure(spec: ModelSpec, profile: Profile, night: NightValues, history: Sequence[NightValues] = ()) -> DriftResult:
    """Compare a night with its model's reference; see ``DriftReference.measure``."""
    return DriftReference.of(spec, profile).measure(night, history)


@dataclass(frozen=True)
class DriftReference:
    """A profile made ready for any number of nights."""

    profile: Profile
    rate: float
    night: NightDetector | None
    several: SeveralNights | None

    @classmethod
    def of(cls, spec: ModelSpec, profile: Profile) -> Self:
        """With the promise of a spec. ``NIGHT_PART`` of it is the night detector's."""
        rate = spec.drift.rate
        if not profile.keeps_nights:
            return cls(profile, rate, None, None)
        nights = list(profile.nights)
        calendars = shuffled_calendars(nights)
        features = []
        for feature in profile.features:
            of_feature = reference_nights(profile, feature, calendars)
            features.append(of_feature)
        groups = _groups(features)
        return cls(
            profile,
            rate,
            night=NightDetector(features, _longest(groups), NIGHT_PART * rate),
            several=several_nights(groups, (1 - NIGHT_PART) * rate),
        )

    def measure(self, night: NightValues, history: Sequence[NightValues] = ()) -> DriftResult:
        """The verdict on a night.

        ``history`` has the nights before that the same version scored, the oldest first, planned ones left out; of
        these the last ``HISTORY_NIGHTS`` count. Features come back sorted by ratio, the worst first. A feature that
        neither detector can judge is measured but has ratio 0 and never alarms.
        """
        verdicts, cannot = self.judged(night, history[-HISTORY_NIGHTS:])
        by_night = self._by_night()
        features = []
        for reference in self.profile.features:
            feature = _feature(reference, night, verdicts, by_night)
            features.append(feature)
        features.sort(key=_order)
        quiet = DriftResult(
            drifted=any(feature.drifted for feature in features),
            statistic=0.0,
            threshold=0.0,
            ratio=0.0,
            worst="",
            rows=night.rows,
            false_alarm_rate=self.rate,
            reference_nights=len(self.profile.nights),
            features=features,
            detectors=_alarms(verdicts),
            cannot=cannot,
        )
        return _with_worst(quiet, features[0]) if features else quiet

    def judged(self, night: NightValues, history: Sequence[NightValues] = ()) -> tuple[Verdicts, list[str]]:
        """What each detector says of each feature, and of what it can say nothing."""
        nothing: Verdicts = {NIGHT: {}, SEVERAL_NIGHTS: {}}
        if not self.profile.features:
            return nothing, []
        if night.rows == 0:
            return nothing, [NO_ROWS]
        if self.night is None or self.several is None:
            of_night = former.verdicts(self.profile, night, self.rate)
            return {**nothing, NIGHT: of_night}, [OLD_PROFILE]
        verdicts = {
            NIGHT: self.night.verdicts(night),
            SEVERAL_NIGHTS: self.several.verdicts(night, history),
        }
        cannot = self.several.cannot
        cannot += self.night.cannot
        return verdicts, cannot

    def _by_night(self) -> frozenset[str]:
        """The features that differ by night rather than by row."""
        if self.night is None:
            return frozenset()
        names = []
        for nights in self.night.features:
            if nights.is_by_night:
                names.append(nights.feature.name)
        return frozenset(names)


def _groups(features: Sequence[ReferenceNights]) -> list[SeriesGroup]:
    """Of the features with enough reference nights, those of the same nights together."""
    by_places = defaultdict(list)
    for feature in features:
        if feature.number >= MIN_NIGHTS:
            by_places[feature.places].append(feature)
    groups = []
    for of_places in by_places.values():
        group = group_of(of_places)
        groups.append(group)
    return groups


def _longest(groups: Sequence[SeriesGroup]) -> dict[str, float]:
    """How much a feature's nights depend on those next to them, by the series of it that does so most."""
    longest: defaultdict[str, float] = defaultdict(float)
    for group in groups:
        correlations = group.correlations.tolist()
        for (feature, _), correlation in zip(group.owners, correlations, strict=True):
            before = longest[feature]
            longest[feature] = max(before, correlation)
    return longest


def _order(feature: FeatureDrift) -> tuple[float, str]:
    """The worst first."""
    return -feature.ratio, feature.feature


def _with_worst(result: DriftResult, worst: FeatureDrift) -> DriftResult:
    return replace(
        result,
        statistic=worst.statistic,
        threshold=worst.threshold,
        ratio=worst.ratio,
        worst=worst.feature,
    )


def _alarms(verdicts: Verdicts) -> dict[str, bool | None]:
    """Whether each detector saw a drift; None where it could judge no feature."""
    alarms: dict[str, bool | None] = {}
    for detector, of_features in verdicts.items():
        ratios = [verdict.ratio for verdict in of_features.values()]
        alarms[detector] = max(ratios) > 1 if ratios else None
    return alarms


def _feature(
    reference: Feature,
    night: NightValues,
    verdicts: Verdicts,
    by_night: frozenset[str],
) -> FeatureDrift:
    name = reference.name
    bins = reference.bins
    counts = np.asarray(night.counts[name])
    given = _given(verdicts, name)
    nearest = max(given.values(), key=lambda verdict: verdict.ratio, default=NO_VERDICT)
    of_night = given.get(NIGHT, NO_VERDICT)
    return FeatureDrift(
        feature=name,
        distance=_distance(counts, reference),
        alarm_distance=of_night.alarm_distance,
        statistic=nearest.statistic,
        threshold=nearest.line,
        ratio=nearest.ratio,
        drifted=nearest.ratio > 1,
        calibrated=bool(given),
        null_share=_last_share(counts),
        reference_null_share=_last_share(np.asarray(reference.counts)),
        rows=night.rows,
        counts=counts.tolist(),
        reference=list(reference.counts),
        kind=bins.kind,
        edges=list(bins.edges),
        categories=list(bins.categories),
        detectors=[detector for detector, verdict in given.items() if verdict.ratio > 1],
        by=nearest.by,
        since=nearest.since,
        is_by_night=name in by_night,
        has_unseen=bins.has_unseen,
        moments=night.moments.get(name),
    )


def _given(verdicts: Verdicts, name: str) -> dict[str, FeatureVerdict]:
    """Those of one feature, by detector."""
    given = {}
    for detector, of_features in verdicts.items():
        if name in of_features:
            given[detector] = of_features[name]
    return given


def _last_share(counts: Int64s) -> float:
    """Of the bin of nulls."""
    rows = max(int(counts.sum()), 1)
    return float(counts[-1] / rows)


def _distance(counts: Int64s, reference: Feature) -> float:
    """Of a night or a reference without values none can be said: then 0."""
    between = distance.between(counts, reference.counts)
    known = np.nan_to_num(between)
    return float(known)

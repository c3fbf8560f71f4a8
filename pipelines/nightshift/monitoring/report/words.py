"""A night in words."""

from collections.abc import Sequence

from nightshift.monitoring.drift import FeatureDrift
from nightshift.monitoring.night_record import NightRecord

OUT_OF_REACH = 0.99
"""Of a distance that is 1 at most."""


def verdict(night: NightRecord) -> str:
    """The night in one sentence."""
    alarmed = " and ".join(alarms(night))
    verdict = alarmed or "quiet"
    return f"Night {night.partition}: {verdict}"


def alarms(night: NightRecord) -> list[str]:
    """What alarmed, worst first; empty on a quiet night."""
    drifted = [feature for feature in night.drift.features if feature.drifted]
    lost = [record.night for record in night.accuracy if record.lost]
    alarmed = []
    if drifted:
        worst = drifted[0]
        more = f" (and {len(drifted) - 1} more)" if len(drifted) > 1 else ""
        times = "over 10x" if worst.ratio > 10 else f"{worst.ratio:.1f}x"
        alarmed.append(f"drift in {worst.feature}{more}, {times} its alarm line")
    if lost:
        alarmed.append(f"lost accuracy on {_first_of(lost)}")
    return alarmed


def _first_of(nights: Sequence[str]) -> str:
    """The first, and how many more there are."""
    first, *others = nights
    if not others:
        return first
    count = len(others)
    noun = "night" if count == 1 else "nights"
    return f"{first} and {count} more {noun}"


def out_of_reach(features: Sequence[FeatureDrift]) -> list[str]:
    """Features that no single night could make alarm, though it is single nights that they are judged by."""
    names = []
    for feature in features:
        if feature.calibrated and not feature.is_by_night and feature.alarm_distance >= OUT_OF_REACH:
            names.append(feature.feature)
    return names

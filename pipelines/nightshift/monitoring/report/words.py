"""A night in words."""

from collections.abc import Sequence

from nightshift.monitoring.drift import FeatureDrift
from nightshift.monitoring.matters.record import Attributions
from nightshift.monitoring.night_record import NightRecord

OUT_OF_REACH = 0.99
"""Of a distance that is 1 at most."""
MOST_RULES = 6


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


def since(night: NightRecord) -> str:
    """Since when the open alarms are there, of each detector; empty where none is."""
    parts = []
    for change in night.episodes:
        if change.change == "closed":
            continue
        what = "accuracy" if change.detector == "accuracy" else "drift"
        is_new = change.first_night == night.partition
        first = "with this night" if is_new else f"since {change.first_night}"
        known = change.silenced or "nobody has acknowledged it"
        noun = "night" if change.nights == 1 else "nights"
        alarmed = f"{change.nights} alarmed {noun}"
        part = f"{what} {first}, {alarmed}, {known}"
        parts.append(part)
    return "; ".join(parts)


def rows_in_words(night: NightRecord) -> str:
    """How many rows were dropped, and by which rules, the most rows first; a row may breach several."""
    counts = night.counts
    dropped = counts.quarantined + counts.not_scored
    if not dropped:
        return f"none of {counts.rows_in:,} rows"
    rules = sorted(night.quarantined_by.items(), key=lambda rule: (-rule[1], rule[0]))
    texts = [f"{rule} {rows:,}" for rule, rows in rules[:MOST_RULES]]
    more = len(rules) - len(texts)
    if more:
        texts.append(f"{more} more rules")
    if counts.not_scored:
        texts.append(f"not scored {counts.not_scored:,}")
    told = f": {', '.join(texts)}" if texts else ""
    return f"{dropped:,} of {counts.rows_in:,} rows{told}"


def carried_in_words(attributions: Attributions) -> str:
    """Whether the usual features carry the scores."""
    first = attributions.features[0]
    times = first.carried / first.usual if first.usual else 0.0
    compared = f"{first.feature} carries {times:.2f} times as much as usual"
    if attributions.limit is None:
        return f"{compared}; whether that is far nobody can say, the reference has too few nights"
    if attributions.above:
        return f"{compared}, beyond what quiet nights show"
    return f"the usual features; furthest from usual: {compared}"


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

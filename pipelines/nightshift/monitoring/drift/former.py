"""The night by itself, by a profile that does not keep its nights: what was promised before is still held.

1. Per feature, the distance between the night's histogram and the reference, stretched to u, since many
   features of a night (its weather) are always far away. Which distance it is, ``profiles.distance`` says.
2. Made comparable: z = (u - level) / scale, both from the reference's own nights, each held against
   all others: the level that a fifth of them pass, and their mean excess over it. A night of fewer
   rows than those has more sampling noise, which is added to both.
3. The largest z is held against the prediction limit for the largest z of one more night like the
   reference's, at the spec's false-alarm rate; so it holds over all features together.

What is promised is for nights exchangeable with the reference's. A season that the reference has not
seen is drift, and alarms. Counts are integers and nothing is drawn at random: the same night always
gives the same numbers. Nights of much fewer rows, or that depend on one another, alarm more often than
promised; profiles of format 3 know better (``night.py``).
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence

import numpy as np

from nightshift.modelling.arrays import Float64s
from nightshift.monitoring.drift.tail import MIN_NIGHTS, TAIL_SHARE, prediction_limit, tail_of, without_each
from nightshift.monitoring.drift.values import NightValues
from nightshift.monitoring.drift.verdict import FeatureVerdict
from nightshift.profiles import distance
from nightshift.profiles.profile import Feature, Profile


def thresholds(profile: Profile, false_alarm_rate: float) -> dict[str, float]:
    """Each calibrated feature's alarm line in units of its statistic.

    Features known on the same reference nights share one line, that of their maximum: so it holds
    however they depend on each other. The score is known on the holdout nights alone and has a line
    of its own; the groups share the false-alarm rate equally, which bounds their union (Bonferroni).
    """
    groups = _by_known_nights(profile.features)
    number = len(groups)
    lines: dict[str, float] = {}
    for features in groups:
        rate = false_alarm_rate / number
        line = _line(features, profile.rows, rate)
        for feature in features:
            lines[feature.name] = line
    return lines


def _by_known_nights(features: Iterable[Feature]) -> list[list[Feature]]:
    """The features with enough reference nights, those of the same nights together."""
    groups = defaultdict(list)
    for feature in features:
        nights = _known_nights(feature)
        if len(nights) < MIN_NIGHTS:
            continue
        groups[nights].append(feature)
    return list(groups.values())


def _known_nights(feature: Feature) -> tuple[int, ...]:
    """The places of the reference nights that have a distance."""
    places = []
    for place, distance_of_night in enumerate(feature.distances):
        if distance_of_night is not None:
            places.append(place)
    return tuple(places)


def _line(features: Sequence[Feature], rows: Sequence[int], rate: float) -> float:
    statistics = null_statistics(features, rows)
    limit = prediction_limit(statistics, rate)
    # Nights that are all alike say nothing of a tail: then that of one feature with the smallest spread.
    least = math.log1p(TAIL_SHARE / rate)
    return max(limit, least)


def null_statistics(features: Sequence[Feature], rows: Sequence[int]) -> Float64s:
    """The reference nights' own largest statistics, each night held against the others as if it were new."""
    statistics = []
    for feature in features:
        distances, sizes = _known(feature, rows)
        others = without_each(distances)
        sizes_of_others = without_each(sizes)
        level, scale = _level_and_scale(feature, others, sizes_of_others, sizes)
        excess = distance.stretched(distances) - level
        statistics.append(excess / scale)
    largest = np.max(statistics, axis=0)
    return np.asarray(largest)


def verdicts(profile: Profile, night: NightValues, rate: float) -> dict[str, FeatureVerdict]:
    """Of each feature with at least ``MIN_NIGHTS`` reference nights."""
    lines = thresholds(profile, rate)
    judged = {}
    for feature in profile.features:
        line = lines.get(feature.name)
        if line is not None:
            judged[feature.name] = _verdict(feature, profile, night, line)
    return judged


def _verdict(feature: Feature, profile: Profile, night: NightValues, line: float) -> FeatureVerdict:
    counts = np.asarray(night.counts[feature.name])
    distance_of_night = distance.between(counts, np.asarray(feature.counts))
    distances, sizes = _known(feature, profile.rows)
    rows = np.asarray(float(night.rows))
    level, scale = _level_and_scale(feature, distances, sizes, rows)
    excess = distance.stretched(distance_of_night) - level
    return FeatureVerdict(
        statistic=float(excess / scale),
        line=line,
        by=distance.NAME,
        since=night.partition,
        alarm_distance=float(distance.unstretched(level + line * scale)),
    )


def _known(feature: Feature, rows: Sequence[int]) -> tuple[Float64s, Float64s]:
    """Distances of the reference nights that have one, and rows of these nights, both (nights,)."""
    distances = np.array(feature.distances, float)
    sizes = np.array(rows, float)
    known = list(_known_nights(feature))
    return distances[known], sizes[known]


def _level_and_scale(feature: Feature, known: Float64s, sizes: Float64s, rows: Float64s) -> tuple[Float64s, Float64s]:
    """Those of the stretched distance of a quiet night of ``rows`` rows, (...), by known ones, (..., nights)."""
    level, mean_excess = tail_of(distance.stretched(known))
    return distance.with_sampling_noise(
        level,
        mean_excess,
        bins=int(np.count_nonzero(feature.counts)),
        rows=rows,
        usual_rows=np.median(sizes, axis=-1),
    )

"""Has the night drifted? One statistic, one line, one promise: the share of quiet nights that alarm.

1. Per feature, the distance between the night's histogram and the reference, stretched to u, since many
   features of a night (its weather) are always far away. Which distance it is, ``profiles.distance`` says.
2. Made comparable: z = (u - level) / scale, both from the reference's own nights, each held against
   all others: the level that a fifth of them pass, and their mean excess over it. A night of fewer
   rows than those has more sampling noise, which is added to both.
3. The largest z is held against the prediction limit for the largest z of one more night like the
   reference's, at the spec's false-alarm rate; so it holds over all features together.

What is promised is for nights exchangeable with the reference's. A season that the reference has not
seen is drift, and alarms. Int64s are integers and nothing is drawn at random: the same night always
gives the same numbers.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from nightshift.modelling.arrays import Float64s, Int64s
from nightshift.profiles import distance
from nightshift.profiles.profile import Feature, Profile
from nightshift.spec import ModelSpec

# Fewer reference nights than this say nothing of how quiet nights vary.
MIN_NIGHTS = 10
TAIL_SHARE = 0.2
# Of few nights more are taken, up to half: a mean of three excesses is no scale to build a line on.
MIN_TAIL = 7


@dataclass(frozen=True)
class FeatureDrift:
    """One feature of one night.

    ``ratio`` is statistic / threshold, and above 1 an alarm; ``alarm_distance`` is the threshold as a
    distance, with 1 out of reach: its reference nights are too few, or differ too much among themselves.
    ``counts`` and ``reference`` share their bins.
    """

    feature: str
    distance: float
    # The first records do not have it.
    alarm_distance: float = field(default=1.0, kw_only=True)
    statistic: float
    threshold: float
    ratio: float
    drifted: bool
    calibrated: bool
    null_share: float
    reference_null_share: float
    rows: int
    counts: list[int]
    reference: list[int]
    kind: str
    edges: list[float]
    categories: list[str]


@dataclass(frozen=True)
class DriftResult:
    """The night's verdict: the largest statistic against the one threshold."""

    drifted: bool
    statistic: float
    threshold: float
    ratio: float
    worst: str
    rows: int
    false_alarm_rate: float
    reference_nights: int
    features: list[FeatureDrift]


def measure(spec: ModelSpec, profile: Profile, counts: Mapping[str, npt.ArrayLike], rows: int) -> DriftResult:
    """Compare a night with its model's reference.

    ``counts`` holds, by the profile's feature names, the night's rows per bin (``Profile.count``), which
    sum to ``rows``. Features come back sorted by ratio, the worst first. A feature with fewer than
    ``MIN_NIGHTS`` reference nights is measured but has ratio 0 and never alarms; nor does anything when
    no feature has enough.
    """
    lines = thresholds(profile, spec.drift.false_alarm_rate)
    features = []
    for reference in profile.features:
        counted = np.asarray(counts[reference.name])
        line = lines.get(reference.name)
        features.append(_feature(reference, profile, counted, rows, line))
    features.sort(key=lambda feature: (-feature.ratio, feature.feature))
    result = DriftResult(
        drifted=any(feature.drifted for feature in features),
        statistic=0.0,
        threshold=0.0,
        ratio=0.0,
        worst="",
        rows=rows,
        false_alarm_rate=spec.drift.false_alarm_rate,
        reference_nights=len(profile.nights),
        features=features,
    )
    return _with_worst(result, features[0]) if features else result


def _with_worst(result: DriftResult, worst: FeatureDrift) -> DriftResult:
    return replace(
        result,
        statistic=worst.statistic,
        threshold=worst.threshold,
        ratio=worst.ratio,
        worst=worst.feature,
    )


def thresholds(profile: Profile, false_alarm_rate: float) -> dict[str, float]:
    """Each calibrated feature's alarm line in units of its statistic.

    Features known on the same reference nights share one line, that of their maximum: so it holds
    however they depend on each other. The score is known on the holdout nights alone and has a line
    of its own; the groups share the false-alarm rate equally, which bounds their union (Bonferroni).
    """
    groups = _by_known_nights(profile.features)
    lines: dict[str, float] = {}
    for features in groups:
        rate = false_alarm_rate / len(groups)
        line = _line(features, profile.rows, rate)
        for feature in features:
            lines[feature.name] = line
    return lines


def _by_known_nights(features: Iterable[Feature]) -> list[list[Feature]]:
    """The features with enough reference nights, those of the same nights together."""
    groups = defaultdict(list)
    for feature in features:
        nights = _known_nights(feature)
        if len(nights) >= MIN_NIGHTS:
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
        others = _without_each(distances)
        sizes_of_others = _without_each(sizes)
        level, scale = _level_and_scale(feature, others, sizes_of_others, sizes)
        excess = distance.stretched(distances) - level
        statistics.append(excess / scale)
    largest = np.max(statistics, axis=0)
    return np.asarray(largest)


def prediction_limit(statistics: Float64s, rate: float) -> float:
    """Upper limit that one further exchangeable value passes with probability ``rate``.

    About 80 nights cannot show their own 99 % quantile, so the upper fifth of them is taken as a
    sample of exponential excesses over a high level (peaks over threshold with shape 0; Pickands,
    1975, Annals of Statistics 3, 119-131). A new excess over their mean then follows F(2, 2k), hence
    the exact prediction limit k (p^(-1/k) - 1) means (Lawless, Statistical Models and Methods for
    Lifetime Data, 2003, ch. 4). Shape 0 is on the safe side for a statistic that is bounded.
    """
    nights = len(statistics)
    k = _tail_size(nights)
    inside = rate * (nights + 1) / (k + 1)
    if inside >= 1:
        quantile = np.quantile(
            statistics,
            1 - rate,
            method="higher",
        )
        return float(quantile)
    level, mean_excess = _tail(statistics)
    excesses = inside ** (-1 / k) - 1
    return float(level + mean_excess * k * excesses)


def _feature(feature: Feature, profile: Profile, counts: Int64s, rows: int, line: float | None) -> FeatureDrift:
    reference = np.asarray(feature.counts)
    distance_of_night = distance.between(counts, reference)
    statistic = 0.0
    alarm_distance = 1.0
    if line is not None:
        distances, sizes = _known(feature, profile.rows)
        rows_of_night = np.asarray(float(rows))
        level, scale = _level_and_scale(feature, distances, sizes, rows_of_night)
        excess = distance.stretched(distance_of_night) - level
        statistic = float(excess / scale)
        alarm_distance = float(distance.unstretched(level + line * scale))
    ratio = max(statistic / line, 0.0) if line else 0.0
    return FeatureDrift(
        feature=feature.name,
        distance=float(distance_of_night),
        alarm_distance=alarm_distance,
        statistic=statistic,
        threshold=line or 0.0,
        ratio=ratio,
        drifted=ratio > 1,
        calibrated=line is not None,
        null_share=float(counts[-1] / max(rows, 1)),
        reference_null_share=feature.counts[-1] / max(sum(feature.counts), 1),
        rows=rows,
        counts=counts.tolist(),
        reference=list(feature.counts),
        kind=feature.bins.kind,
        edges=list(feature.bins.edges),
        categories=list(feature.bins.categories),
    )


def _known(feature: Feature, rows: Sequence[int]) -> tuple[Float64s, Float64s]:
    """Distances of the reference nights that have one, and rows of these nights, both (nights,)."""
    distances = np.array(feature.distances, float)
    sizes = np.array(rows, float)
    known = list(_known_nights(feature))
    return distances[known], sizes[known]


def _without_each(values: Float64s) -> Float64s:
    """Values (n,) n times, each time without one of them: (n, n - 1)."""
    nights = len(values)
    repeated = np.tile(values, (nights, 1))
    is_itself = np.eye(nights, dtype=bool)
    others = repeated[~is_itself]
    return others.reshape(nights, nights - 1)


def _level_and_scale(feature: Feature, known: Float64s, sizes: Float64s, rows: Float64s) -> tuple[Float64s, Float64s]:
    """Those of the stretched distance of a quiet night of ``rows`` rows, (...), by known ones, (..., nights)."""
    level, mean_excess = _tail(distance.stretched(known))
    return distance.with_sampling_noise(
        level,
        mean_excess,
        bins=int(np.count_nonzero(feature.counts)),
        rows=rows,
        usual_rows=np.median(sizes, axis=-1),
    )


def _tail(values: Float64s) -> tuple[Float64s, Float64s]:
    """The level that the upper fifth of the values lies above, and their mean excess over it; along the last axis."""
    ordered = -np.sort(-values, axis=-1)
    nights = values.shape[-1]
    k = _tail_size(nights)
    level = ordered[..., k]
    tail = ordered[..., :k]
    mean = tail.mean(axis=-1)
    return level, mean - level


def _tail_size(values: int) -> int:
    share = round(TAIL_SHARE * values)
    half = values // 2
    least = min(MIN_TAIL, half)
    return max(share, least, 1)

"""Has the night drifted? One statistic, one line, one promise: the share of quiet nights that alarm.

1. Per feature, the Jensen-Shannon distance d between the night's histogram and the reference,
   stretched to u = -log(1 - d), since many features of a night (its weather) are always far away.
2. Made comparable: z = (u - level) / scale, both from the reference's own nights, each held against
   all others: the level that a fifth of them pass, and their mean excess over it. A night of fewer
   rows than those has more sampling noise, which is added to both: d^2 of n rows has the mean
   (K - 1) / (8 ln 2 n) over K bins, by its chi-squared limit, and d about the variance 1 / (16 ln 2 n).
3. The largest z is held against the prediction limit for the largest z of one more night like the
   reference's, at the spec's false-alarm rate; so it holds over all features together.

What is promised is for nights exchangeable with the reference's. A season that the reference has not
seen is drift, and alarms. Counts are integers and nothing is drawn at random: the same night always
gives the same numbers.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from nightshift.profiles.bins import Counts, Float64s
from nightshift.profiles.profile import Feature, Profile, js_distance
from nightshift.spec import ModelSpec

# Fewer reference nights than this say nothing of how quiet nights vary.
MIN_NIGHTS = 10
# A feature whose nights hardly differ does not alarm over a change that nobody would call one.
MIN_SPREAD = 0.01
TAIL_SHARE = 0.2
# Of few nights more are taken, up to half: a mean of three excesses is no scale to build a line on.
MIN_TAIL = 7
# A normal distribution's mean excess over its 80 % quantile, in standard deviations.
NORMAL_EXCESS = 0.558
# Two histograms without a common bin have distance 1, which would stretch to infinity.
LARGEST = 1 - 1e-6


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
    found = [_feature(f, profile, np.asarray(counts[f.name]), rows, lines.get(f.name)) for f in profile.features]
    found.sort(key=lambda f: (-f.ratio, f.feature))
    worst = found[0] if found else None
    return DriftResult(
        drifted=any(f.drifted for f in found),
        statistic=worst.statistic if worst else 0.0,
        threshold=worst.threshold if worst else 0.0,
        ratio=worst.ratio if worst else 0.0,
        worst=worst.feature if worst else "",
        rows=rows,
        false_alarm_rate=spec.drift.false_alarm_rate,
        reference_nights=len(profile.nights),
        features=found,
    )


def thresholds(profile: Profile, false_alarm_rate: float) -> dict[str, float]:
    """Each calibrated feature's alarm line in units of its statistic.

    Features known on the same reference nights share one line, that of their maximum: so it holds
    however they depend on each other. The score is known on the holdout nights alone and has a line
    of its own; the groups share the false-alarm rate equally, which bounds their union (Bonferroni).
    """
    groups: dict[tuple[bool, ...], list[Feature]] = {}
    for feature in profile.features:
        known = tuple(d is not None for d in feature.distances)
        if sum(known) >= MIN_NIGHTS:
            groups.setdefault(known, []).append(feature)
    found = {}
    for features in groups.values():
        rate = false_alarm_rate / len(groups)
        limit = prediction_limit(null_statistics(features, profile.rows), rate)
        # Nights that are all alike say nothing of a tail: then that of one feature with the smallest spread.
        line = max(limit, math.log1p(TAIL_SHARE / rate))
        found.update({feature.name: line for feature in features})
    return found


def null_statistics(features: Sequence[Feature], rows: Sequence[int]) -> Float64s:
    """The reference nights' own largest statistics, each night held against the others as if it were new."""
    found = []
    for feature in features:
        distances, sizes = _known(feature, rows)
        others = ~np.eye(len(distances), dtype=bool)
        shape = (len(distances), len(distances) - 1)
        known, of_known = (np.broadcast_to(v, others.shape)[others].reshape(shape) for v in (distances, sizes))
        found.append(_standardised(feature, known, of_known, distances, sizes))
    return np.asarray(np.max(found, axis=0))


def prediction_limit(statistics: Float64s, rate: float) -> float:
    """Upper limit that one further exchangeable value passes with probability ``rate``.

    About 80 nights cannot show their own 99 % quantile, so the upper fifth of them is taken as a
    sample of exponential excesses over a high level (peaks over threshold with shape 0; Pickands,
    1975, Annals of Statistics 3, 119-131). A new excess over their mean then follows F(2, 2k), hence
    the exact prediction limit k (p^(-1/k) - 1) means (Lawless, Statistical Models and Methods for
    Lifetime Data, 2003, ch. 4). Shape 0 is on the safe side for a statistic that is bounded.
    """
    level, mean_excess = _tail(statistics)
    k = _tail_size(len(statistics))
    inside = rate * (len(statistics) + 1) / (k + 1)
    if inside >= 1:
        return float(np.quantile(statistics, 1 - rate, method="higher"))
    return float(level + mean_excess * k * (inside ** (-1 / k) - 1))


def _feature(feature: Feature, profile: Profile, counts: Counts, rows: int, line: float | None) -> FeatureDrift:
    distance = js_distance(counts, np.asarray(feature.counts))
    statistic, alarm_distance = 0.0, 1.0
    if line is not None:
        level, scale = _null(feature, *_known(feature, profile.rows), np.asarray(float(rows)))
        statistic = float((_stretched(distance) - level) / scale)
        alarm_distance = float(1 - np.exp(-level - line * scale))
    ratio = max(statistic / line, 0.0) if line else 0.0
    return FeatureDrift(
        feature=feature.name,
        distance=float(distance),
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
    pairs = [(d, n) for d, n in zip(feature.distances, rows, strict=True) if d is not None]
    return np.array([d for d, _ in pairs], float), np.array([n for _, n in pairs], float)


def _standardised(feature: Feature, known: Float64s, sizes: Float64s, distance: Float64s, rows: Float64s) -> Float64s:
    """Excess of a distance over the level of the known ones, in mean excesses; known (..., nights), the rest (...)."""
    level, scale = _null(feature, known, sizes, rows)
    return np.asarray((_stretched(distance) - level) / scale)


def _null(feature: Feature, known: Float64s, sizes: Float64s, rows: Float64s) -> tuple[Float64s, Float64s]:
    """Level and scale of the stretched distance of a quiet night of ``rows`` rows."""
    level, mean_excess = _tail(_stretched(known))
    # Only ever wider: a night with more rows than usual gets no finer line than the reference could show.
    noise = np.maximum(1 / np.maximum(rows, 1) - 1 / np.median(sizes, axis=-1), 0.0) / (8 * math.log(2))
    occupied = np.count_nonzero(feature.counts)
    level = _stretched(np.sqrt((1 - np.exp(-level)) ** 2 + (occupied - 1) * noise))
    scale = np.hypot(np.maximum(mean_excess, MIN_SPREAD), NORMAL_EXCESS * np.sqrt(noise / 2) * np.exp(level))
    return level, scale


def _stretched(distance: Float64s) -> Float64s:
    """-log(1 - d): a tail that runs out towards the bound 1 like a power becomes an exponential one."""
    return -np.log1p(-np.minimum(distance, LARGEST))


def _tail(values: Float64s) -> tuple[Float64s, Float64s]:
    """The level that the upper fifth of the values lies above, and their mean excess over it; along the last axis."""
    ordered = -np.sort(-values, axis=-1)
    k = _tail_size(values.shape[-1])
    level = ordered[..., k]
    return level, ordered[..., :k].mean(axis=-1) - level


def _tail_size(values: int) -> int:
    return max(round(TAIL_SHARE * values), min(MIN_TAIL, values // 2), 1)

"""Has the night drifted? One statistic, one line, one promise: the share of quiet nights that alarm.

1. Per feature, the Jensen-Shannon distance d between the night's histogram and the reference.
2. Made comparable: z = (d - centre) / spread, both from the reference's own nights, each held against
   all others. Sampling noise of few rows is added to both: the divergence d^2 of n rows has the mean
   (K - 1) / (8 ln 2 n) over K bins, and d has about the variance 1 / (16 ln 2 n).
3. The night's statistic is the largest z. The threshold is the prediction limit for the statistic of
   one more night like the reference's, at the spec's false-alarm rate; so it holds over all features
   together, however they depend on each other.

Counts are integers and nothing is drawn at random: the same night always gives the same numbers.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from pipelines.spec import ModelSpec
from pipelines.steps.profile import Feature, Floats, Profile, js_distance

# Fewer reference nights than this say nothing of how quiet nights vary.
MIN_NIGHTS = 5
# A feature whose nights hardly differ does not alarm over a change that nobody would call one.
MIN_SPREAD = 0.01
TAIL_SHARE = 0.2
# A normal distribution's mean excess over its 80 % quantile, in standard deviations.
NORMAL_EXCESS = 0.558


@dataclass(frozen=True)
class FeatureDrift:
    """One feature of one night. ``ratio`` is statistic / threshold; ``counts`` and ``reference`` share bins."""

    feature: str
    distance: float
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
class Drift:
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


def measure(spec: ModelSpec, profile: Profile, columns: dict[str, pa.ChunkedArray | pa.Array], rows: int) -> Drift:
    """Compare a night with its model's reference.

    ``columns`` holds, by the profile's feature names, the night's values, ``rows`` of each. Features
    come back sorted by ratio, the worst first. A feature with fewer than ``MIN_NIGHTS`` reference
    nights is measured but has ratio 0 and never alarms; nor does anything when no feature has enough.
    """
    lines = thresholds(profile, spec.drift.false_alarm_rate)
    found = [_feature(f, profile, columns[f.name], rows, lines.get(f.name)) for f in profile.features]
    found.sort(key=lambda f: (-f.ratio, f.feature))
    worst = found[0] if found else None
    return Drift(
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
        line = prediction_limit(null_statistics(features, profile.rows), false_alarm_rate / len(groups))
        found.update({feature.name: line for feature in features})
    return found


def null_statistics(features: Sequence[Feature], rows: Sequence[int]) -> Floats:
    """The reference nights' own largest statistics, each night held against the others as if it were new."""
    found = []
    for feature in features:
        distances, sizes = _known(feature, rows)
        others = ~np.eye(len(distances), dtype=bool)
        found.append([
            _standardised(feature, distances[keep], sizes[keep], float(d), float(n))
            for d, n, keep in zip(distances, sizes, others, strict=True)
        ])
    return np.max(np.asarray(found), axis=0)


def prediction_limit(statistics: Floats, rate: float) -> float:
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
    return level + mean_excess * k * (inside ** (-1 / k) - 1)


def _feature(
    feature: Feature, profile: Profile, values: pa.ChunkedArray | pa.Array, rows: int, line: float | None
) -> FeatureDrift:
    counts = feature.bins.count(values)
    distance = float(js_distance(counts, np.asarray(feature.counts)))
    known, sizes = _known(feature, profile.rows)
    statistic = 0.0 if line is None else _standardised(feature, known, sizes, distance, rows)
    ratio = max(statistic / line, 0.0) if line else 0.0
    return FeatureDrift(
        feature=feature.name,
        distance=distance,
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


def _known(feature: Feature, rows: Sequence[int]) -> tuple[Floats, Floats]:
    pairs = [(d, n) for d, n in zip(feature.distances, rows, strict=True) if d is not None]
    return np.array([d for d, _ in pairs], float), np.array([n for _, n in pairs], float)


def _standardised(feature: Feature, known: Floats, sizes: Floats, distance: float, rows: float) -> float:
    centre, mean_excess = _tail(known)
    spread = max(mean_excess, MIN_SPREAD)
    # Only ever wider: a night with more rows than usual gets no finer line than the reference could show.
    noise = max(1 / max(rows, 1) - 1 / float(np.median(sizes)), 0.0) / (8 * math.log(2))
    occupied = int(np.count_nonzero(feature.counts))
    centre_n = math.sqrt(centre**2 + (occupied - 1) * noise)
    spread_n = math.sqrt(spread**2 + NORMAL_EXCESS**2 * noise / 2)
    return (distance - centre_n) / spread_n


def _tail(values: Floats) -> tuple[float, float]:
    """The level that the upper fifth of the values lies above, and their mean excess over it."""
    ordered = np.sort(values)[::-1]
    k = _tail_size(len(ordered))
    return float(ordered[k]), float((ordered[:k] - ordered[k]).mean())


def _tail_size(values: int) -> int:
    return max(round(TAIL_SHARE * values), 1)

"""Nights whose truth is known, counted without rows, and the verdicts on them."""

import datetime as dt
from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy import stats

from nightshift.monitoring.drift import DriftReference, DriftResult, NightValues
from nightshift.profiles.bins import Bins
from nightshift.profiles.moments import Moments
from nightshift.profiles.profile import Feature, Profile
from nightshift.spec import ModelSpec
from nightshift.spec.drift import FalseAlarms

FIRST = dt.date(2024, 1, 1)
NUMBERS = Bins(kind="numeric", edges=(-6.0, *(float(edge) for edge in stats.norm.ppf(np.arange(1, 10) / 10)), 6.0))
Column = tuple[Any, Moments | None]
"""Rows per bin, and moments."""


def texts(categories: int) -> Bins:
    return Bins(kind="category", categories=tuple(f"c{place}" for place in range(categories)), has_unseen=True)


def of_rows(rng: np.random.Generator, rows: int, mean: float = 0.0, nulls: float = 0.0) -> Column:
    """A number that differs by row."""
    shares = np.diff([0.0, *stats.norm.cdf(NUMBERS.edges, mean), 1.0]) * (1 - nulls)
    return rng.multinomial(rows, [*shares, nulls]), Moments(rows, mean, mean - 3, mean + rng.random())


def of_night(rows: int, value: float) -> Column:
    """A number of one value in all rows."""
    counts = np.zeros(NUMBERS.size, int)
    counts[np.searchsorted(NUMBERS.edges, value, side="right")] = rows
    return counts, Moments(rows, value, value, value)


def of_texts(rng: np.random.Generator, rows: int, shares: Any, unseen: float = 0.0) -> Column:
    return rng.multinomial(rows, [*np.asarray(shares) * (1 - unseen), 0.0, unseen, 0.0]), None


def night(place: int, **columns: Column) -> NightValues:
    counts = {name: counts for name, (counts, _) in columns.items()}
    rows = int(np.sum(next(iter(counts.values()))))
    moments = {name: of_column for name, (_, of_column) in columns.items() if of_column}
    return NightValues((FIRST + dt.timedelta(days=place)).isoformat(), rows, counts, moments)


def profile_of(nights: Sequence[NightValues], bins: dict[str, Bins]) -> Profile:
    features = []
    for name, of_feature in bins.items():
        counts = np.array([one.counts[name] for one in nights])
        is_number = of_feature.kind == "numeric"
        moments = [one.moments.get(name) for one in nights] if is_number else ()
        features.append(Feature.of_nights(name, of_feature, counts, moments))
    return Profile(
        model="m",
        nights=tuple(one.partition for one in nights),
        rows=tuple(one.rows for one in nights),
        features=tuple(features),
        holdout=(),
    )


def reference_of(spec: ModelSpec, nights: Sequence[NightValues], once: float = 100.0, **bins: Bins) -> DriftReference:
    drift = spec.drift.model_copy(update={"false_alarms": FalseAlarms(once_per_nights=once)})
    return DriftReference.of(spec.model_copy(update={"drift": drift}), profile_of(nights, bins))


def watched(reference: DriftReference, nights: Sequence[NightValues]) -> list[DriftResult]:
    """The verdict on each night, after those before it."""
    return [reference.measure(one, nights[max(0, place - 28) : place]) for place, one in enumerate(nights)]


def opened(verdicts: Sequence[DriftResult]) -> int:
    """Alarms with no other in the three nights before."""
    alarms = [verdict.drifted for verdict in verdicts]
    return sum(alarm and not any(alarms[max(0, place - 3) : place]) for place, alarm in enumerate(alarms))


def remembered(rng: np.random.Generator, nights: int, memory: float) -> list[float]:
    values = [float(rng.normal())]
    for _ in range(nights - 1):
        values.append(memory * values[-1] + float(rng.normal()) * (1 - memory**2) ** 0.5)
    return values

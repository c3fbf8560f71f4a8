"""The project's own line as the simulator takes it."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from benchmarks.alarm_counts import Counted, CountedNight
from nightshift.monitoring.drift import NightValues
from nightshift.monitoring.drift.measure import DriftReference
from nightshift.profiles.bins import Bins
from nightshift.profiles.profile import Feature, Profile
from nightshift.spec import ModelSpec

TYPES = {"numeric": "float64", "category": "string"}


@dataclass(frozen=True)
class Present:
    """What the project does; another ``line`` than 1 is what a test holds against it."""

    line: float = 1.0
    name: str = "present"

    def fit(self, reference: Counted) -> DriftReference:
        """The profile that the reference's rows would have had."""
        spec = spec_of(tuple((name, TYPES[bins.kind]) for name, bins in reference.bins.items()))
        nights = [night.values for night in reference.nights]
        profile = Profile(
            model=spec.name,
            nights=tuple(night.partition for night in nights),
            rows=tuple(night.rows for night in nights),
            features=tuple(_feature(name, bins, nights) for name, bins in reference.bins.items()),
            holdout=(),
        )
        return DriftReference.of(spec, profile)

    def alarm(self, state: DriftReference, night: CountedNight, history: Sequence[CountedNight]) -> bool:
        """The verdict of a monitored night."""
        earlier = [before.values for before in history]
        verdicts, _ = state.judged(night.values, earlier)
        return any(verdict.ratio > self.line for of_detector in verdicts.values() for verdict in of_detector.values())


@cache
def spec_of(types: tuple[tuple[str, str], ...]) -> ModelSpec:
    """A spec that watches these columns."""
    columns: dict[str, Any] = {name: {"type": kind} for name, kind in types}
    return ModelSpec.model_validate({
        "name": "judged",
        "description": "Quiet nights, made up.",
        "source": {"callable": "benchmarks.alarms:nothing"},
        "partition": {"column": "day", "start": "2024-01-01"},
        "keys": ["row"],
        "columns": {"row": {"type": "int32", "feature": False}, **columns},
        "label": {"column": "late", "delay_days": 1},
        "training": {"window_days": 90, "holdout_days": 14, "trainer": "logistic_regression"},
        "drift": {"features": list(columns), "score": False, "false_alarms": {"once_per_nights": 100}},
    })


def _feature(name: str, bins: Bins, nights: Sequence[NightValues]) -> Feature:
    counts = np.stack([night.counts[name] for night in nights])
    has_moments = bins.kind == "numeric"
    moments = [night.moments[name] for night in nights] if has_moments else ()
    return Feature.of_nights(name, bins, counts, moments)

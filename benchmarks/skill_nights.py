"""Labelled nights of a healthy model, whose truth is known: each is as hard as its draw says, for everybody.

World ``rows``: logistic rows, whose odds and whose signal have an effect of the night that nobody can see coming; the
model knows all else. World ``values``: what a night of endless rows says, drawn at once. Nights are drawn by one rule:
normal, t(4), lognormal as storms are, or remembering the night before.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.gate_nights import Draw, remembering, storms
from nightshift.modelling.arrays import Float64s, Floats
from nightshift.modelling.forecaster import NightOutcome, forecast
from nightshift.modelling.label_types import label_type
from nightshift.modelling.night_skill import NightSkill, night_skill, outcome_of
from nightshift.partitions import following
from nightshift.profiles.profile import HoldoutNight
from nightshift.spec import ModelSpec

GAP = 2
ENDLESS = 100_000
BEFORE = 28
"""Nights with outcomes alone, which the forecaster of the first judged nights knows."""
HARDNESS = 0.5
"""Standard deviation of a night's odds."""
SIGNAL = 0.25
"""Of how much a night's odds follow the features, over the usual."""
SPEC: dict[str, Any] = {
    "name": "judged",
    "description": "Labelled nights, made up.",
    "source": {"callable": "benchmarks.skill_nights:nothing"},
    "partition": {"column": "day", "start": "2024-01-01"},
    "keys": ["row"],
    "columns": {"row": {"type": "int32", "feature": False}, "amount": {"type": "float64"}},
    "label": {"column": "late", "delay_days": 1},
    "training": {"window_days": 90, "holdout_days": 14, "trainer": "logistic_regression"},
}


def heavy(random: np.random.Generator, runs: int, nights: int) -> Float64s:
    """Nights of t(4)."""
    return np.asarray(random.standard_t(4, size=(runs, nights)) / 2**0.5)


DRAWS: dict[str, Draw] = {
    "normal": remembering(0.0),
    "t4": heavy,
    "lognormal": storms,
    "memory_0.5": remembering(0.5),
    "memory_0.8": remembering(0.8),
}


@dataclass(frozen=True)
class SkillWorld:
    """How nights are drawn, how many judged ones a reference has, and rows; none: nights of endless rows."""

    name: str
    draw: Draw
    judged: int
    rows: int

    def nights(self, random: np.random.Generator, later: int) -> tuple[list[HoldoutNight], list[HoldoutNight]]:
        """The judged nights, and those after a gap."""
        count = self.judged + GAP + later
        nights = self._of_rows(random, count) if self.rows else self._of_values(random, count)
        return nights[: self.judged], nights[self.judged + GAP :]

    def _of_rows(self, random: np.random.Generator, count: int) -> list[HoldoutNight]:
        spec = ModelSpec.model_validate(SPEC)
        days = following("2024-01-01", BEFORE + count)
        hard, clear = self.draw(random, 2, len(days))
        known: dict[str, NightOutcome] = {}
        nights = []
        for day, hardness, clearness in zip(days, hard, clear, strict=True):
            amounts = random.normal(size=self.rows)
            odds = HARDNESS * hardness - 1.2 + (1 + SIGNAL * clearness) * amounts
            outcomes = (random.random(self.rows) < _probability(odds)).astype(np.float32)
            expected = forecast(spec, day, known)
            nights.append(labelled_night(spec, day, outcomes, _probability(amounts - 1.2), expected))
            known[day] = outcome_of(spec, outcomes)
        return nights[BEFORE:]

    def _of_values(self, random: np.random.Generator, count: int) -> list[HoldoutNight]:
        """What is worse than usual is partly so by all measures."""
        common, *own = self.draw(random, 5, count)
        losses, ranks, biases, surprises = (np.sqrt(0.5) * (common + values) for values in own)
        nights = []
        for place, day in enumerate(following("2024-01-01", count)):
            skill = NightSkill(
                rows=ENDLESS,
                skill=0.05 - 0.05 * losses[place],
                skill_noise=0.0,
                rank=0.65 - 0.05 * ranks[place],
                rank_noise=0.0,
                forecast={"late": 0.3 + 0.1 * surprises[place]},
                outcome={"late": 0.3},
                score={"late": 0.3 + 0.08 * surprises[place] + 0.06 * biases[place]},
                bias_noise={"late": 0.0},
            )
            nights.append(
                HoldoutNight(night=day, rows=ENDLESS, loss=0.5 + 0.05 * losses[place], variance=0.0, skill=skill)
            )
        return nights


def labelled_night(
    spec: ModelSpec,
    day: str,
    outcomes: Floats,
    scores: Floats,
    expected: dict[str, float] | None,
) -> HoldoutNight:
    """A night as a profile has it: its loss, and its skill where a forecast is."""
    losses = label_type(spec).row_losses(spec.metric, outcomes, scores)
    return HoldoutNight(
        night=day,
        rows=len(losses),
        loss=float(losses.mean()),
        variance=float(losses.var()),
        skill=night_skill(spec, spec.metric, outcomes, scores, expected),
    )


def _probability(odds: Float64s) -> Float64s:
    return np.asarray(1 / (1 + np.exp(-odds)))

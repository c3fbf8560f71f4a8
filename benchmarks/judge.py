"""``judge.*``: what alarms promise, on nights whose truth is known: all quiet, so every alarm is a false one.

World ``independent``: a night differs from the next in the level of two features, drawn anew each night. World
``autocorrelated``: that level is remembered, AR(1) with 0.7, as weather is. A replicate is a reference of its own and
the nights after it; replicates are whole and independent, so the limit holds whatever the nights of one share.
"""

from collections.abc import Iterator
from statistics import mean, stdev
from typing import Any

import numpy as np
import pyarrow as pa

from benchmarks.world import World
from nightshift.monitoring.drift import measure
from nightshift.profiles.profile import Profile, build
from nightshift.spec import ModelSpec

SEED = 20130401
RUNS = 500
MANY_RUNS = 5_000
REFERENCE_NIGHTS = 76
HOLDOUT_NIGHTS = 14
LATER_NIGHTS = 20
ROWS = 150
MEMORY = {"independent": 0.0, "autocorrelated": 0.7}
# One-sided, of a normal mean over whole replicates.
LIMIT_QUANTILE = 1.645
SPEC: dict[str, Any] = {
    "name": "judged",
    "description": "Quiet nights, made up.",
    "source": {"callable": "benchmarks.judge:nothing"},
    "partition": {"column": "day", "start": "2024-01-01"},
    "keys": ["row"],
    "columns": {
        "row": {"type": "int32", "feature": False},
        "amount": {"type": "float64"},
        "weather": {"type": "float64"},
        "kind": {"type": "string"},
    },
    "label": {"column": "late", "delay_days": 1},
    "training": {"window_days": 76, "holdout_days": 14, "trainer": "logistic_regression"},
    "drift": {"features": ["amount", "weather", "kind"], "false_alarm_rate": 0.01},
}


def figures(world: World) -> dict[str, float]:
    """Share of quiet nights that alarm where one in a hundred is promised, and the 95 % limit of that share."""
    return _measured(world, RUNS)


def long_figures(world: World) -> dict[str, float]:
    """The same over ten times the replicates."""
    return {f"{name}_long": value for name, value in _measured(world, MANY_RUNS).items()}


def _measured(world: World, runs: int) -> dict[str, float]:
    spec = ModelSpec.model_validate(SPEC)
    figures: dict[str, float] = {"judge.seed": SEED, "judge.runs": runs}
    for name, memory in MEMORY.items():
        shares = [_false_alarms(spec, np.random.default_rng([SEED, run]), memory) for run in range(runs)]
        limit = mean(shares) + LIMIT_QUANTILE * stdev(shares) / len(shares) ** 0.5
        world.console.print(f"{name}: {mean(shares):.2%} of quiet nights alarm, at most {limit:.2%} (95 %)")
        figures[f"judge.drift_false_alarms_{name}"] = mean(shares)
        figures[f"judge.drift_false_alarms_{name}_limit"] = limit
    return figures


def _false_alarms(spec: ModelSpec, random: np.random.Generator, memory: float) -> float:
    """Of one replicate: the share of its later nights that alarm."""
    nights = list(_nights(random, REFERENCE_NIGHTS + LATER_NIGHTS, memory))
    profile = _profile(spec, nights[:REFERENCE_NIGHTS])
    alarms = 0
    for night in nights[REFERENCE_NIGHTS:]:
        columns = {name: pa.array(values) for name, values in night.items()}
        alarms += measure(spec, profile, profile.count(columns), ROWS).drifted
    return alarms / LATER_NIGHTS


def _nights(random: np.random.Generator, count: int, memory: float) -> Iterator[dict[str, Any]]:
    level = random.normal()
    for _ in range(count):
        level = memory * level + (1 - memory**2) ** 0.5 * random.normal()
        shares = random.dirichlet([40, 30, 20, 5, 3, 2])
        amount = random.normal(100, 20, ROWS)
        yield {
            "amount": amount,
            "weather": level + random.normal(0, 1, ROWS),
            "kind": random.choice(list("abcdef"), ROWS, p=shares),
            "score": 1 / (1 + np.exp(3 - amount / 40 - 0.3 * level)),
        }


def _profile(spec: ModelSpec, nights: list[dict[str, Any]]) -> Profile:
    table = pa.table({name: np.concatenate([night[name] for night in nights]) for name in nights[0]})
    place = np.repeat(np.arange(len(nights)), ROWS)
    held_out = place >= len(nights) - HOLDOUT_NIGHTS
    scores = np.where(held_out, table["score"].to_numpy(), np.nan)
    keys = [f"{night:04d}" for night in place]
    return build(spec, table, keys, scores, np.full(len(place), np.nan))

"""The slices, on differences of rows that are drawn slice by slice; and how long the areas of many rows take."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pyarrow as pa

from benchmarks.gate import SEED, Share
from benchmarks.world import World
from nightshift.modelling.arrays import Float64s
from nightshift.modelling.gate.differences import Pair
from nightshift.modelling.gate.nights import night_test
from nightshift.modelling.gate.slices import judge_slices
from nightshift.modelling.holdout import LabelledRows
from nightshift.spec import ModelSpec

SLICE_RUNS = 800
SPEC: dict[str, Any] = {
    "name": "judged",
    "description": "Pairs of models, made up.",
    "source": {"callable": "benchmarks.gate_rows:nothing"},
    "partition": {"column": "day", "start": "2024-01-01"},
    "keys": ["row"],
    "columns": {"row": {"type": "int32", "feature": False}, "site": {"type": "string"}},
    "label": {"column": "late", "delay_days": 1},
    "training": {"window_days": 76, "holdout_days": 28, "trainer": "logistic_regression"},
    "gates": {"slices": ["site"], "calibration": 0.05, "at_least": {"roc_auc": 0.55}, "resamples": 100},
}


def figures(world: World) -> dict[str, float]:
    """Errors and power of the slices, and the time of a bootstrap."""
    spec = ModelSpec.model_validate(SPEC)
    measured = {"gate.slice_runs": float(SLICE_RUNS)}
    measured |= _slices(world)
    measured["gate.bootstrap_seconds"] = _bootstrap_seconds(spec)
    return measured


def _probability(odds: Float64s) -> Float64s:
    return np.asarray(1 / (1 + np.exp(-odds)))


def _slices(world: World) -> dict[str, float]:
    measured: dict[str, float] = {}
    refusals = [Share(f"100 slices, {nights} nights", _refusals(100, nights, 0.0), SLICE_RUNS) for nights in (14, 28)]
    for share in refusals:
        world.console.print(f"{share.name}: {share.value:.2%} of equals refused, at most {share.limit:.2%} (95 %)")
    measured |= max(refusals, key=lambda share: share.limit).figures("gate.slice_refusals_of_equals")
    for nights, name in ((28, "gate.slice_power"), (14, "gate.slice_power_14_nights")):
        measured[name] = _refusals(10, nights, 4.0) / SLICE_RUNS
        world.console.print(f"{name}: {measured[name]:.1%}")
    return measured


def _refusals(slices: int, nights: int, worse_by: float) -> int:
    """Runs that refuse; of a slice that is worse by so many of its own standard errors, runs that name it."""
    gates = {"slices": ["site"], "slice_min_rows": 1}
    spec = ModelSpec.model_validate({**SPEC, "gates": gates})
    names = [f"s{place}" for place in range(slices)] * nights
    rows = LabelledRows(
        pa.table({"site": names}),
        np.zeros(len(names), np.float32),
        np.repeat(np.arange(nights), slices),
    )
    refused = 0
    for run in range(SLICE_RUNS):
        differences = np.random.default_rng([SEED, slices, nights, run]).normal(size=(nights, slices))
        differences[:, 0] += worse_by / nights**0.5
        objections = judge_slices(spec, ["site"], rows, differences.ravel()).objections
        named = [objection for objection in objections if objection.startswith("site s0:")]
        refused += bool(named if worse_by else objections)
    return refused


def _bootstrap_seconds(spec: ModelSpec) -> float:
    """Of the intervals of both areas and of F1, of 100,000 rows of 76 nights with 1,000 resamples, on one core."""
    gates = spec.gates.model_copy(update={"resamples": 1000})
    thorough = spec.model_copy(update={"gates": gates})
    random = np.random.default_rng([SEED, 2])
    night = np.sort(random.integers(0, 76, 100_000))
    odds = random.normal(0, 1.2, 100_000)
    labels = (random.random(100_000) < _probability(odds)).astype(np.float32)
    rows = LabelledRows(pa.table({"night": night}), labels, night)
    scores = [_probability(odds + error * random.normal(size=100_000)).astype(np.float32) for error in (0.3, 0.5)]
    pair = Pair(thorough, rows, *scores)
    with _one_core():
        started = time.perf_counter()
        for metric in ("roc_auc", "pr_auc", "f1"):
            values = pair.values(metric)
            if values is not None:
                night_test(values).interval(0.025)
        return time.perf_counter() - started


@contextmanager
def _one_core() -> Iterator[None]:
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)

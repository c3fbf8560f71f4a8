"""``attribution.*``: how often what carries the scores passes its limit on quiet nights, asked one in a hundred.

The worlds are those of ``matters``. A replicate is a model of its own, fitted to 90 nights and exported, its reference,
and the nights after it. Beside it: a feature that falls silent is seen, what a night and a training cost, and how long
the reasons of one row take with 50 features.
"""

import time
from functools import partial
from statistics import mean

import numpy as np
import pyarrow as pa

from benchmarks.matters import (
    FEATURES,
    GAP,
    LATER_NIGHTS,
    ROWS,
    SEED,
    WINDOW_NIGHTS,
    WORLDS,
    MadeNight,
    QuietWorld,
    made_nights,
    share_above,
)
from benchmarks.world import World
from nightshift.modelling.holdout import LabelledRows
from nightshift.monitoring.matters import attribution
from nightshift.optimization.export import to_onnx
from nightshift.scoring.graph import OnnxGraph
from nightshift.scoring.reasons import reasons
from nightshift.spec import ModelSpec
from nightshift.training import recipe

REPLICATES = 30
BACKGROUND = 100
WEIGHTS = np.array([1.0, 0.6, -0.4])
MANY_FEATURES = 50
MANY_ROWS = 20_000
TREES = 200
TIMED = 5


def figures(world: World) -> dict[str, float]:
    """Shares of quiet nights with their bounds, of nights with a silent feature, and seconds."""
    measured = {}
    bounds = []
    for quiet in WORLDS:
        name = f"attribution.false_share_{quiet.name}"
        measured[name], bound = share_above(world, name, REPLICATES, nights_above, quiet, 0.0)
        measured[f"{name}_limit"] = bound
        bounds.append(bound)
    measured["attribution.false_share_limit"] = max(bounds)
    silent = partial(nights_above, is_silent=True)
    name = "attribution.silent_feature_seen"
    measured[name], _ = share_above(world, name, REPLICATES // 3, silent, WORLDS[1], 0.0)
    return measured | _seconds(world)


def nights_above(random: np.random.Generator, quiet: QuietWorld, shift: float, is_silent: bool = False) -> float:
    """Of one replicate: the share of its later nights that pass their limit; ``is_silent``: x1 says the same."""
    nights = list(made_nights(random, quiet, WINDOW_NIGHTS + GAP + LATER_NIGHTS, shift, WINDOW_NIGHTS + GAP))
    spec = _spec([f"x{place}" for place in range(FEATURES)], ["kind"], trees=60)
    window = _together(random, nights[:WINDOW_NIGHTS])
    graph = _graph(spec, window)
    background = window.table.take(pa.array(random.permutation(window.table.num_rows)[:BACKGROUND]))
    reference = attribution.reference_of(graph, window.table, window.nights, background)
    above = []
    for night in nights[WINDOW_NIGHTS + GAP :]:
        rows = _silenced(night.table) if is_silent else night.table
        told = attribution.attributions(reference, graph, rows, background)
        above.append(told is not None and bool(told.above))
    return mean(above)


def _together(random: np.random.Generator, nights: list[MadeNight]) -> LabelledRows:
    """Outcomes lean on three features, so that a model has several to lean on."""
    table = pa.concat_tables([night.table for night in nights])
    odds = np.column_stack([table[name] for name in ("x0", "x1", "x2")]) @ WEIGHTS - 1
    return LabelledRows(
        table=table,
        labels=(random.random(len(odds)) < 1 / (1 + np.exp(-odds))).astype(float),
        nights=np.repeat(np.arange(len(nights)), ROWS),
    )


def _silenced(table: pa.Table) -> pa.Table:
    place = table.column_names.index("x1")
    return table.set_column(place, "x1", pa.array(np.zeros(table.num_rows)))


def _graph(spec: ModelSpec, rows: LabelledRows) -> OnnxGraph:
    return OnnxGraph(spec, to_onnx(spec, recipe.fit(spec, rows)))


def _spec(numbers: list[str], texts: list[str], trees: int) -> ModelSpec:
    columns: dict[str, dict[str, object]] = {name: {"type": "float64"} for name in numbers}
    columns |= {name: {"type": "string"} for name in texts}
    columns["number"] = {"type": "int64", "feature": False}
    return ModelSpec.model_validate({
        "name": "made",
        "description": "made nights",
        "owner": "benchmarks",
        "source": {"python": "source.py"},
        "partition": {"column": "day", "timezone": "UTC", "start": "2024-01-01"},
        "keys": ["number"],
        "night": {"min_rows": 1, "max_rows": 1_000_000},
        "columns": columns,
        "label": {"column": "late", "delay_days": 1},
        "training": {
            "window_days": WINDOW_NIGHTS,
            "holdout_days": 7,
            "trainer": "hist_gradient_boosting",
            "parameters": {"max_iter": trees, "max_leaf_nodes": 31},
            "seed": SEED,
        },
    })


def _seconds(world: World) -> dict[str, float]:
    """CPU seconds of a night and of a training, and seconds of one row's reasons, by a graph of 50 features."""
    random = np.random.default_rng(SEED)
    names = [f"x{place:02d}" for place in range(MANY_FEATURES)]
    values = random.normal(size=(MANY_ROWS, MANY_FEATURES))
    table = pa.table(dict(zip(names, values.T, strict=True)))
    labels = (random.random(MANY_ROWS) < 1 / (1 + np.exp(-values[:, :10].sum(axis=1)))).astype(float)
    rows = LabelledRows(table, labels, np.arange(MANY_ROWS) * WINDOW_NIGHTS // MANY_ROWS)
    graph = _graph(_spec(names, [], TREES), rows)
    background = table.slice(0, BACKGROUND)
    began = time.process_time()
    reference = attribution.reference_of(graph, table, rows.nights, background)
    training = time.process_time() - began
    began = time.process_time()
    attribution.attributions(reference, graph, table.slice(0, ROWS), background)
    of_night = time.process_time() - began
    began = time.perf_counter()
    for place in range(TIMED):
        reasons(graph, table.slice(1000 + place, 1), background, seed=place)
    of_row = (time.perf_counter() - began) / TIMED
    world.console.print(f"50 features: training {training:.1f}, night {of_night:.2f} CPU s; reasons {of_row:.2f} s")
    return {
        "attribution.training_cpu_seconds_50": training,
        "attribution.night_cpu_seconds_50": of_night,
        "reasons.seconds_50": of_row,
    }

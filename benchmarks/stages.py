"""``score.cpu_ms.*``: what each stage of scoring costs by itself, in CPU milliseconds per million rows.

Wall times overlap and say nothing about who is to blame; CPU time adds up. The store's is that of its
process on this machine, over a whole run.
"""

import time
from collections.abc import Callable
from statistics import median
from typing import Any

import pyarrow as pa

from benchmarks.cpu import store_seconds
from benchmarks.nights import big_night
from benchmarks.world import World
from nightshift.contracts import Plan
from nightshift.profiles.profile import load_profile
from nightshift.scoring.engine import Engine, cut, schema
from nightshift.scoring.graph import OnnxGraph, fetch
from nightshift.stores.parquet import with_dictionaries, write

ROWS = 1_000_000
REPEATS = 5


def figures(world: World) -> dict[str, float]:
    """One thread, stage after stage, each on what the one before made."""
    plan = big_night(world, ROWS, world.pin)
    graph = fetch(world.spec, plan.pin.key, plan.pin.sha256, world.stores)
    exact = fetch(world.spec, world.exact.key, world.exact.sha256, world.stores)
    taken = _stages(world, plan, graph) | {"onnxruntime_exact": _onnxruntime(_units(world, plan, exact), exact)}
    found = {f"score.cpu_ms.{name}": 1e9 * seconds / ROWS for name, seconds in taken.items()}
    for name, value in found.items():
        world.console.print(f"{name}: {value:.0f} ms per million rows")
    return found


def _stages(world: World, plan: Plan, graph: OnnxGraph) -> dict[str, float]:
    engine = Engine(world.spec, plan, graph, load_profile(plan.pin, world.stores.lake))
    bare = Engine(world.spec, plan, graph, engine.profile.model_copy(update={"features": ()}))
    found: dict[str, float] = {}
    before = store_seconds(world)
    found["read"], batches = _cpu(lambda: list(engine.read(plan.shards[0], world.stores)))
    units = [unit for batch in batches for unit in cut(batch)]
    found["feed"], _ = _cpu(lambda: [graph.feeds(unit) for unit in units])
    found["onnxruntime"] = _onnxruntime(units, graph)
    whole, made = _cpu(lambda: [engine.score_unit(unit)[0] for unit in units])
    without, _ = _cpu(lambda: [bare.score_unit(unit)[0] for unit in units])
    found["count"] = whole - without
    found["encode_upload"], _ = _cpu(lambda: _written(world, made))
    found["store"] = (store_seconds(world) - before) / (REPEATS + 1)
    return found


def _written(world: World, batches: list[pa.RecordBatch]) -> None:
    with world.stores.lake.objects.stream("scratch/stages.parquet") as sink:
        write(batches, with_dictionaries(schema(world.spec)), sink)


def _units(world: World, plan: Plan, graph: OnnxGraph) -> list[pa.RecordBatch]:
    engine = Engine(world.spec, plan, graph, load_profile(plan.pin, world.stores.lake))
    return [unit for batch in engine.read(plan.shards[0], world.stores) for unit in cut(batch)]


def _onnxruntime(units: list[pa.RecordBatch], graph: OnnxGraph) -> float:
    ready = [(graph.feeds(unit), unit.num_rows) for unit in units]
    return _cpu(lambda: [graph.run(*both) for both in ready])[0]


def _cpu(stage: Callable[[], Any]) -> tuple[float, Any]:
    """Median CPU seconds of this process, after one run to warm up, and what the stage made."""
    made, taken = stage(), []
    for _ in range(REPEATS):
        started = time.process_time()
        stage()
        taken.append(time.process_time() - started)
    return median(taken), made

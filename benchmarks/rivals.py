"""What Nightshift's scoring is held against: ONNX Runtime with everything in memory, and the common way."""

import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.world import World
from nightshift.concurrency import cores, ordered_map
from nightshift.contracts import Plan
from nightshift.scoring.engine import cut
from nightshift.scoring.graph import OnnxGraph, fetch
from nightshift.stores.lake import iter_row_groups
from nightshift.stores.parquet_source import ParquetSource

Run = Callable[[], object]
Inputs = dict[str, NDArray[Any]]


def seconds(run: Run) -> float:
    """Wall time of one run."""
    started = time.perf_counter()
    run()
    return time.perf_counter() - started


def pyfunc(world: World, plan: Plan) -> Run:
    """The common way: the registered scikit-learn pipeline on a pandas frame, model loading included."""
    import mlflow
    import pandas as pd

    mlflow.set_tracking_uri(world.settings.mlflow_uri)
    (shard,) = plan.shards
    path = f"s3://{world.stores.lake.objects.path(shard.key)}"
    columns = list(dict.fromkeys([*world.spec.keys, *world.spec.features]))

    def run() -> None:
        model = mlflow.pyfunc.load_model(world.trained.model_uri)
        frame = pd.read_parquet(path, columns=columns)
        features = frame[list(world.spec.features)].astype({
            name: "float32" for name in world.spec.features if world.spec.columns[name].numeric
        })
        out = frame[list(world.spec.keys)].copy()
        out["score"] = np.asarray(model.predict(features))[:, 1]
        out["prediction"] = out["score"] >= world.spec.predict.threshold
        out.to_parquet(path.replace("generations/", "scratch/"))

    return run


def onnxruntime_alone(world: World, plan: Plan) -> Run:
    """Nothing but ``session.run`` on inputs that lie ready, all cores busy, in the faster of two ways.

    Either a thread per core with small batches, as Nightshift does, or ONNX Runtime's own threads with
    large ones, as its documentation has it.
    """
    graph = fetch(world.spec, plan.pin.key, plan.pin.sha256, world.stores)
    units = _in_memory(world, plan, graph)
    ours = _threads(graph, units)
    theirs = _own_threads(world.stores.lake.objects.get(plan.pin.key), units)
    ours(), theirs()
    return min((ours, theirs), key=seconds)


def _in_memory(world: World, plan: Plan, graph: OnnxGraph) -> list[Inputs]:
    (shard,) = plan.shards
    file = ParquetSource(world.stores.lake.objects, shard.key).open()
    batches = iter_row_groups(file, list(world.spec.features), shard.first, shard.last)
    units = (unit for batch in batches for unit in cut(batch))
    return [{name: np.ascontiguousarray(values) for name, values in graph.feeds(unit).items()} for unit in units]


def _threads(graph: OnnxGraph, units: list[Inputs]) -> Run:
    def score(inputs: Inputs) -> None:
        graph.run(inputs, len(next(iter(inputs.values()))))

    return lambda: [None for _ in ordered_map(score, units, cores(), 4 * cores())]


def _own_threads(found: tuple[bytes, str] | None, units: list[Inputs]) -> Run:
    import onnxruntime as ort

    assert found

    options = ort.SessionOptions()
    options.intra_op_num_threads = cores()
    session = ort.InferenceSession(found[0], options, providers=["CPUExecutionProvider"])
    return lambda: [session.run(None, inputs) for inputs in units]

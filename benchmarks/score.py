"""``score.vs_pyfunc``: scoring Parquet in S3 into Parquet in S3, beside what people do today."""

import time
from collections.abc import Callable
from statistics import median

import numpy as np
import pyarrow as pa

from benchmarks.world import World
from pipelines.contracts import Pin, Plan, Shard
from pipelines.steps.holdout import read_snapshot
from pipelines.steps.plan import PREDICTIONS
from pipelines.steps.score import score
from pipelines.stores.parquet import ROW_GROUP_ROWS

ROWS = 1_000_000
REPEATS = 5
NIGHT = "2013-04-01"


def figures(world: World) -> dict[str, float]:
    """Rows per second of ours over theirs, pair by pair; the median of the ratios."""
    plan = _big_night(world)
    ours, theirs = _ours(world, plan), _pyfunc(world, plan.shards[0].key)
    ours(), theirs()
    pairs = [(_seconds(ours), _seconds(theirs)) for _ in range(REPEATS)]
    for mine, other in pairs:
        world.console.print(f"{ROWS:,} rows: nightshift {mine:.1f} s, pyfunc {other:.1f} s")
    return {
        "score.vs_pyfunc": median(other / mine for mine, other in pairs),
        "score.rows_per_second": ROWS / median(mine for mine, _ in pairs),
    }


def _ours(world: World, plan: Plan) -> Callable[[], None]:
    def run() -> None:
        for shard in plan.shards:
            score(world.spec, plan, shard, world.stores)

    return run


def _pyfunc(world: World, key: str) -> Callable[[], None]:
    """The common way: the registered scikit-learn pipeline on a pandas frame, model loading included."""
    import mlflow
    import pandas as pd

    mlflow.set_tracking_uri(world.settings.mlflow_uri)
    path = f"s3://{world.stores.lake.objects.path(key)}"
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


def _big_night(world: World) -> Plan:
    """Real rows, resampled to ``ROWS``, as one input file, and a plan over it in one shard."""
    spec, stores = world.spec, world.stores
    table = read_snapshot(spec, stores.versions.checkout(world.trained.snapshot.md5)).select(list(spec.columns))
    chosen = np.random.default_rng(0).integers(0, table.num_rows, ROWS)
    draft = stores.lake.begin("validated", "bench", spec.partition.column, NIGHT)
    batches = table.take(pa.array(chosen)).combine_chunks().to_batches(max_chunksize=ROW_GROUP_ROWS)
    file = stores.lake.add(draft, 0, batches, table.schema)
    pin: Pin = stores.registry.champion(spec.name)
    groups = stores.lake.open_parquet(file.key).metadata.num_row_groups
    out = stores.lake.begin(PREDICTIONS, spec.name, spec.partition.column, NIGHT)
    return Plan(spec.name, NIGHT, pin, out.generation, "bench", ROWS, None, [Shard(0, file.key, 0, groups, ROWS)])


def _seconds(run: Callable[[], None]) -> float:
    started = time.perf_counter()
    run()
    return time.perf_counter() - started

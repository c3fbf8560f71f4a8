"""Nights of any size, of real flights: rows drawn anew from the training window, each with a key of its own."""

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from benchmarks.world import World
from nightshift.contracts import Dataset, PartitionKey, Pin, Plan, Shard
from nightshift.modelling.holdout import read_snapshot
from nightshift.scoring import shards
from nightshift.spec import ModelSpec
from nightshift.stores import Stores
from nightshift.stores.parquet import ROW_GROUP_ROWS

NIGHT = "2014-01-01"


def big_night(world: World, rows: int, pin: Pin) -> Plan:
    """One validated file of ``rows`` rows in the lake, and a plan to score it in one shard."""
    spec, lake = world.spec, world.stores.lake
    real = read_snapshot(spec, world.stores.snapshots.checkout(world.snapshot.md5)).select(list(spec.columns))
    draft = lake.begin(PartitionKey(Dataset.VALIDATED, f"bench_{rows}", spec.partition.column, NIGHT))
    file = lake.add(draft, 0, drawn(real, rows), real.schema)
    groups = lake.source(file).open().metadata.num_row_groups
    out = lake.begin(spec.key(Dataset.PREDICTIONS, NIGHT))
    shard = Shard(0, file.key, file.sha256, 0, groups, rows, file.bytes)
    return Plan(spec.name, NIGHT, pin, out.generation, "bench", rows, out.base_etag, [shard])


def forget(plan: Plan, spec: ModelSpec, stores: Stores) -> None:
    """Let the plan's shards be scored again, though they were."""
    for shard in plan.shards:
        stores.lake.objects.delete(shards.shard_file(spec, plan, shard).key.replace(".parquet", ".json"))


def drawn(real: pa.Table, rows: int) -> Iterator[pa.RecordBatch]:
    """Real rows drawn with replacement, batch by batch, numbered in ``flight``."""
    random, position = np.random.default_rng(0), real.schema.get_field_index("flight")
    for start in range(0, rows, ROW_GROUP_ROWS):
        size = min(ROW_GROUP_ROWS, rows - start)
        some = real.take(pa.array(random.integers(0, real.num_rows, size)))
        numbers = pa.array(np.arange(start, start + size, dtype=np.int32))
        yield from some.set_column(position, real.schema.field(position), numbers).combine_chunks().to_batches()

"""Score one shard: Arrow batches from S3 through ONNX Runtime into a Parquet file in S3, in overlapping stages.

    read ahead (2 threads)  >  feed, score, count (a thread per core)  >  encode (this thread)  >  upload (2 threads)

Every queue between them is bounded, so memory does not grow with rows.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from pipelines.contracts import Plan, Shard, ShardResult
from pipelines.errors import SchemaMismatch
from pipelines.spec import ModelSpec
from pipelines.steps import shards
from pipelines.steps.bins import Counts
from pipelines.steps.graph import Graph, fetch
from pipelines.steps.plan import PREDICTIONS
from pipelines.steps.profile import Profile, load_profile
from pipelines.steps.stream import cores, side_by_side
from pipelines.steps.tasks import task_of
from pipelines.stores import Stores
from pipelines.stores.lake import Draft, iter_row_groups
from pipelines.stores.parquet import with_dictionaries, write
from pipelines.stores.types import arrow_type

# Small enough that a thread's rows stay in its core's cache, large enough that Python is a rounding error.
UNIT_ROWS = 32_768
# One fetches while the other decodes.
READERS = 2
GROUPS_AHEAD = 3
UNITS_PER_CORE = 4


def score(spec: ModelSpec, plan: Plan, shard: Shard, stores: Stores) -> ShardResult:
    """Write the shard's predictions, or find them done. Two live copies of this task write the same bytes.

    Raises ``UnsafeGraph`` when the graph is not the pinned one, ``SchemaMismatch`` when the night lacks a
    column, ``ModelError``, ``LakeUnavailable``.
    """
    key = shards.file_key(spec, plan, shard)
    if done := shards.find(key, shard, stores):
        return done
    graph = fetch(spec, plan.pin.key, plan.pin.sha256, stores)
    engine = Engine(spec, plan, graph, load_profile(plan.pin, stores.lake))
    with stores.lake.objects.stream(key) as sink:
        rows = write(
            engine.scored(shard, stores),
            with_dictionaries(schema(spec)),
            sink,
            shards.first_rows(spec, plan, shard.rows),
        )
    counts = {name: found.tolist() for name, found in engine.counts.items()}
    return shards.keep(ShardResult(shard.index, key, rows, sink.bytes, sink.sha256, counts), stores)


def draft(spec: ModelSpec, plan: Plan) -> Draft:
    """The generation that a plan opened."""
    return Draft(PREDICTIONS, spec.name, spec.partition.column, plan.partition, plan.generation, plan.base_etag)


def schema(spec: ModelSpec) -> pa.Schema:
    """Keys, scores where there are any, prediction, and which model said so."""
    return pa.schema([
        *(pa.field(key, arrow_type(spec.columns[key])) for key in spec.keys),
        *task_of(spec).fields(),
        pa.field("model_version", pa.string()),
        pa.field("run_id", pa.string()),
    ])  # fmt: skip


@dataclass
class Engine:
    """One shard's stages. ``counts`` is the profile of the rows that came out so far."""

    spec: ModelSpec
    plan: Plan
    graph: Graph
    profile: Profile
    counts: dict[str, Counts] = field(default_factory=dict)

    def scored(self, shard: Shard, stores: Stores) -> Iterator[pa.RecordBatch]:
        """The shard's predictions, in the order of its rows."""
        threads = cores()
        units = (unit for batch in self.read(shard, stores) for unit in cut(batch))
        for batch, counts in side_by_side(self.unit, units, threads, threads * UNITS_PER_CORE):
            for name, found in counts.items():
                self.counts[name] = self.counts.get(name, 0) + found
            yield batch

    def read(self, shard: Shard, stores: Stores) -> Iterator[pa.RecordBatch]:
        """The columns that are needed, row group by row group, some ahead; strings as dictionaries."""
        watched = [f.name for f in self.profile.features if f.name != task_of(self.spec).watched]
        needed = list(dict.fromkeys([*self.spec.keys, *self.spec.features, *watched]))
        texts = [name for name in needed if name in self.spec.columns and not self.spec.columns[name].numeric]
        footer = stores.lake.open_parquet(shard.key).metadata
        self._require(needed, footer.schema.names)

        def group(index: int) -> list[pa.RecordBatch]:
            file = stores.lake.open_parquet(shard.key, texts, footer)
            return list(iter_row_groups(file, needed, index, index + 1))

        for batches in side_by_side(group, range(shard.first, shard.last), READERS, GROUPS_AHEAD):
            yield from batches

    def _require(self, needed: list[str], there: list[str]) -> None:
        if missing := [name for name in needed if name not in there]:
            night = f"{self.spec.name} {self.plan.partition}"
            raise SchemaMismatch(
                f"version {self.plan.pin.version} needs {', '.join(missing)}, which validated {night} lacks",
                fix=f"nightshift ingest {night}; nightshift validate {night}",
            )

    def unit(self, rows: pa.RecordBatch) -> tuple[pa.RecordBatch, dict[str, Counts]]:
        """Predictions for some rows, and these rows per bin of the profile."""
        spec, pin, task = self.spec, self.plan.pin, task_of(self.spec)
        columns = [
            *(rows.column(key) for key in spec.keys),
            *task.columns(self.graph.score(rows)),
            _constant(pin.version, rows.num_rows),
            _constant(pin.run_id, rows.num_rows),
        ]
        found = pa.record_batch(columns, schema=with_dictionaries(schema(spec)))
        values = {name: rows.column(name) for name in rows.schema.names} | {task.watched: found[task.watched]}
        return found, self.profile.count(values)


def cut(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    """The units of a batch, as the threads of an engine get them."""
    return (batch.slice(start, UNIT_ROWS) for start in range(0, batch.num_rows, UNIT_ROWS))


def _constant(value: str, rows: int) -> pa.DictionaryArray:
    return pa.DictionaryArray.from_arrays(np.zeros(rows, np.int32), [value])

"""Arrow batches from S3 through ONNX Runtime, in overlapping stages.

    read ahead (2 threads)  >  feed, score, count (a thread per core)  >  encode (this thread)  >  upload (2 threads)

Every queue between them is bounded, so memory does not grow with rows.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from nightshift.concurrency import cores, ordered_map
from nightshift.contracts import Dataset, Plan, Shard
from nightshift.errors import SchemaMismatch
from nightshift.modelling.label_types import label_type
from nightshift.profiles.bins import Counts
from nightshift.profiles.profile import Profile
from nightshift.scoring.graph import OnnxGraph
from nightshift.spec import ModelSpec
from nightshift.stores import Stores
from nightshift.stores.lake import GenerationDraft, iter_row_groups
from nightshift.stores.parquet import with_dictionaries
from nightshift.stores.types import arrow_type

# Small enough that a thread's rows stay in its core's cache, large enough that Python is a rounding error.
UNIT_ROWS = 32_768
# One fetches while the other decodes.
READERS = 2
GROUPS_AHEAD = 3
UNITS_PER_CORE = 4


def draft(spec: ModelSpec, plan: Plan) -> GenerationDraft:
    """The generation that a plan opened."""
    return GenerationDraft(spec.key(Dataset.PREDICTIONS, plan.partition), plan.generation, plan.base_etag)


def schema(spec: ModelSpec) -> pa.Schema:
    """Keys, scores where there are any, prediction, and which model said so."""
    return pa.schema([
        *(pa.field(key, arrow_type(spec.columns[key])) for key in spec.keys),
        *label_type(spec).fields(),
        pa.field("model_version", pa.string()),
        pa.field("run_id", pa.string()),
    ])  # fmt: skip


@dataclass
class Engine:
    """One shard's stages. ``counts`` is the profile of the rows that came out so far."""

    spec: ModelSpec
    plan: Plan
    graph: OnnxGraph
    profile: Profile
    counts: dict[str, Counts] = field(default_factory=dict)

    def scored(self, shard: Shard, stores: Stores) -> Iterator[pa.RecordBatch]:
        """The shard's predictions, in the order of its rows."""
        threads = cores()
        units = (unit for batch in self.read(shard, stores) for unit in cut(batch))
        for batch, counts in ordered_map(self.unit, units, threads, threads * UNITS_PER_CORE):
            for name, found in counts.items():
                self.counts[name] = self.counts.get(name, 0) + found
            yield batch

    def read(self, shard: Shard, stores: Stores) -> Iterator[pa.RecordBatch]:
        """The columns that are needed, row group by row group, some ahead; strings as dictionaries."""
        watched = [f.name for f in self.profile.features if f.name != label_type(self.spec).watched]
        needed = list(dict.fromkeys([*self.spec.keys, *self.spec.features, *watched]))
        texts = [name for name in needed if name in self.spec.columns and not self.spec.columns[name].numeric]
        footer = stores.lake.open_parquet(shard.key).metadata
        self._require(needed, footer.schema.names)

        def group(index: int) -> list[pa.RecordBatch]:
            file = stores.lake.open_parquet(shard.key, texts, footer)
            return list(iter_row_groups(file, needed, index, index + 1))

        for batches in ordered_map(group, range(shard.first, shard.last), READERS, GROUPS_AHEAD):
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
        spec, pin, task = self.spec, self.plan.pin, label_type(self.spec)
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

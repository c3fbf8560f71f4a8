"""Arrow batches from S3 through ONNX Runtime, in overlapping stages.

    read ahead (2 threads)  >  feed, score, count (a thread per core)  >  encode (this thread)  >  upload (2 threads)

Every queue between them is bounded, so memory does not grow with rows.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from nightshift.concurrency import cores, ordered_map
from nightshift.contracts import Plan, Shard
from nightshift.errors import SchemaMismatch
from nightshift.modelling.arrays import Int64s
from nightshift.modelling.label_types import label_type
from nightshift.profiles.moments import Moments
from nightshift.profiles.profile import Profile
from nightshift.scoring.graph import OnnxGraph
from nightshift.scoring.sample import drawn, has_sample, taken
from nightshift.spec import ModelSpec
from nightshift.stores import Stores
from nightshift.stores.commit import GenerationDraft
from nightshift.stores.parquet import with_dictionaries
from nightshift.stores.parquet_source import iter_row_groups
from nightshift.stores.types import arrow_type

# Small enough that a thread's rows stay in its core's cache, large enough that Python is a rounding error.
UNIT_ROWS = 32_768
# One fetches while the other decodes.
READERS = 2
GROUPS_AHEAD = 3
UNITS_PER_CORE = 4


def draft(spec: ModelSpec, plan: Plan) -> GenerationDraft:
    """The generation that a plan opened."""
    night = spec.key(plan.dataset, plan.partition)
    return GenerationDraft(
        night,
        generation=plan.generation,
        base_etag=plan.base_etag,
    )


def schema(spec: ModelSpec) -> pa.Schema:
    """Keys, scores where there are any, prediction, and which model said so."""
    keys = []
    for name in spec.keys:
        key_type = arrow_type(spec.columns[name])
        keys.append(pa.field(name, key_type))
    model = [
        pa.field("model_version", pa.string()),
        pa.field("run_id", pa.string()),
    ]
    predicted = label_type(spec).published_fields()
    return pa.schema([*keys, *predicted, *model])


class ScoredUnit(NamedTuple):
    """Predictions for some rows, what the profile counts of these, how many have an unseen category, and a sample."""

    predictions: pa.RecordBatch
    counts: dict[str, Int64s]
    moments: dict[str, Moments]
    unseen: dict[str, int] | None
    sample: pa.RecordBatch | None


@dataclass
class Engine:
    """One shard's stages. ``counts`` and ``moments`` are the profile's, of the rows that came out so far.

    ``unseen`` has how many of these have a category that training has not seen, by column; None where the graph does
    not know. ``sampled`` are rows for the sample of a large night.
    """

    spec: ModelSpec
    plan: Plan
    graph: OnnxGraph
    profile: Profile
    counts: dict[str, Int64s] = field(default_factory=dict)
    moments: dict[str, Moments] = field(default_factory=dict)
    unseen: dict[str, int] | None = None
    sampled: list[pa.RecordBatch] = field(default_factory=list)

    def score_shard(self, shard: Shard, stores: Stores) -> Iterator[pa.RecordBatch]:
        """The shard's predictions, in the order of its rows."""
        threads = cores()
        depth = threads * UNITS_PER_CORE
        units = self._units(shard, stores)
        scored = ordered_map(self.score_unit, units, threads, depth, self.graph.stop)
        for unit in scored:
            self._add(unit.counts)
            self._merge(unit.moments)
            self.unseen = added(self.unseen, unit.unseen)
            if unit.sample is not None:
                self.sampled.append(unit.sample)
            yield unit.predictions

    def _units(self, shard: Shard, stores: Stores) -> Iterator[pa.RecordBatch]:
        for batch in self.read(shard, stores):
            yield from cut(batch)

    def _add(self, counts: dict[str, Int64s]) -> None:
        for column, of_unit in counts.items():
            before = self.counts.get(column, 0)
            self.counts[column] = before + of_unit

    def _merge(self, moments: dict[str, Moments]) -> None:
        for column, of_unit in moments.items():
            before = self.moments.get(column)
            self.moments[column] = before.plus(of_unit) if before else of_unit

    def read(self, shard: Shard, stores: Stores) -> Iterator[pa.RecordBatch]:
        """The columns that are needed, row group by row group, some ahead; strings as dictionaries."""
        needed = self._columns()
        source = stores.lake.source(shard)
        footer = source.open().metadata
        present = footer.schema.names
        self._check_columns(needed, present)
        columns = [*needed, *self._sampled_columns(needed, present)]
        texts = [name for name in columns if self._is_text(name)]

        def read_group(index: int) -> list[pa.RecordBatch]:
            file = source.open(texts, footer)
            batches = iter_row_groups(file, columns, index, index + 1)
            return list(batches)

        groups = range(shard.first, shard.last)
        row_groups = ordered_map(read_group, groups, READERS, GROUPS_AHEAD)
        for batches in row_groups:
            yield from batches

    def _columns(self) -> list[str]:
        """Keys, features, and what the profile counts besides: each once."""
        predicted = label_type(self.spec).drift_column
        needed = [*self.spec.keys, *self.spec.features]
        for feature in self.profile.features:
            if feature.name != predicted:
                needed.append(feature.name)
        once = dict.fromkeys(needed)
        return list(once)

    def _sampled_columns(self, needed: list[str], present: list[str]) -> list[str]:
        """What only a sample has: the night's drift is told by slices, too."""
        if not has_sample(self.plan):
            return []
        wanted = [*self.spec.drift.features, *self.spec.gates.slices]
        return [name for name in dict.fromkeys(wanted) if name in present and name not in needed]

    def _is_text(self, name: str) -> bool:
        column = self.spec.columns.get(name)
        if column is None:
            return False
        return not column.numeric

    def _check_columns(self, needed: list[str], present: list[str]) -> None:
        missing = [name for name in needed if name not in present]
        if missing:
            night = f"{self.spec.name} {self.plan.partition}"
            version = self.plan.pin.version
            columns = ", ".join(missing)
            gone = [name for name in missing if name not in self.spec.columns]
            if gone:
                # To make the night anew brings the columns of model.yaml, and these are none.
                raise SchemaMismatch(
                    f"version {version} needs {columns}; model.yaml has no column {', '.join(gone)} any more",
                    fix=how_to_follow_columns(self.spec, gone[0]),
                )
            raise SchemaMismatch(
                f"version {version} needs {columns}, which validated {night} lacks",
                fix=f"nightshift ingest {night}; nightshift validate {night}",
            )

    def score_unit(self, rows: pa.RecordBatch) -> ScoredUnit:
        """What some rows become."""
        label = label_type(self.spec)
        pin = self.plan.pin
        scores = self.graph.score(rows)
        columns = [
            *(rows.column(key) for key in self.spec.keys),
            *label.published_columns(scores),
            _constant(pin.version, rows.num_rows),
            _constant(pin.run_id, rows.num_rows),
        ]
        published = with_dictionaries(schema(self.spec))
        predictions = pa.record_batch(columns, schema=published)
        counted = dict(zip(rows.schema.names, rows.columns, strict=True))
        counted[label.drift_column] = predictions[label.drift_column]
        counts = self.profile.count(counted)
        moments = self.profile.moments(counted)
        return ScoredUnit(
            predictions,
            counts,
            moments,
            self.graph.unseen(rows),
            self._sample(rows, predictions),
        )

    def _sample(self, rows: pa.RecordBatch, predictions: pa.RecordBatch) -> pa.RecordBatch | None:
        """Those of the rows that may be in the night's sample, with their scores; None for a small night."""
        if not has_sample(self.plan):
            return None
        places = drawn(self.plan, rows.select(list(self.spec.keys)))
        published = [column.name for column in label_type(self.spec).published_fields()]
        names = [*rows.schema.names, *published]
        columns = [*rows.columns, *predictions.select(published).columns]
        return taken(pa.record_batch(columns, names=names), places)


def added(one: dict[str, int] | None, other: dict[str, int] | None) -> dict[str, int] | None:
    """Two counts as one; of two parts of a night that are scored by one graph, both know or neither does."""
    if one is None or other is None:
        return other if one is None else one
    return dict(Counter(one) + Counter(other))


def how_to_follow_columns(spec: ModelSpec, column: str) -> str:
    """What to do about a version that knows columns which model.yaml has no more: keep the name, or train anew."""
    name = spec.name
    return (
        f"give the column its name of before in model.yaml, {column}, with source: for its name in the data;"
        f" or nightshift load {name} FIRST LAST for the nights of a training, then nightshift train {name} NIGHT"
    )


def cut(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    """The units of a batch, as the threads of an engine get them."""
    starts = range(0, batch.num_rows, UNIT_ROWS)
    for start in starts:
        yield batch.slice(start, UNIT_ROWS)


def _constant(value: str, rows: int) -> pa.DictionaryArray:
    indices = np.zeros(rows, np.int32)
    return pa.DictionaryArray.from_arrays(indices, [value])

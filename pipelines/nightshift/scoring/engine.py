"""Arrow batches from S3 through ONNX Runtime, in overlapping stages.

    read ahead (2 threads)  >  feed, score, count (a thread per core)  >  encode (this thread)  >  upload (2 threads)

Every queue between them is bounded, so memory does not grow with rows.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from nightshift.concurrency import cores, ordered_map
from nightshift.contracts import CanaryPin, Plan, Shard
from nightshift.errors import SchemaMismatch
from nightshift.modelling.arrays import Int64s
from nightshift.modelling.label_types import label_type
from nightshift.profiles.moments import Moments
from nightshift.profiles.profile import Profile
from nightshift.scoring.canary import canary_rows
from nightshift.scoring.graph import OnnxGraph
from nightshift.scoring.sample import drawn, has_sample, taken
from nightshift.scoring.scorer import Scorer, VersionTally, together, unable_canary
from nightshift.scoring.scorer import added as added
from nightshift.scoring.scorer import schema as schema
from nightshift.spec import ModelSpec
from nightshift.stores import Stores
from nightshift.stores.commit import GenerationDraft
from nightshift.stores.parquet_source import iter_row_groups

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


class ScoredUnit(NamedTuple):
    """Predictions for some rows, what the profile counts of these, how many have an unseen category, and a sample.

    Where a canary scores some of them, counts and sample are of the champion's, and ``canary`` counts the others.
    """

    predictions: pa.RecordBatch
    counts: dict[str, Int64s]
    moments: dict[str, Moments]
    unseen: dict[str, int] | None
    sample: pa.RecordBatch | None
    canary: VersionTally | None = None

    @property
    def tally(self) -> VersionTally:
        """What is counted of the champion's rows."""
        others = self.canary.rows if self.canary else 0
        own = self.predictions.num_rows - others
        return VersionTally(
            own,
            self.counts,
            self.moments,
            self.unseen,
        )


@dataclass
class Engine:
    """One shard's stages. ``tally`` counts the rows that came out so far, without those of the canary.

    ``canary`` scores the rows that the plan's hash draws for it, which ``canary_tally`` counts. ``sampled`` are rows
    for the sample of a large night.
    """

    spec: ModelSpec
    plan: Plan
    graph: OnnxGraph
    profile: Profile
    canary: Scorer | None = None
    tally: VersionTally = field(default_factory=VersionTally)
    canary_tally: VersionTally = field(default_factory=VersionTally)
    sampled: list[pa.RecordBatch] = field(default_factory=list)

    def score_shard(self, shard: Shard, stores: Stores) -> Iterator[pa.RecordBatch]:
        """The shard's predictions, in the order of its rows."""
        threads = cores()
        depth = threads * UNITS_PER_CORE
        units = self._units(shard, stores)
        scored = ordered_map(
            self.score_unit,
            units,
            threads,
            depth,
            self._stop,
        )
        for unit in scored:
            self.tally.add(unit.tally)
            if unit.canary is not None:
                self.canary_tally.add(unit.canary)
            if unit.sample is not None:
                self.sampled.append(unit.sample)
            yield unit.predictions

    def _stop(self) -> None:
        self.graph.stop()
        if self.canary is not None:
            self.canary.graph.stop()

    def _units(self, shard: Shard, stores: Stores) -> Iterator[pa.RecordBatch]:
        for batch in self.read(shard, stores):
            yield from cut(batch)

    def read(self, shard: Shard, stores: Stores) -> Iterator[pa.RecordBatch]:
        """The columns that are needed, row group by row group, some ahead; strings as dictionaries."""
        source = stores.lake.source(shard)
        footer = source.open().metadata
        columns = self.columns_of(footer)
        texts = [name for name in columns if self._is_text(name)]

        def read_group(index: int) -> list[pa.RecordBatch]:
            file = source.open(texts, footer)
            batches = iter_row_groups(file, columns, index, index + 1, side_by_side=False)
            return list(batches)

        groups = range(shard.first, shard.last)
        row_groups = ordered_map(read_group, groups, READERS, GROUPS_AHEAD)
        for batches in row_groups:
            yield from batches

    def columns_of(self, footer: pq.FileMetaData) -> list[str]:
        """Those of a night's file that are read. Raises ``SchemaMismatch`` for one that is needed and is not there."""
        needed = self._columns()
        present = footer.schema.names
        self._check_columns(needed, present)
        return [*needed, *self._sampled_columns(needed, present)]

    def _columns(self) -> list[str]:
        """Keys, features, and what the profiles count besides: each once."""
        predicted = label_type(self.spec).drift_column
        needed = [*self.spec.keys, *self.spec.features]
        of_canary = self.canary.profile.features if self.canary else ()
        for feature in (*self.profile.features, *of_canary):
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
            columns_gone = ", ".join(gone)
            if gone:
                # To make the night anew brings the columns of model.yaml, and these are none.
                raise SchemaMismatch(
                    f"version {version} needs {columns}; model.yaml has no column {columns_gone} any more",
                    fix=how_to_follow_columns(self.spec, gone[0]),
                )
            raise SchemaMismatch(
                f"version {version} needs {columns}, which validated {night} lacks",
                fix=f"nightshift ingest {night}; nightshift validate {night}",
            )

    @cached_property
    def _champion(self) -> Scorer:
        return Scorer(self.spec, self.plan.pin, self.graph, self.profile)

    def score_unit(self, rows: pa.RecordBatch) -> ScoredUnit:
        """What some rows become."""
        if self.canary is None or self.plan.canary is None:
            predictions, tally = self._champion.score(rows)
            sample = self._sample(rows, predictions)
            return ScoredUnit(predictions, tally.counts, tally.moments, tally.unseen, sample)
        return self._shared_unit(rows, self.canary, self.plan.canary)

    def _shared_unit(self, rows: pa.RecordBatch, canary: Scorer, pin: CanaryPin) -> ScoredUnit:
        """The same of rows that two share. The sample is of the champion's, like all that is said of it."""
        keys = rows.select(list(self.spec.keys))
        is_canarys = canary_rows(pin, keys)
        own_rows = rows.filter(pa.array(~is_canarys))
        own, tally = self._champion.score(own_rows)
        with unable_canary(canary.pin):
            others, canary_tally = canary.score(rows.filter(pa.array(is_canarys)))
        return ScoredUnit(
            together(is_canarys, own, others),
            tally.counts,
            tally.moments,
            tally.unseen,
            self._sample(own_rows, own),
            canary_tally,
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

"""What one version makes of rows: their predictions, and what its profile counts of them."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from nightshift.contracts import Pin
from nightshift.errors import DamagedFile, DataError, ModelError, UnreadableRecord
from nightshift.modelling.arrays import Booleans, Int64s
from nightshift.modelling.label_types import label_type
from nightshift.profiles.moments import Moments
from nightshift.profiles.profile import Profile
from nightshift.scoring.graph import OnnxGraph
from nightshift.spec import ModelSpec
from nightshift.stores.parquet import with_dictionaries
from nightshift.stores.types import arrow_type


@dataclass
class VersionTally:
    """What is counted of the rows that one version scored: by its profile, and by what its graph has seen.

    ``unseen`` has how many of these have a category that training has not seen, by column; None where the graph does
    not know.
    """

    rows: int = 0
    counts: dict[str, Int64s] = field(default_factory=dict)
    moments: dict[str, Moments] = field(default_factory=dict)
    unseen: dict[str, int] | None = None

    def add(self, other: "VersionTally") -> None:
        """Those of more rows, by the same version."""
        self.rows += other.rows
        for column, more in other.counts.items():
            self.counts[column] = self.counts.get(column, 0) + more
        for column, moments in other.moments.items():
            before = self.moments.get(column)
            self.moments[column] = before.plus(moments) if before else moments
        self.unseen = added(self.unseen, other.unseen)


def added(one: dict[str, int] | None, other: dict[str, int] | None) -> dict[str, int] | None:
    """Two counts as one; of two parts of a night that are scored by one graph, both know or neither does."""
    if one is None or other is None:
        return other if one is None else one
    return dict(Counter(one) + Counter(other))


@dataclass(frozen=True)
class Scorer:
    """One version, opened: ``spec`` decides from its threshold on."""

    spec: ModelSpec
    pin: Pin
    graph: OnnxGraph
    profile: Profile

    def score(self, rows: pa.RecordBatch) -> tuple[pa.RecordBatch, VersionTally]:
        """The predictions of some rows, in their order, and what is counted of them. Raises as the graph does."""
        label = label_type(self.spec)
        count = rows.num_rows
        scores = self.graph.score(rows)
        columns = [
            *(rows.column(key) for key in self.spec.keys),
            *label.published_columns(scores),
            _constant(self.pin.version, count),
            _constant(self.pin.run_id, count),
        ]
        written = with_dictionaries(schema(self.spec))
        predictions = pa.record_batch(columns, schema=written)
        counted = dict(zip(rows.schema.names, rows.columns, strict=True))
        watched = label.drift_column
        counted[watched] = predictions[watched]
        counts, moments = self.profile.tally(counted)
        tally = VersionTally(
            rows=count,
            counts=counts,
            moments=moments,
            unseen=self.graph.unseen(rows),
        )
        return predictions, tally


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


def together(is_others: Booleans, own: pa.RecordBatch, others: pa.RecordBatch) -> pa.RecordBatch:
    """The rows of two as one, in the order that they had before they were parted."""
    places = np.concatenate([np.flatnonzero(~is_others), np.flatnonzero(is_others)])
    order = np.empty(len(places), np.int64)
    order[places] = np.arange(len(places))
    return pa.concat_batches([own, others]).take(pa.array(order))


@contextmanager
def unable_canary(pin: Pin) -> Iterator[None]:
    """What keeps a canary from scoring says its name, and how the champion scores all rows: nobody rolls back for it.

    Raises what it was, ``DamagedFile``, ``DataError``, ``ModelError`` or ``UnreadableRecord``.
    """
    try:
        yield
    except (DamagedFile, DataError, ModelError, UnreadableRecord) as error:
        raise type(error)(
            f"{pin.model}: version {pin.version} cannot score as a canary: {error.message}",
            fix=f"nightshift canary {pin.model} --stop, then score the night again",
        ) from error


def _constant(value: str, rows: int) -> pa.DictionaryArray:
    indices = np.zeros(rows, np.int32)
    return pa.DictionaryArray.from_arrays(indices, [value])

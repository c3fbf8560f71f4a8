"""Rows that were answered by day, as the lake keeps them until a night scores them again: a Parquet file of a version.

Each row has its features as they came, typed as a validated night has them, its keys, and the float32 scores that were
answered. A text that model.yaml calls ``personal`` is kept as its code alone, the index of what training has seen, -1
for all else; a personal key is not kept.
"""

import datetime as dt
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from nightshift.errors import UnreadableRecord
from nightshift.modelling.inputs import MISSING
from nightshift.scoring.graph import OnnxGraph
from nightshift.scoring.values import ColumnValues, as_lake
from nightshift.spec import Column, ModelSpec
from nightshift.stores.records import Record
from nightshift.stores.types import REFUSALS, TIMESTAMP, arrow_type

METADATA = b"nightshift.requests"
UNSEEN = "?"
NO_CODE = -1
FEATURES = "features"
KEYS = "keys"
SCORES = "scores"
REQUEST_ID = "request_id"


class KeptFile(Record):
    """What a file says of its rows: who answered them, by which ``kernels`` (``machine.kernels_here``); ``personal``
    are kept as codes."""

    what = "a file of rows that were answered by day"
    remedy = "delete it: its rows are not scored again"

    format: Literal[1] = 1
    model: str
    version: str
    sha256: str
    personal: tuple[str, ...] = ()
    kernels: str


@dataclass(frozen=True)
class AnsweredRows:
    """The rows of a request: values by column, as they came, and the scores that went back, null for NaN."""

    request_id: str
    arrived: dt.datetime
    rows: int
    columns: Mapping[str, ColumnValues]
    scores: Mapping[str, ColumnValues]


@dataclass(frozen=True)
class KeptColumns:
    """Which columns of a version's rows are kept, and how."""

    spec: ModelSpec
    graph: OnnxGraph

    @property
    def personal(self) -> tuple[str, ...]:
        """The features that are kept as codes."""
        return tuple(name for name in self.graph.feeds.columns if self._column(name).personal)

    @property
    def without_code(self) -> list[str]:
        """Personal features that have none: with one of these no row is kept."""
        known = self.graph.feeds.categories
        return [name for name in self.personal if name not in known]

    def as_table(self, answered: Sequence[AnsweredRows]) -> pa.Table:
        """The rows of requests, in their order. Raises one of ``REFUSALS`` for a value that no night could have."""
        ids = [rows.request_id for rows in answered]
        moments = [rows.arrived for rows in answered]
        sizes = [rows.rows for rows in answered]
        columns = {
            REQUEST_ID: pa.array(np.repeat(ids, sizes), pa.string()),
            "row": pa.array(np.concatenate([np.arange(size, dtype=np.int32) for size in sizes])),
            "arrived_at": pa.array(moments, TIMESTAMP).take(pa.array(np.repeat(np.arange(len(sizes)), sizes))),
            FEATURES: self._all_of(answered, self.graph.feeds.columns, self._feature),
            SCORES: self._all_of(answered, list(answered[0].scores), _scores),
        }
        keys = [name for name in self.spec.keys if not self._column(name).personal]
        if keys:
            columns[KEYS] = self._all_of(answered, keys, self._key)
        return pa.table(columns)

    def as_night(self, kept: pa.Table, personal: Sequence[str]) -> pa.Table:
        """The features of kept rows, as a night would have them: a code is the text that it stands for.

        Raises ``KeyError`` for a feature that is not kept.
        """
        features = kept[FEATURES].combine_chunks()
        columns = {}
        for name in self.graph.feeds.columns:
            values = features.field(name)
            columns[name] = self._text(name, values) if name in personal else values
        return pa.table(columns)

    def _all_of(
        self, answered: Sequence[AnsweredRows], names: Sequence[str], read: Callable[[AnsweredRows, str], pa.Array]
    ) -> pa.StructArray:
        """A field for each name, of the rows of all requests."""
        arrays = []
        for name in names:
            parts = [read(rows, name) for rows in answered]
            arrays.append(pa.concat_arrays(parts))
        return pa.StructArray.from_arrays(arrays, names=list(names))

    def _column(self, name: str) -> Column:
        return self.spec.columns[name]

    def _key(self, rows: AnsweredRows, name: str) -> pa.Array:
        """What a caller sends as a key is not looked at when it is scored, and may be anything."""
        kind = arrow_type(self._column(name))
        values = rows.columns.get(name, [None] * rows.rows)
        try:
            return as_lake(values, self._column(name))
        except REFUSALS:
            return pa.nulls(rows.rows, kind)

    def _feature(self, rows: AnsweredRows, name: str) -> pa.Array:
        column = self._column(name)
        values = rows.columns.get(name, [None] * rows.rows)
        lake = as_lake(values, column)
        return self._codes(name, lake) if column.personal else lake

    def _codes(self, name: str, values: pa.Array) -> pa.Array:
        known = pa.array(self.graph.feeds.categories[name], pa.string())
        places = pc.index_in(pc.fill_null(values, MISSING), value_set=known)
        return pc.fill_null(places, NO_CODE)

    def _text(self, name: str, codes: pa.Array) -> pa.Array:
        known = list(self.graph.feeds.categories[name])
        unseen = UNSEEN
        while unseen in known:
            unseen += UNSEEN
        # A code that is none counts from the end: that is where the text lies that nobody has seen.
        texts = pa.array([*known, unseen], pa.string())
        last = len(known)
        places = pc.if_else(pc.less(codes, 0), last, codes)
        return texts.take(places)


def score_columns(table: pa.Table) -> dict[str, NDArray[np.float32]]:
    """The scores that were answered, by column, NaN for null."""
    scores = table[SCORES].combine_chunks()
    return {field.name: as_floats(scores.field(field.name)) for field in scores.type}


def as_floats(values: pa.Array) -> NDArray[np.float32]:
    """A float32 column as it is, NaN for null, shape (n,)."""
    return np.asarray(values.to_numpy(zero_copy_only=False), np.float32)


def as_parquet(table: pa.Table, kept_file: KeptFile) -> bytes:
    """A file of rows, which says of itself whose they are."""
    buffer = io.BytesIO()
    pq.write_table(table.replace_schema_metadata({METADATA: kept_file.to_json()}), buffer, compression="zstd")
    return buffer.getvalue()


def from_parquet(body: bytes, where: str) -> tuple[pa.Table, KeptFile]:
    """The same read. Raises ``UnreadableRecord``."""
    try:
        table = pq.read_table(pa.BufferReader(body))
    except (pa.ArrowException, OSError) as error:
        raise UnreadableRecord(f"{where} is no Parquet: {error}", fix=KeptFile.remedy) from error
    stored = (table.schema.metadata or {}).get(METADATA)
    if stored is None or not {REQUEST_ID, FEATURES, SCORES} <= set(table.column_names):
        raise UnreadableRecord(f"{where} does not say whose rows it has", fix=KeptFile.remedy)
    return table, KeptFile.from_json(stored, where)


def _scores(rows: AnsweredRows, name: str) -> pa.Array:
    values = [np.nan if value is None else value for value in rows.scores[name]]
    return pa.array(np.array(values, np.float32))

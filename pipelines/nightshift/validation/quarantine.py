"""Rows that breach what drops a row: quarantined with their reasons, the others published."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from nightshift.stores.parquet import with_dictionaries
from nightshift.validation.checks import RowCheck
from nightshift.validation.masks import RowMask
from nightshift.validation.night_checks import UniqueKeys
from nightshift.validation.scan import PartitionReader, texts
from nightshift.validation.uniqueness import DuplicateKeys

REASONS = "reasons"
OFFENDING = "offending"
TEXTS = pa.list_(pa.string())

Breaches = list[tuple[RowCheck | UniqueKeys, RowMask]]
"""Each check that some rows breach, with those rows."""


def schema(night: pa.Schema) -> pa.Schema:
    """The night's columns, why a row is here, and, reason by reason, the offending value as text."""
    reasons = pa.field(REASONS, TEXTS)
    offending = pa.field(OFFENDING, TEXTS)
    return night.append(reasons).append(offending)


@dataclass(frozen=True)
class RowFilter:
    """Tells the rows to drop from those to keep; memory is a chunk's."""

    night: PartitionReader
    checks: list[RowCheck]
    keys: UniqueKeys | None
    repeated: DuplicateKeys

    def kept(self) -> Iterator[pa.RecordBatch]:
        """The rows that breach nothing, in their order."""
        for rows in map(self.night.read, self.night.places):
            breaches = self._breaches(rows)
            keep = ~_any_of(breaches, rows.num_rows)
            yield rows.filter(pa.array(keep))

    def dropped(self) -> Iterator[pa.RecordBatch]:
        """The other rows, in their order, with reasons and offending values."""
        for rows in map(self.night.read, self.night.places):
            breaches = self._breaches(rows)
            yield _with_reasons(rows, breaches)

    def _breaches(self, rows: pa.RecordBatch) -> Breaches:
        breaches: Breaches = []
        for check in self.checks:
            mask = check.breaches(rows)
            if mask is not None:
                breaches.append((check, mask))
        if self.keys is not None:
            keys = rows.select(list(self.keys.columns))
            breaches.append((self.keys, self.repeated.mask(keys)))
        return breaches


def _any_of(breaches: Breaches, rows: int) -> RowMask:
    """Which rows breach something, shape (rows,)."""
    breaching = np.zeros(rows, np.bool_)
    for _, mask in breaches:
        breaching |= mask
    return breaching


def _with_reasons(rows: pa.RecordBatch, breaches: Breaches) -> pa.RecordBatch:
    """The rows that breach something, with one entry in both lists for each check that a row breaches."""
    breaching = _any_of(breaches, rows.num_rows)
    places = np.cumsum(breaching) - 1
    dropped = rows.filter(pa.array(breaching))
    reasons: list[list[str]] = [[] for _ in range(dropped.num_rows)]
    offending: list[list[str]] = [[] for _ in reasons]
    for check, mask in breaches:
        these = rows.filter(pa.array(mask))
        values = texts(these, check.columns)
        for place, value in zip(places[mask], values, strict=True):
            reasons[place].append(check.name)
            offending[place].append(value)
    columns = [
        *dropped.columns,
        pa.array(reasons, TEXTS),
        pa.array(offending, TEXTS),
    ]
    return pa.record_batch(columns, schema=with_dictionaries(schema(dropped.schema)))

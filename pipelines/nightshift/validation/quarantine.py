"""Rows that breach what drops a row: kept aside with their reasons, the others published."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from nightshift.stores.parquet import with_dictionaries
from nightshift.validation.checks import Mask, RowCheck
from nightshift.validation.night_checks import UniqueKeys
from nightshift.validation.scan import PartitionReader, texts
from nightshift.validation.uniqueness import DuplicateKeys

REASONS, OFFENDING = "reasons", "offending"
TEXTS = pa.list_(pa.string())


def schema(night: pa.Schema) -> pa.Schema:
    """The night's columns, why a row is here, and, reason by reason, the offending value as text."""
    return night.append(pa.field(REASONS, TEXTS)).append(pa.field(OFFENDING, TEXTS))


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
            yield rows.filter(pa.array(~self._dropped(rows, self._breaches(rows))))

    def dropped(self) -> Iterator[pa.RecordBatch]:
        """The other rows, in their order, with reasons and offending values."""
        for rows in map(self.night.read, self.night.places):
            breaches = self._breaches(rows)
            yield _explained(rows, breaches, self._dropped(rows, breaches))

    def _breaches(self, rows: pa.RecordBatch) -> list[tuple[RowCheck | UniqueKeys, Mask]]:
        found: list[tuple[RowCheck | UniqueKeys, Mask | None]] = [(c, c.breaches(rows)) for c in self.checks]
        if self.keys is not None:
            found.append((self.keys, self.repeated.among(rows.select(list(self.keys.columns)))))
        return [(check, mask) for check, mask in found if mask is not None]

    def _dropped(self, rows: pa.RecordBatch, breaches: list[tuple[RowCheck | UniqueKeys, Mask]]) -> Mask:
        found = np.zeros(rows.num_rows, np.bool_)
        for _, mask in breaches:
            found |= mask
        return found


def _explained(
    rows: pa.RecordBatch, breaches: list[tuple[RowCheck | UniqueKeys, Mask]], dropped: Mask
) -> pa.RecordBatch:
    """One entry in both lists for each check that a row breaches."""
    place = np.cumsum(dropped) - 1
    reasons: list[list[str]] = [[] for _ in range(int(dropped.sum()))]
    offending: list[list[str]] = [[] for _ in reasons]
    for check, mask in breaches:
        for index, value in zip(place[mask], texts(rows.filter(pa.array(mask)), check.columns), strict=True):
            reasons[index].append(check.name)
            offending[index].append(value)
    kept = rows.filter(pa.array(dropped))
    lists = (pa.array(reasons, TEXTS), pa.array(offending, TEXTS))
    return pa.record_batch([*kept.columns, *lists], schema=with_dictionaries(schema(kept.schema)))

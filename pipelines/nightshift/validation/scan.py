"""One pass over a raw night: every check of the spec, a chunk at a time and side by side, in bounded memory."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from nightshift.concurrency import cores, ordered_map
from nightshift.spec import ModelSpec
from nightshift.stores.lake import Lake, iter_row_groups
from nightshift.stores.manifest import Manifest
from nightshift.validation.checks import Mask, RowCheck, missing
from nightshift.validation.expectations import EXAMPLES, CheckResult
from nightshift.validation.night_checks import RowCount, null_shares, unique_keys
from nightshift.validation.uniqueness import DuplicateKeys, Hashes, key_hashes, repeated

CHUNKS_AHEAD = 2


class PartitionReader:
    """The chunks of a published night: its row groups, file after file; strings as dictionaries."""

    def __init__(self, spec: ModelSpec, manifest: Manifest, lake: Lake) -> None:
        self._lake = lake
        self._columns = list(manifest.columns)
        self._keys = list(spec.keys)
        self._texts = [name for name, column in spec.columns.items() if not column.numeric]
        self._footers = {file.key: lake.open_parquet(file.key).metadata for file in manifest.files}
        self.places = [(key, group) for key, f in self._footers.items() for group in range(f.num_row_groups)]

    def read(self, place: tuple[str, int]) -> pa.RecordBatch:
        """One row group, whole."""
        key, group = place
        file = self._lake.open_parquet(key, self._texts, self._footers[key])
        return _one(iter_row_groups(file, self._columns, group, group + 1))

    def keys(self) -> Iterator[pa.RecordBatch]:
        """The key columns alone, row group after row group, without rows that have no key at all."""
        for key, footer in self._footers.items():
            for batch in iter_row_groups(self._lake.open_parquet(key), self._keys, 0, footer.num_row_groups):
                yield batch.filter(pa.array(_keyed(batch, self._keys)))


@dataclass
class Tally:
    """Rows that breached one check so far, and the first of their values."""

    breached: int = 0
    examples: list[str] = field(default_factory=list)

    def add(self, other: "Tally") -> None:
        """One more chunk, after those before it."""
        self.breached += other.breached
        self.examples = (self.examples + other.examples)[:EXAMPLES]


@dataclass(frozen=True)
class ScanResult:
    """What was found in a night of ``rows`` rows."""

    rows: int
    tallies: list[tuple[RowCheck, Tally]]
    nulls: Counter[str]
    repeated: DuplicateKeys


@dataclass(frozen=True)
class _Seen:
    tallies: list[Tally]
    nulls: Counter[str]
    hashes: Hashes


def survey(spec: ModelSpec, night: PartitionReader, rows: int, checks: list[RowCheck]) -> ScanResult:
    """Look at every row once. Raises ``LakeUnavailable``, ``OutOfSpace``."""
    tallies, nulls = [(check, Tally()) for check in checks], Counter[str]()

    def look(place: tuple[str, int]) -> _Seen:
        return _look(spec, night.read(place), checks)

    def hashes() -> Iterator[Hashes]:
        for seen in ordered_map(look, night.places, cores(), cores() + CHUNKS_AHEAD):
            for (_, tally), more in zip(tallies, seen.tallies, strict=True):
                tally.add(more)
            nulls.update(seen.nulls)
            yield seen.hashes

    return ScanResult(rows, repeated=repeated(hashes(), night.keys, rows), tallies=tallies, nulls=nulls)


def findings(spec: ModelSpec, found: ScanResult, counts: list[RowCount]) -> list[CheckResult]:
    """One finding per check: the number of rows, the keys, then column by column in the spec's order."""
    rows, keys = found.rows, unique_keys(spec)
    return [
        *(CheckResult(check, rows, None, check.holds(rows)) for check in counts),
        CheckResult(keys, rows, found.repeated.rows, not found.repeated.rows),
        *(CheckResult(c, rows, found.nulls[c.column], c.holds(found.nulls[c.column], rows)) for c in null_shares(spec)),
        *(CheckResult(check, rows, t.breached, not t.breached, t.examples) for check, t in found.tallies),
    ]


def _look(spec: ModelSpec, rows: pa.RecordBatch, checks: list[RowCheck]) -> _Seen:
    nulls = Counter({s.column: int(missing(rows.column(s.column)).sum()) for s in null_shares(spec)})
    keys = rows.select(list(spec.keys))
    hashes = key_hashes(keys)[_keyed(keys, list(spec.keys))]
    return _Seen([_tally(check, rows) for check in checks], nulls, hashes)


def _tally(check: RowCheck, rows: pa.RecordBatch) -> Tally:
    found = check.breaches(rows)
    return Tally() if found is None else Tally(int(found.sum()), _examples(check, rows, found))


def _examples(check: RowCheck, rows: pa.RecordBatch, found: Mask) -> list[str]:
    # A missing value has nothing to show.
    few = pa.array(np.flatnonzero(found)[:EXAMPLES])
    return [] if check.kind == "null" else texts(rows.take(few), check.columns)


def texts(rows: pa.RecordBatch, columns: tuple[str, ...]) -> list[str]:
    """The values of some columns, row by row, as people read them."""
    values = (rows.column(name).to_pylist() for name in columns)
    return [" and ".join("null" if value is None else str(value) for value in row) for row in zip(*values, strict=True)]


def _keyed(rows: pa.RecordBatch, keys: list[str]) -> Mask:
    """Which rows have at least a part of a key: Great Expectations compares no others."""
    there = np.zeros(rows.num_rows, np.bool_)
    for name in keys:
        there |= np.asarray(rows.column(name).is_valid())
    return there


def _one(batches: Iterator[pa.RecordBatch]) -> pa.RecordBatch:
    found = list(batches)
    return found[0] if len(found) == 1 else pa.Table.from_batches(found).combine_chunks().to_batches()[0]

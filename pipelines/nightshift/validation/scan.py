"""One pass over a raw night: every check of the spec, a chunk at a time and side by side, in bounded memory."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from nightshift.concurrency import cores, ordered_map
from nightshift.spec import ModelSpec
from nightshift.stores.key_hashes import Hashes, key_hashes
from nightshift.stores.lake import Lake
from nightshift.stores.manifest import Manifest
from nightshift.stores.parquet_source import iter_row_groups
from nightshift.validation.checks import RowCheck
from nightshift.validation.masks import RowMask, missing
from nightshift.validation.night_checks import NullShare, RowCount, UniqueKeys, null_shares, unique_keys
from nightshift.validation.results import EXAMPLES, CheckResult
from nightshift.validation.uniqueness import DuplicateKeys, repeated

CHUNKS_AHEAD = 2


class PartitionReader:
    """The chunks of a published night: its row groups, file after file; strings as dictionaries."""

    def __init__(self, spec: ModelSpec, manifest: Manifest, lake: Lake) -> None:
        self._columns = list(manifest.columns)
        self._keys = list(spec.keys)
        self._texts = [name for name, column in spec.columns.items() if not column.numeric]
        self._sources = {file.key: lake.source(file, wholly=True) for file in manifest.files}
        self._footers = {key: source.open().metadata for key, source in self._sources.items()}
        self.places = list(self._row_groups())

    def _row_groups(self) -> Iterator[tuple[str, int]]:
        for key, footer in self._footers.items():
            for group in range(footer.num_row_groups):
                yield key, group

    def read(self, place: tuple[str, int]) -> pa.RecordBatch:
        """One row group, whole."""
        key, group = place
        footer = self._footers[key]
        file = self._sources[key].open(self._texts, footer)
        batches = iter_row_groups(file, self._columns, group, group + 1)
        return _combined(list(batches))

    def table(self) -> pa.Table:
        """The whole night, for one that is small: as it lies there, texts as texts."""
        tables = []
        for key, footer in self._footers.items():
            file = self._sources[key].open(footer=footer)
            schema = pa.schema([file.schema_arrow.field(name) for name in self._columns])
            batches = iter_row_groups(file, self._columns, 0, footer.num_row_groups)
            tables.append(pa.Table.from_batches(batches, schema))
        return pa.concat_tables(tables)

    def keys(self) -> Iterator[pa.RecordBatch]:
        """The key columns alone, row group after row group, without rows that have no key at all."""
        for key, footer in self._footers.items():
            file = self._sources[key].open()
            for batch in iter_row_groups(file, self._keys, 0, footer.num_row_groups):
                has_key = _has_key(batch, self._keys)
                yield batch.filter(pa.array(has_key))


@dataclass
class Tally:
    """Rows that breached one check so far, and the first of their values."""

    breached: int = 0
    examples: list[str] = field(default_factory=list)

    def add(self, other: "Tally") -> None:
        """One more chunk, after those before it."""
        self.breached += other.breached
        examples = self.examples + other.examples
        self.examples = examples[:EXAMPLES]


@dataclass(frozen=True)
class ScanResult:
    """What was found in a night of ``rows`` rows."""

    rows: int
    tallies: list[tuple[RowCheck, Tally]]
    nulls: Counter[str]
    repeated: DuplicateKeys


@dataclass(frozen=True)
class _ChunkScan:
    tallies: list[Tally]
    nulls: Counter[str]
    hashes: Hashes


def survey(spec: ModelSpec, night: PartitionReader, rows: int, checks: list[RowCheck]) -> ScanResult:
    """Look at every row once. Raises ``LakeUnavailable``, ``OutOfSpace``."""
    tallies = [(check, Tally()) for check in checks]
    nulls: Counter[str] = Counter()

    def scan(place: tuple[str, int]) -> _ChunkScan:
        chunk = night.read(place)
        return _scan_chunk(spec, chunk, checks)

    def hashes() -> Iterator[Hashes]:
        threads = cores()
        for chunk in ordered_map(scan, night.places, threads, threads + CHUNKS_AHEAD):
            for (_, tally), chunk_tally in zip(tallies, chunk.tallies, strict=True):
                tally.add(chunk_tally)
            nulls.update(chunk.nulls)
            yield chunk.hashes

    duplicates = repeated(hashes(), night.keys, rows)
    return ScanResult(rows, tallies, nulls, duplicates)


def findings(spec: ModelSpec, scan: ScanResult, counts: list[RowCount]) -> list[CheckResult]:
    """One result per check: the number of rows, the keys, then column by column in the spec's order."""
    rows = scan.rows
    results = [CheckResult(count, rows, breached=None, success=count.holds(rows)) for count in counts]
    results.append(_of_keys(unique_keys(spec), scan))
    for share in null_shares(spec):
        results.append(_of_nulls(share, scan))
    for check, tally in scan.tallies:
        results.append(_of_tally(check, rows, tally))
    return results


def _of_keys(keys: UniqueKeys, scan: ScanResult) -> CheckResult:
    repeated_rows = scan.repeated.rows
    return CheckResult(
        keys,
        scan.rows,
        breached=repeated_rows,
        success=not repeated_rows,
    )


def _of_nulls(share: NullShare, scan: ScanResult) -> CheckResult:
    nulls = scan.nulls[share.column]
    return CheckResult(
        share,
        scan.rows,
        breached=nulls,
        success=share.holds(nulls, scan.rows),
    )


def _of_tally(check: RowCheck, rows: int, tally: Tally) -> CheckResult:
    return CheckResult(
        check,
        rows,
        breached=tally.breached,
        success=not tally.breached,
        examples=tally.examples,
    )


def _scan_chunk(spec: ModelSpec, rows: pa.RecordBatch, checks: list[RowCheck]) -> _ChunkScan:
    nulls: Counter[str] = Counter()
    for share in null_shares(spec):
        column = rows.column(share.column)
        nulls[share.column] = int(missing(column).sum())
    key_names = list(spec.keys)
    keys = rows.select(key_names)
    hashes = key_hashes(keys)
    return _ChunkScan(
        tallies=[_tally(check, rows) for check in checks],
        nulls=nulls,
        hashes=hashes[_has_key(keys, key_names)],
    )


def _tally(check: RowCheck, rows: pa.RecordBatch) -> Tally:
    mask = check.breaches(rows)
    if mask is None:
        return Tally()
    breached = int(mask.sum())
    return Tally(breached, _examples(check, rows, mask))


def _examples(check: RowCheck, rows: pa.RecordBatch, mask: RowMask) -> list[str]:
    # A missing value has nothing to show.
    if check.kind == "null":
        return []
    first = np.flatnonzero(mask)[:EXAMPLES]
    examples = rows.take(pa.array(first))
    return texts(examples, check.columns)


def texts(rows: pa.RecordBatch, columns: tuple[str, ...]) -> list[str]:
    """The values of some columns, row by row, as people read them."""
    values = [rows.column(name).to_pylist() for name in columns]
    lines = []
    for row in zip(*values, strict=True):
        words = [_text(value) for value in row]
        lines.append(" and ".join(words))
    return lines


def _text(value: object) -> str:
    return "null" if value is None else str(value)


def _has_key(rows: pa.RecordBatch, keys: list[str]) -> RowMask:
    """Which rows have at least a part of a key: Great Expectations compares no others."""
    has_key = np.zeros(rows.num_rows, np.bool_)
    for name in keys:
        is_there = rows.column(name).is_valid()
        has_key |= np.asarray(is_there)
    return has_key


def _combined(batches: list[pa.RecordBatch]) -> pa.RecordBatch:
    if len(batches) == 1:
        return batches[0]
    table = pa.Table.from_batches(batches)
    combined = table.combine_chunks()
    return combined.to_batches()[0]

"""Which rows of a night repeat a key, in memory that does not grow with the night.

Rows are told apart by a 64-bit hash of their keys, spread over files on disk by its first bits, and
each file is sorted by itself. Two keys may share a hash (among 50,000,000 once in 15,000 nights), so
hashes seen twice are looked at again by the keys themselves: the answer is exact.
"""

import math
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from typing import IO, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from nightshift.errors import OutOfSpace

Hashes = NDArray[np.uint64]
BUCKET_ROWS = 2_000_000
NULL = np.uint64(0x9E3779B97F4A7C15)


class DuplicateKeys:
    """The keys that more than one row has, and which rows have them."""

    def __init__(self, hashes: Hashes, suspects: pa.Table) -> None:
        names = [f"key {index}" for index in range(suspects.num_columns)]
        groups = suspects.rename_columns(names).group_by(names)
        counted = groups.aggregate([([], "count_all")])
        is_repeated = pc.greater(counted["count_all"], 1)
        duplicates = counted.filter(is_repeated)
        rows = pc.sum(duplicates["count_all"]).as_py()
        self.rows = int(rows or 0)
        self.beyond_the_first: int = self.rows - duplicates.num_rows
        self._hashes = hashes
        self._keys = set(_tuples(duplicates.select(names)))

    def mask(self, keys: pa.RecordBatch) -> NDArray[np.bool_]:
        """Which of some rows have a repeated key, shape (rows,)."""
        if not self._keys:
            return np.zeros(keys.num_rows, np.bool_)
        mask = np.isin(key_hashes(keys), self._hashes)
        places = np.flatnonzero(mask)
        suspects = keys.take(pa.array(places))
        mask[places] = [key in self._keys for key in _tuples(suspects)]
        return mask


def repeated_rows(read: Callable[[], Iterable[pa.RecordBatch]], rows: int) -> int:
    """Rows whose key another row before them has. ``read`` gives the key columns, and may be called twice.

    Raises ``OutOfSpace`` when the disk has no room for 8 bytes a row.
    """
    hashes = (key_hashes(batch) for batch in read())
    duplicates = repeated(hashes, read, rows)
    return duplicates.beyond_the_first


def repeated(
    hashes: Iterable[Hashes],
    read: Callable[[], Iterable[pa.RecordBatch]],
    rows: int,
) -> DuplicateKeys:
    """Which keys are there more than once, by the ``hashes`` of all rows; ``read`` is called where some agree.

    Raises ``OutOfSpace``.
    """
    buckets = max(1, math.ceil(rows / BUCKET_ROWS))
    twice = _seen_twice(hashes, buckets)
    suspects = []
    for batch in read() if twice.size else ():
        is_suspect = np.isin(key_hashes(batch), twice)
        suspects.append(batch.filter(pa.array(is_suspect)))
    if not suspects:
        no_keys = pa.table({"key": pa.array([], pa.int8())})
        return DuplicateKeys(twice, no_keys)
    return DuplicateKeys(twice, pa.Table.from_batches(suspects))


def _tuples(keys: "pa.Table | pa.RecordBatch") -> Iterator[tuple[Any, ...]]:
    columns = [keys.column(name).to_pylist() for name in keys.schema.names]
    return zip(*columns, strict=True)


def key_hashes(keys: pa.RecordBatch) -> Hashes:
    """A hash of each row over all its columns, shape (n,)."""
    row_hashes = np.zeros(keys.num_rows, np.uint64)
    for column in keys.columns:
        nulls = column.is_null().to_numpy(zero_copy_only=False)
        # A null equals a null here, as in a GROUP BY, and neither 0 nor "".
        column_hashes = np.where(nulls, NULL, _column_hashes(column))
        row_hashes = _mixed(np.bitwise_xor(row_hashes, column_hashes))
    return row_hashes


def _column_hashes(column: pa.Array) -> Hashes:
    from pandas.util import hash_array

    if pa.types.is_dictionary(column.type):
        return _dictionary_hashes(column)
    if pa.types.is_decimal(column.type):
        column = column.cast(pa.string())
    if pa.types.is_string(column.type):
        texts = column.to_numpy(zero_copy_only=False)
        return np.asarray(hash_array(texts, categorize=True), np.uint64)
    numbers = _countable(column).fill_null(0).to_numpy(zero_copy_only=False)
    return np.asarray(hash_array(np.array(numbers)), np.uint64)


def _dictionary_hashes(column: pa.Array) -> Hashes:
    distinct = column.dictionary
    # One more place for null, whose hash does not count.
    distinct_hashes = np.append(_column_hashes(distinct), np.uint64(0))
    places = np.asarray(column.indices.fill_null(len(distinct)))
    return np.asarray(distinct_hashes[places])


def _countable(column: pa.Array) -> pa.Array:
    """Truth values, dates and timestamps as the whole numbers they are kept as."""
    if pa.types.is_timestamp(column.type):
        return column.cast(pa.int64())
    if pa.types.is_boolean(column.type):
        return column.cast(pa.int8())
    if pa.types.is_date32(column.type):
        return column.cast(pa.int32())
    return column


def _mixed(values: Hashes) -> Hashes:
    """The finaliser of SplitMix64 (Steele, Lea & Flood, OOPSLA 2014), so that the order of columns counts."""
    values = _shifted_xor(values, 30)
    values = values * np.uint64(0xBF58476D1CE4E5B9)
    values = _shifted_xor(values, 27)
    values = values * np.uint64(0x94D049BB133111EB)
    return _shifted_xor(values, 31)


def _shifted_xor(values: Hashes, bits: int) -> Hashes:
    return values ^ (values >> np.uint64(bits))


def _seen_twice(hashes: Iterable[Hashes], buckets: int) -> Hashes:
    if buckets == 1:
        none = np.empty(0, np.uint64)
        return _twice(np.concatenate([none, *hashes]))
    try:
        with ExitStack() as stack:
            files = [stack.enter_context(tempfile.TemporaryFile(prefix="nightshift-")) for _ in range(buckets)]
            for chunk in hashes:
                _spread(chunk, files)
            twice = [_twice(bucket) for bucket in _read_back(files)]
            return np.concatenate(twice)
    except OSError as error:
        # tempfile.gettempdir() would try to write there, and fail the same.
        raise OutOfSpace(
            f"no room for temporary files: {error}",
            fix="make room in /tmp, or set TMPDIR",
        ) from error


def _spread(hashes: Hashes, files: Sequence[IO[bytes]]) -> None:
    half = np.uint64(32)
    count = np.uint64(len(files))
    buckets = ((hashes >> half) * count) >> half
    order = np.argsort(buckets, kind="stable")
    ordered_hashes = hashes[order]
    ends = np.searchsorted(buckets[order], np.arange(1, len(files)))
    parts = np.split(ordered_hashes, ends)
    for file, part in zip(files, parts, strict=True):
        file.write(part.tobytes())


def _read_back(files: Sequence[IO[bytes]]) -> Iterator[Hashes]:
    for file in files:
        file.seek(0)
        content = file.read()
        yield np.frombuffer(content, np.uint64)


def _twice(hashes: Hashes) -> Hashes:
    ordered = np.sort(hashes)
    later = ordered[1:]
    equals_the_one_before = later == ordered[:-1]
    return np.unique(later[equals_the_one_before])

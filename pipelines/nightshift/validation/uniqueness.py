"""Which rows of a night repeat a key, in memory that does not grow with the night.

Rows are told apart by a 64-bit hash of their keys, spread over files on disk by its first bits, and
each file is sorted by itself. Two keys may share a hash (among 50,000,000 once in 15,000 nights), so
hashes seen twice are looked at again by the keys themselves: the answer is exact.
"""

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
        counted = suspects.rename_columns(names).group_by(names).aggregate([([], "count_all")])
        twice = counted.filter(pc.greater(counted["count_all"], 1))
        self.rows = int(pc.sum(twice["count_all"]).as_py() or 0)
        self.beyond_the_first: int = self.rows - twice.num_rows
        self._hashes = hashes
        self._keys = set(_tuples(twice.select(names)))

    def among(self, keys: pa.RecordBatch) -> NDArray[np.bool_]:
        """Which of some rows have a repeated key, shape (rows,)."""
        found = np.isin(key_hashes(keys), self._hashes) if self._keys else np.zeros(keys.num_rows, np.bool_)
        suspects = np.flatnonzero(found)
        found[suspects] = [key in self._keys for key in _tuples(keys.take(pa.array(suspects)))]
        return found


def repeated_rows(read: Callable[[], Iterable[pa.RecordBatch]], rows: int) -> int:
    """Rows whose key another row before them has. ``read`` gives the key columns, and may be called twice.

    Raises ``OutOfSpace`` when the disk has no room for 8 bytes a row.
    """
    hashes = (key_hashes(batch) for batch in read())
    return repeated(hashes, read, rows).beyond_the_first


def repeated(hashes: Iterable[Hashes], read: Callable[[], Iterable[pa.RecordBatch]], rows: int) -> DuplicateKeys:
    """Which keys are there more than once, by the ``hashes`` of all rows; ``read`` is called where some agree.

    Raises ``OutOfSpace``.
    """
    twice = _seen_twice(hashes, buckets=max(1, -(-rows // BUCKET_ROWS)))
    batches = read() if twice.size else ()
    suspects = [batch.filter(pa.array(np.isin(key_hashes(batch), twice))) for batch in batches]
    return DuplicateKeys(
        twice, pa.Table.from_batches(suspects) if suspects else pa.table({"key": pa.array([], pa.int8())})
    )


def _tuples(keys: "pa.Table | pa.RecordBatch") -> Iterator[tuple[Any, ...]]:
    return zip(*(keys.column(name).to_pylist() for name in keys.schema.names), strict=True)


def key_hashes(keys: pa.RecordBatch) -> Hashes:
    """A hash of each row over all its columns, shape (n,)."""
    found = np.zeros(keys.num_rows, np.uint64)
    for column in keys.columns:
        nulls = column.is_null().to_numpy(zero_copy_only=False)
        # A null equals a null here, as in a GROUP BY, and neither 0 nor "".
        found = _mixed(np.bitwise_xor(found, np.where(nulls, NULL, _column_hashes(column))))
    return found


def _column_hashes(column: pa.Array) -> Hashes:
    from pandas.util import hash_array

    if pa.types.is_dictionary(column.type):
        of_value = np.append(_column_hashes(column.dictionary), np.uint64(0))
        return np.asarray(of_value[np.asarray(column.indices.fill_null(len(column.dictionary)))])
    if pa.types.is_decimal(column.type):
        column = column.cast(pa.string())
    if pa.types.is_string(column.type):
        return np.asarray(hash_array(column.to_numpy(zero_copy_only=False), categorize=True), np.uint64)
    return np.asarray(hash_array(np.array(_countable(column).fill_null(0).to_numpy(zero_copy_only=False))), np.uint64)


def _countable(column: pa.Array) -> pa.Array:
    """Truth values, dates and timestamps as the whole numbers they are kept as."""
    kinds = {pa.bool_(): pa.int8(), pa.date32(): pa.int32()}
    if pa.types.is_timestamp(column.type):
        return column.cast(pa.int64())
    return column.cast(kinds.get(column.type, column.type))


def _mixed(values: Hashes) -> Hashes:
    """The finaliser of SplitMix64 (Steele, Lea & Flood, OOPSLA 2014), so that the order of columns counts."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def _seen_twice(hashes: Iterable[Hashes], buckets: int) -> Hashes:
    if buckets == 1:
        return _twice(np.concatenate([np.empty(0, np.uint64), *hashes]))
    try:
        with ExitStack() as opened:
            files = [opened.enter_context(tempfile.TemporaryFile(prefix="nightshift-")) for _ in range(buckets)]
            for some in hashes:
                _spread(some, files)
            return np.concatenate([_twice(found) for found in _read_back(files)])
    except OSError as error:
        # tempfile.gettempdir() would try to write there, and fail the same.
        raise OutOfSpace(f"no room for temporary files: {error}", fix="make room in /tmp, or set TMPDIR") from error


def _spread(hashes: Hashes, files: Sequence[IO[bytes]]) -> None:
    bucket = ((hashes >> np.uint64(32)) * np.uint64(len(files))) >> np.uint64(32)
    order = np.argsort(bucket, kind="stable")
    ends = np.searchsorted(bucket[order], np.arange(1, len(files)))
    for file, part in zip(files, np.split(hashes[order], ends), strict=True):
        file.write(part.tobytes())


def _read_back(files: Sequence[IO[bytes]]) -> Iterator[Hashes]:
    for file in files:
        file.seek(0)
        yield np.frombuffer(file.read(), np.uint64)


def _twice(hashes: Hashes) -> Hashes:
    ordered = np.sort(hashes)
    return np.unique(ordered[1:][ordered[1:] == ordered[:-1]])

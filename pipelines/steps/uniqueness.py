"""How many rows of a night repeat a key, in memory that does not grow with the night.

Rows are told apart by a 64-bit hash of their keys, spread over files on disk by its first bits, and
each file is sorted by itself. Two keys may share a hash (among 50,000,000 once in 15,000 nights), so
hashes seen twice are looked at again by the keys themselves: the answer is exact.
"""

import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from typing import IO

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pipelines.errors import OutOfSpace

Hashes = NDArray[np.uint64]
BUCKET_ROWS = 2_000_000
NULL = np.uint64(0x9E3779B97F4A7C15)


def repeated_rows(read: Callable[[], Iterable[pa.RecordBatch]], rows: int) -> int:
    """Rows whose key another row before them has. ``read`` gives the key columns, and may be called twice.

    Raises ``OutOfSpace`` when the disk has no room for 8 bytes a row.
    """
    twice = _hashes_seen_twice(read(), buckets=max(1, -(-rows // BUCKET_ROWS)))
    if not twice.size:
        return 0
    suspects = [batch.filter(pa.array(np.isin(key_hashes(batch), twice))) for batch in read()]
    table = pa.Table.from_batches(suspects)
    return int(table.num_rows - table.group_by(table.column_names).aggregate([]).num_rows)


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


def _hashes_seen_twice(batches: Iterable[pa.RecordBatch], buckets: int) -> Hashes:
    if buckets == 1:
        return _twice(np.concatenate([np.empty(0, np.uint64), *(key_hashes(batch) for batch in batches)]))
    try:
        with ExitStack() as opened:
            files = [opened.enter_context(tempfile.TemporaryFile(prefix="nightshift-")) for _ in range(buckets)]
            for batch in batches:
                _spread(key_hashes(batch), files)
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

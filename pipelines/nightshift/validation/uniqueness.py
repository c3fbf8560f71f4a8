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
from nightshift.stores.key_hashes import Hashes, key_hashes

BUCKET_ROWS = 2_000_000


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
    columns = []
    for name in keys.schema.names:
        column = keys.column(name)
        columns.append(column.to_pylist())
    return zip(*columns, strict=True)


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

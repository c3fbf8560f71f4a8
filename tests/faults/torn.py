"""A reader between two generations: the plain file is replaced after its first ``k`` requests, for every ``k``."""

import io
import itertools
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from nightshift.stores import parquet
from tests.faults.world import Judge, Wrong


class Replaced(io.RawIOBase):
    """A file whose bytes are another's from the ``k``-th read on; its size, asked once, stays the first's."""

    def __init__(self, before: bytes, after: bytes, k: int) -> None:
        self._before, self._after, self._k = before, after, k
        self.reads = self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def size(self) -> int:
        return len(self._before)

    def seek(self, offset: int, whence: int = 0) -> int:
        self._position = (0, self._position, len(self._before))[whence] + offset
        return self._position

    def read(self, size: int = -1) -> bytes:
        source = self._before if self.reads < self._k else self._after
        self.reads += 1
        found = source[self._position : self._position + size]
        self._position += len(found)
        return found


def written(table: pa.Table, folder: Path, first_rows: int) -> bytes:
    """As the lake writes it."""
    file = folder / "part.parquet"
    parquet.write(table.to_batches(), table.schema, file, first_rows)
    return file.read_bytes()


def layout(body: bytes) -> list[tuple[int, int]]:
    """Where each column chunk lies, and how long it is."""
    found = pq.ParquetFile(pa.BufferReader(body)).metadata
    chunks = [found.row_group(g).column(c) for g in range(found.num_row_groups) for c in range(found.num_columns)]
    return [(chunk.dictionary_page_offset or chunk.data_page_offset, chunk.total_compressed_size) for chunk in chunks]


def every_tear(judge: Judge, partition: str, before: bytes, after: bytes) -> Counter[str]:
    """Read column by column, a request for each, with the file replaced after each request: what readers got."""
    seen: Counter[str] = Counter()
    for k in itertools.count(1):
        file = Replaced(before, after, k)
        seen[_one(judge, partition, file)] += 1
        if file.reads <= k:
            return seen
    raise AssertionError


def _one(judge: Judge, partition: str, file: Replaced) -> str:
    try:
        opened = pq.ParquetFile(pa.PythonFile(file), pre_buffer=False)
        groups = range(opened.num_row_groups)
        parts = [{n: opened.read_row_group(g, [n])[n] for n in opened.schema_arrow.names} for g in groups]
        judge.version(partition, pa.concat_tables([pa.table(part) for part in parts]))
    except Wrong:
        return "mixed"
    except (OSError, pa.ArrowException):
        return "error"
    return "whole"

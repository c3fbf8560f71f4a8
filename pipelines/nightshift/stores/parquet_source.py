"""Parquet of the lake, read so that no flipped bit and no cut body passes for a night.

A file of up to ``WHOLE_BYTES`` is fetched in one request and held against its digest. A larger one is read a row
group at a time, each page against its checksum. A bit may have flipped on the way: so what does not fit is read
anew before it is an error.
"""

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import pyarrow as pa
import pyarrow.parquet as pq

from nightshift.errors import DamagedFile, LakeUnavailable
from nightshift.s3.client import NoSuchObject
from nightshift.stores import parquet
from nightshift.stores.missing import how_to_make_file, missing_file
from nightshift.stores.objects import READINGS, Objects

WHOLE_BYTES = 32 * 2**20


class StoredFile(Protocol):
    """A file by its digest: of a manifest, of a plan or of a finished shard; ``bytes`` is 0 where it is not known."""

    @property
    def key(self) -> str:
        """Where it lies."""

    @property
    def sha256(self) -> str:
        """Hex digest of its content."""

    @property
    def bytes(self) -> int:
        """Its size."""


@dataclass(frozen=True)
class ParquetSource:
    """A file that may be opened any number of times, by several threads; ``body`` is all of it where it is small."""

    objects: Objects
    key: str
    body: pa.Buffer | None = None

    @cached_property
    def _remote(self) -> Any:
        """Opened once, which asks the store for its size; threads may read it side by side."""
        return self.objects.open(self.key)

    def open(self, dictionaries: Iterable[str] = (), footer: pq.FileMetaData | None = None) -> pq.ParquetFile:
        """The file, to be read row group by row group.

        Raises ``MissingPartition``, ``DamagedFile``, ``LakeUnavailable``. ``dictionaries`` are columns to read as
        such: their values once, and an index per row. A ``footer`` that was read before saves a request.
        """
        for _ in range(READINGS - 1):
            with suppress(DamagedFile):
                return self._opened(dictionaries, footer)
        return self._opened(dictionaries, footer)

    def _opened(self, dictionaries: Iterable[str], footer: pq.FileMetaData | None) -> pq.ParquetFile:
        with reading(self.key):
            try:
                source = self._remote if self.body is None else pa.BufferReader(self.body)
            except NoSuchObject as error:
                raise missing_file(self.objects.uri, self.key) from error
            return pq.ParquetFile(
                source,
                metadata=footer,
                pre_buffer=True,
                read_dictionary=list(dictionaries),
                page_checksum_verification=True,
            )


def source(objects: Objects, file: StoredFile, *, wholly: bool = False) -> ParquetSource:
    """A file, held against its digest: where it is small or, ``wholly``, in any case. Raises as ``open`` of it."""
    if not 0 < file.bytes <= WHOLE_BYTES:
        if wholly:
            require_intact(objects, file)
        return ParquetSource(objects, file.key)
    return ParquetSource(objects, file.key, pa.py_buffer(read_whole(objects, file)))


def read_whole(objects: Objects, file: StoredFile) -> bytes:
    """The content of a file. Raises ``MissingPartition``, ``DamagedFile``, ``LakeUnavailable``."""
    for _ in range(READINGS):
        stored = objects.get(file.key)
        if stored is None:
            raise missing_file(objects.uri, file.key)
        body, _ = stored
        if hashlib.sha256(body).hexdigest() == file.sha256:
            return body
    raise _damaged(f"{objects.uri}/{file.key}", "its digest is another", how_to_make_file(file.key))


def is_intact(objects: Objects, file: StoredFile) -> bool:
    """Whether a file is there with the content that its digest names. It is read once, a piece at a time."""
    digest = hashlib.sha256()
    try:
        for piece in objects.pieces(file.key):
            digest.update(piece)
    except NoSuchObject:
        return False
    return digest.hexdigest() == file.sha256


def require_intact(objects: Objects, file: StoredFile) -> None:
    """Raises ``DamagedFile`` when a file has not the content that its digest names, ``MissingPartition`` for none."""
    for _ in range(READINGS):
        if is_intact(objects, file):
            return
    if objects.head(file.key) is None:
        raise missing_file(objects.uri, file.key)
    raise _damaged(f"{objects.uri}/{file.key}", "its digest is another", how_to_make_file(file.key))


def iter_row_groups(
    file: pq.ParquetFile,
    columns: list[str],
    first: int,
    last: int,
    *,
    side_by_side: bool = True,
) -> Iterator[pa.RecordBatch]:
    """Record batches of row groups ``first`` to ``last``, holding one row group at a time.

    Columns are decoded side by side, by threads of Arrow's, unless the caller has threads of its own for row groups.
    Raises ``LakeUnavailable``, ``DamagedFile``.
    """
    for group in range(first, last):
        yield from _row_group(file, columns, group, side_by_side)


def _row_group(file: pq.ParquetFile, columns: list[str], group: int, side_by_side: bool) -> list[pa.RecordBatch]:
    for reading_number in range(1, READINGS + 1):
        try:
            with reading(f"row group {group}"):
                batches = file.iter_batches(
                    row_groups=[group],
                    columns=columns,
                    batch_size=parquet.ROW_GROUP_ROWS,
                    use_threads=side_by_side,
                )
                return list(batches)
        except DamagedFile:
            if reading_number == READINGS:
                raise
    return []


@contextmanager
def reading(what: str) -> Iterator[None]:
    """Arrow reads inside; a store that stops answering is our error, and so are bytes that are no Parquet."""
    try:
        yield
    except pa.ArrowInvalid as error:
        raise _damaged(what, str(error), None) from error
    except OSError as error:
        if _is_of_the_network(error):
            raise LakeUnavailable(
                f"S3 stopped answering while reading {what}: {error}", fix="nightshift status"
            ) from error
        raise _damaged(what, str(error), None) from error


def _is_of_the_network(error: OSError) -> bool:
    # Arrow says of a bad page, too, that it is an OSError, but never with a number or the word of the S3 client.
    return error.errno is not None or "AWS Error" in str(error)


def _damaged(what: str, why: str, remedy: str | None) -> DamagedFile:
    first_line, *_ = why.splitlines() or [""]
    return DamagedFile(
        f"{what} is not as it was written: {first_line}",
        fix=f"make it anew: {remedy}" if remedy else "make the night that it belongs to anew",
    )

"""How much a Parquet file may hold: held against what it says of itself, before its rows are in memory.

Compressed, a text of fifty megabytes in every row takes three kilobytes, and so do millions of equal rows.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from nightshift.errors import SchemaMismatch, SourceUnreadable
from nightshift.settings import MAX_GROUP_BYTES

HARMLESS_BYTES = 2**26
WIDTHS = {"BOOLEAN": 1, "INT32": 4, "FLOAT": 4, "INT64": 8, "DOUBLE": 8, "INT96": 12}
TEXT = "BYTE_ARRAY"


@dataclass(frozen=True)
class Limits:
    """``texts``: bytes of the longest text by the source's name of a column; ``group_bytes``: of a row group."""

    texts: Mapping[str, int] = field(default_factory=dict)
    group_bytes: int = MAX_GROUP_BYTES


NO_MORE = Limits()
"""Where no spec says how long texts are."""


@dataclass(frozen=True)
class ParquetOnDisk:
    """A file by its footer; ``open`` opens it anew."""

    uri: str
    metadata: Any
    open: Callable[[], Any]


def require_bounded(
    file: ParquetOnDisk,
    columns: Sequence[str],
    limits: Limits,
    groups: Iterable[int] | None = None,
) -> None:
    """Look at the footer of a Parquet file and, of texts that are kept once for many rows, at how long they are.

    ``groups`` are the row groups that will be read, all of them where none are named.
    Raises ``SchemaMismatch`` for a text that is too long, ``SourceUnreadable`` for a row group that is too large.
    """
    metadata = file.metadata
    places = {}
    for place in range(metadata.num_columns):
        top, *_ = metadata.schema.column(place).path.split(".")
        if top in columns:
            places[place] = top
    for group in range(metadata.num_row_groups) if groups is None else groups:
        _require_bounded_group(file, group, places, limits)


def _require_bounded_group(file: ParquetOnDisk, group: int, places: Mapping[int, str], limits: Limits) -> None:
    metadata = file.metadata
    size = 0
    for place, name in places.items():
        chunk = metadata.row_group(group).column(place)
        size += _least_bytes(chunk, metadata.schema.column(place).length)
        repeats = chunk.physical_type == TEXT and chunk.has_dictionary_page
        if repeats and chunk.num_values * chunk.total_uncompressed_size > HARMLESS_BYTES:
            size += _text_bytes(file, group, name, limits)
        if size > limits.group_bytes:
            raise SourceUnreadable(
                f"{file.uri} cannot be read: row group {group} has {size:,} bytes or more once it is unpacked,"
                f" allowed {limits.group_bytes:,}",
                fix="write it with smaller row groups; or, with room for it, raise NIGHTSHIFT_MAX_GROUP_BYTES",
            )


def _least_bytes(chunk: Any, length: int) -> int:
    """What the values of a column take at least: as the file has them, or each in its width."""
    width = WIDTHS.get(chunk.physical_type, max(length, 1))
    unpacked: int = chunk.num_values * width
    return max(int(chunk.total_uncompressed_size), unpacked)


def _text_bytes(file: ParquetOnDisk, group: int, name: str, limits: Limits) -> int:
    """What the texts of a column take in all rows, read as a list of different ones and a place for each row."""
    import pyarrow.parquet as pq

    size = 0
    with file.open() as opened:
        parquet = pq.ParquetFile(opened, metadata=file.metadata, read_dictionary=[name])
        for batch in parquet.iter_batches(row_groups=[group], columns=[name], batch_size=2**16):
            values = batch.column(0)
            if not pa.types.is_dictionary(values.type):
                return 0
            lengths = pc.binary_length(values.dictionary)
            require_short(pc.max(lengths).as_py(), limits.texts.get(name), f"{file.uri}: column {name}")
            size += pc.sum(pc.take(lengths, values.indices)).as_py() or 0
            if size > limits.group_bytes:
                return size
    return size


def require_short(length: int | None, most: int | None, what: str) -> None:
    """Raises ``SchemaMismatch`` for a text of so many bytes."""
    if length is not None and most is not None and length > most:
        raise SchemaMismatch(
            f"{what} has a text of {length:,} bytes, allowed {most:,}",
            fix="mend the source, or give the column max_length in model.yaml",
        )

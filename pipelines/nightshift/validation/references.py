"""The lists of values that a night's columns refer to: Parquet or CSV, beside model.yaml or anywhere."""

from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from nightshift.errors import SchemaMismatch, SpecError
from nightshift.settings import Settings
from nightshift.spec import ModelSpec, Reference
from nightshift.stores.objects import Objects

if TYPE_CHECKING:
    from nightshift.stores import Stores


def read(spec: ModelSpec, stores: "Stores") -> dict[str, pa.Array]:
    """The values that each reference allows, by the column that refers to them.

    Raises ``SpecError`` for a file that is not there or has no such column, ``SchemaMismatch`` for values of
    another type, ``LakeUnavailable``.
    """
    return {reference.column: _values(spec, reference, stores.settings) for reference in spec.night.references}


def _values(spec: ModelSpec, reference: Reference, settings: Settings) -> pa.Array:
    from nightshift.stores.parquet import schema_of

    where = f"{spec.name}: night.references: {reference.file}"
    table = _table(reference, settings, settings.models / spec.name, where)
    if reference.key not in table.column_names:
        raise SpecError(f"{where} has no column {reference.key}; it has {', '.join(table.column_names)}")
    kind = schema_of(spec.columns).field(reference.column).type
    try:
        return table[reference.key].combine_chunks().cast(kind).unique().drop_null()
    except pa.ArrowInvalid as error:
        raise SchemaMismatch(f"{where}: {reference.key} is not {kind}: {error}", fix="mend the file") from error


def _table(reference: Reference, settings: Settings, folder: Path, where: str) -> pa.Table:
    import pyarrow.csv as csv
    import pyarrow.parquet as pq

    bucket, _, key = reference.file.removeprefix("s3://").partition("/")
    remote = reference.file.startswith("s3://")
    try:
        file = Objects(settings, f"s3://{bucket}").open(key) if remote else str(folder / reference.file)
        return csv.read_csv(file) if reference.file.endswith(".csv") else pq.read_table(file)
    except FileNotFoundError as error:
        raise SpecError(f"{where} does not exist", fix="correct the path, or put the file there") from error
    except pa.ArrowInvalid as error:
        raise SpecError(f"{where} cannot be read: {error}", fix="a Parquet or CSV file") from error

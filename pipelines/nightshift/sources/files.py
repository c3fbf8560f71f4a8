"""A night out of Parquet or CSV files: only the files, row groups and columns that it needs."""

import datetime as dt

import pyarrow as pa
import pyarrow.dataset as ds

from nightshift.partitions import parse_partition
from nightshift.settings import Settings
from nightshift.sources.named import WantedColumns
from nightshift.sources.nights import arrived, in_path, rows_of
from nightshift.sources.places import File, find
from nightshift.sources.tables import Table
from nightshift.spec import FilesSource


def read_night(wanted: WantedColumns, source: FilesSource, settings: Settings) -> pa.Table:
    """The rows of the night, file by file in order of their names; an empty table when no file has any.

    Raises ``SourceMissing`` when the pattern matches nothing, ``SourceUnreadable`` and ``SchemaMismatch``
    naming the file, ``LakeUnavailable``.
    """
    night = parse_partition(wanted.partition)
    parts: list[pa.Table] = []
    names: list[str] = []
    awaiting: list[str] = []
    for file in find(source.files, settings):
        if not _may_hold(file, source, night, wanted):
            continue
        table = Table(file)
        if wanted.awaits_label([*table.schema.names, *file.parts]):
            awaiting.append(file.uri)
            continue
        part = _rows(wanted, source, table, night)
        if part is not None:
            parts.append(part)
            names += table.schema.names
    wanted.say_left_out(name for name in names if name != source.column)
    if awaiting and not parts:
        raise wanted.no_label_yet(f"{wanted.spec.name} {wanted.partition}, from {awaiting[0]}")
    return wanted.joined(parts) if parts else pa.table({})


def _may_hold(file: File, source: FilesSource, night: dt.date, wanted: WantedColumns) -> bool:
    partition = wanted.spec.partition
    if source.night == "column":
        return True
    if source.night == "path":
        column = source.column or partition.column
        return in_path(file, column) == night
    return arrived(file, partition.timezone) == night


def _rows(wanted: WantedColumns, source: FilesSource, table: Table, night: dt.date) -> pa.Table | None:
    expression: ds.Expression | None = None
    if source.night == "column":
        partition = wanted.spec.partition
        column = source.column or partition.column
        expression = rows_of(table, column, night, partition.timezone)
        # What other nights look like is not this night's trouble.
        if expression is None or not table.count(expression):
            return None
    return _typed(wanted, table, expression)


def _typed(wanted: WantedColumns, table: Table, expression: ds.Expression | None) -> pa.Table:
    file_columns = table.schema.names
    folders = {name: value for name, value in table.file.parts.items() if name not in file_columns}
    where = f"{wanted.spec.name} {wanted.partition}, from {table.file.uri}"
    wanted.require([*file_columns, *folders], where)
    in_file = {alias: name for alias, name in wanted.names.items() if name not in folders}
    rows = table.read(in_file, expression)
    columns = {}
    for alias, name in wanted.names.items():
        if alias in in_file:
            columns[alias] = rows[alias]
        else:
            columns[alias] = pa.repeat(pa.scalar(folders[name]), rows.num_rows)
    from_path = set(wanted.names) - set(in_file)
    return wanted.fit(columns, where, texts=wanted.names if table.texts else from_path)

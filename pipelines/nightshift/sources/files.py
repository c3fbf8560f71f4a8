"""A night out of Parquet or CSV files: only the files, row groups and columns that it needs."""

import datetime as dt
from collections.abc import Iterator

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
    if source.transform is not None:
        from nightshift.sources.transform import transformed

        rows, texts = _as_they_come(wanted, source, settings)
        file = settings.models / wanted.spec.name / source.transform
        return transformed(wanted, rows, file, texts=texts) if rows.num_rows else rows
    parts: list[pa.Table] = []
    names: list[str] = []
    for table, expression in _of_night(wanted, source, night, settings):
        parts.append(_typed(wanted, table, expression))
        names += table.schema.names
    wanted.say_left_out(name for name in names if name != source.column)
    return wanted.joined(parts) if parts else pa.table({})


def _as_they_come(wanted: WantedColumns, source: FilesSource, settings: Settings) -> tuple[pa.Table, bool]:
    """All columns of the night under the source's names, folders of the path too; and whether numbers are texts."""
    night = parse_partition(wanted.partition)
    parts: list[pa.Table] = []
    texts = False
    for table, expression in _of_night(wanted, source, night, settings):
        names = table.schema.names
        rows = table.read({name: name for name in names}, expression)
        for name, value in table.file.parts.items():
            if name not in names:
                rows = rows.append_column(name, pa.repeat(pa.scalar(value), rows.num_rows))
        texts = texts or table.texts
        parts.append(rows)
    return (wanted.joined(parts) if parts else pa.table({})), texts


def _of_night(
    wanted: WantedColumns, source: FilesSource, night: dt.date, settings: Settings
) -> Iterator[tuple[Table, ds.Expression | None]]:
    """The files that have rows of the night, and what holds for those rows where others are in it too."""
    for file in find(source.files, settings):
        if not _may_hold(file, source, night, wanted):
            continue
        table = Table(file)
        if source.night != "column":
            yield table, None
            continue
        partition = wanted.spec.partition
        expression = rows_of(table, source.column or partition.column, night, partition.timezone)
        # What other nights look like is not this night's trouble.
        if expression is not None and table.count(expression):
            yield table, expression


def _may_hold(file: File, source: FilesSource, night: dt.date, wanted: WantedColumns) -> bool:
    partition = wanted.spec.partition
    if source.night == "column":
        return True
    if source.night == "path":
        column = source.column or partition.column
        return in_path(file, column) == night
    return arrived(file, partition.timezone) == night


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

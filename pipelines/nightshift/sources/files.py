"""A night out of Parquet or CSV files: only the files, row groups and columns that it needs."""

import datetime as dt
from typing import Any

import pyarrow as pa

from nightshift.partitions import parse_partition
from nightshift.settings import Settings
from nightshift.sources.named import WantedColumns
from nightshift.sources.nights import arrived, in_path, rows_of, say_all_nightless
from nightshift.sources.opened import opened
from nightshift.sources.places import find
from nightshift.sources.tables import RowsOfNight, Table
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
        table = opened(file, source.csv)
        if not _may_hold(table, source, night, wanted):
            continue
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


def _may_hold(table: Table, source: FilesSource, night: dt.date, wanted: WantedColumns) -> bool:
    partition = wanted.spec.partition
    if source.night == "column":
        return True
    if source.night == "arrival":
        return arrived(table.file, partition.timezone) == night
    column = source.column or partition.column
    night_of_file = in_path(table.file, column)
    if night_of_file is None:
        say_all_nightless(table, column)
    return night_of_file == night


def _rows(wanted: WantedColumns, source: FilesSource, table: Table, night: dt.date) -> pa.Table | None:
    rows: RowsOfNight | None = None
    if source.night == "column":
        partition = wanted.spec.partition
        column = source.column or partition.column
        rows = rows_of(table, column, night, partition.timezone)
        # What other nights look like is not this night's trouble.
        if rows is None or not table.count(rows):
            return None
    return _typed(wanted, table, rows)


def _typed(wanted: WantedColumns, table: Table, rows: RowsOfNight | None) -> pa.Table:
    file_columns = table.schema.names
    folders = {name: value for name, value in table.file.parts.items() if name not in file_columns}
    where = f"{wanted.spec.name} {wanted.partition}, from {table.file.uri}"
    table.require_once(wanted.names.values())
    present = wanted.present([*file_columns, *folders], where)
    in_file = {alias: name for alias, name in present.items() if name not in folders}
    read = table.read(in_file, rows)
    columns: dict[str, Any] = {}
    for alias, name in present.items():
        if alias in in_file:
            columns[alias] = read[alias]
        else:
            value = pa.scalar(folders[name], pa.string())
            columns[alias] = pa.repeat(value, read.num_rows)
    from_path = set(present) - set(in_file)
    return wanted.fit(columns, where, texts=present if table.texts else from_path)

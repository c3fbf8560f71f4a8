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
    parts, names = [], []
    for file in find(source.files, settings):
        table = Table(file)
        if _may_hold(file, source, night, wanted) and (found := _rows(wanted, source, table, night)) is not None:
            parts.append(found)
            names += table.schema.names
    wanted.say_left_out(name for name in names if name != source.column)
    return wanted.joined(parts) if parts else pa.table({})


def _may_hold(file: File, source: FilesSource, night: dt.date, wanted: WantedColumns) -> bool:
    partition = wanted.spec.partition
    if source.night == "path":
        return in_path(file, source.column or partition.column) == night
    return source.night == "column" or arrived(file, partition.timezone) == night


def _rows(wanted: WantedColumns, source: FilesSource, table: Table, night: dt.date) -> pa.Table | None:
    rows: ds.Expression | None = None
    if source.night == "column":
        partition = wanted.spec.partition
        rows = rows_of(table, source.column or partition.column, night, partition.timezone)
        # What other nights look like is not this night's trouble.
        if rows is None or not table.count(rows):
            return None
    folders = {name: value for name, value in table.file.parts.items() if name not in table.schema.names}
    where = f"{wanted.spec.name} {wanted.partition}, from {table.file.uri}"
    wanted.require([*table.schema.names, *folders], where)
    of_file = {alias: name for alias, name in wanted.names.items() if name not in folders}
    found = table.read(of_file, rows)
    columns = {
        alias: found[alias] if alias in of_file else pa.repeat(pa.scalar(folders[name]), found.num_rows)
        for alias, name in wanted.names.items()
    }
    texts = wanted.names if table.texts else set(wanted.names) - set(of_file)
    return wanted.fit(columns, where, texts)

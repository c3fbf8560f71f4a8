"""A night out of Parquet or CSV files: only the files, row groups and columns that it needs."""

import datetime as dt
from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from nightshift.errors import NoSourceData
from nightshift.partitions import parse_partition
from nightshift.settings import Settings
from nightshift.sources.named import WantedColumns
from nightshift.sources.nights import arrived, in_path, rows_of, say_all_nightless
from nightshift.sources.opened import opened
from nightshift.sources.places import File, find, matching
from nightshift.sources.tables import RowsOfNight, Table
from nightshift.spec import FilesSource


def read_night(wanted: WantedColumns, source: FilesSource, settings: Settings) -> pa.Table:
    """The rows of the night, file by file in order of their names; an empty table when no file has any.

    Raises ``SourceMissing`` when the pattern matches nothing, ``NoSourceData`` where that is one of labels alone,
    ``SourceUnreadable`` and ``SchemaMismatch`` naming the file, ``LakeUnavailable``.
    """
    night = parse_partition(wanted.partition)
    if source.transform is not None:
        from nightshift.sources.transform import transformed

        rows, texts = _as_they_come(wanted, source, settings)
        file = settings.models / wanted.spec.name / source.transform
        commas = texts and source.csv.decimal == ","
        return transformed(wanted, rows, file, texts=texts, commas=commas) if rows.num_rows else rows
    parts: list[pa.Table] = []
    names: list[str] = []
    awaiting: list[str] = []
    read = 0
    for table, rows_of_night in _of_night(wanted, source, night, settings):
        if wanted.rows_left(read) == 0:
            break
        if wanted.awaits_label([*table.schema.names, *table.file.parts]):
            awaiting.append(table.file.uri)
            continue
        part = _typed(wanted, table, rows_of_night, wanted.rows_left(read))
        parts.append(part)
        read += part.num_rows
        names += table.schema.names
    wanted.say_left_out(name for name in names if name != source.column)
    if awaiting and not parts:
        raise wanted.no_label_yet(f"{wanted.spec.name} {wanted.partition}, from {awaiting[0]}")
    return wanted.joined(parts)


def _as_they_come(wanted: WantedColumns, source: FilesSource, settings: Settings) -> tuple[pa.Table, bool]:
    """All columns of the night under the source's names, folders of the path too; and whether numbers are texts."""
    night = parse_partition(wanted.partition)
    parts: list[pa.Table] = []
    texts = False
    read = 0
    for table, rows_of_night in _of_night(wanted, source, night, settings):
        names = table.schema.names
        left = wanted.rows_left(read)
        if left == 0:
            break
        rows = table.read({name: name for name in names}, rows_of_night, left)
        for name, value in table.folders.items():
            folder = pa.scalar(value, pa.string())
            rows = rows.append_column(name, pa.repeat(folder, rows.num_rows))
        texts = texts or table.texts
        parts.append(rows)
        read += rows.num_rows
    return wanted.joined(parts), texts


def _of_night(
    wanted: WantedColumns, source: FilesSource, night: dt.date, settings: Settings
) -> Iterator[tuple[Table, RowsOfNight | None]]:
    """The files that have rows of the night, and which rows where others are in it too."""
    limits = wanted.limits(settings)
    for file in _files(wanted, source, settings):
        table = opened(file, source.csv, limits)
        if not _may_hold(table, source, night, wanted):
            continue
        if source.night != "column":
            yield table, None
            continue
        partition = wanted.spec.partition
        rows = rows_of(table, source.column or partition.column, night, partition.timezone)
        # What other nights look like is not this night's trouble.
        if rows is not None and table.count(rows):
            yield table, rows


def _files(
    wanted: WantedColumns,
    source: FilesSource,
    settings: Settings,
) -> list[File]:
    """The files of the source. That there is none of labels alone yet is no fault, as ``no_label_yet``."""
    if not wanted.is_of_labels_alone:
        return find(source.files, settings)
    files = matching(source.files, settings)
    if not files:
        raise NoSourceData(
            f"{wanted.spec.name} {wanted.partition}: no file matches {source.files} yet: the night has no labels",
            fix="nothing to do until the first file comes; if there are some elsewhere, correct label.source",
        )
    return files


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


def _typed(wanted: WantedColumns, table: Table, rows: RowsOfNight | None, most: int | None) -> pa.Table:
    file_columns = table.schema.names
    folders = table.folders
    where = f"{wanted.spec.name} {wanted.partition}, from {table.file.uri}"
    table.require_once(wanted.names.values())
    present = wanted.present([*file_columns, *folders], where)
    in_file = {alias: name for alias, name in present.items() if name not in folders}
    read = table.read(in_file, rows, most)
    columns: dict[str, Any] = {}
    for alias, name in present.items():
        if alias in in_file:
            columns[alias] = read[alias]
        else:
            value = pa.scalar(folders[name], pa.string())
            columns[alias] = pa.repeat(value, read.num_rows)
    texts = set(present)
    if not table.texts:
        # Folders of the path are texts in any case.
        texts -= set(in_file)
    return wanted.fit(
        columns,
        where,
        texts=texts,
        commas=in_file if table.decimal == "," else (),
    )

"""What lies in the files: columns and their types, which nights, and all rows some at a time, typed."""

import datetime as dt
import difflib
import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

import pyarrow as pa
import pyarrow.compute as pc

from nightshift.authoring.column_types import add_column, guess_types, names_of, remark, require_years
from nightshift.authoring.csv_format import csv_format
from nightshift.errors import UsageError
from nightshift.settings import Settings
from nightshift.sources.named import without_markers
from nightshift.sources.nights import arrived, in_path, of_rows
from nightshift.sources.opened import opened
from nightshift.sources.places import File, find
from nightshift.sources.tables import Table
from nightshift.spec.source import CsvFormat
from nightshift.stores.text_values import without_null_words
from nightshift.stores.types import (
    REFUSALS,
    TIMESTAMP,
    decoded,
    fitted,
)

MOST_ROWS = 5_000_000
# No column of the data is called so.
NIGHT = "\0night"
ARRIVAL = "arrival"
NightBy = Literal["column", "path", "arrival"]


@dataclass
class SourceSummary:
    """Files whose nights are known. ``types`` are by the source's names, the night's own column only if it has times.

    ``needed`` are label and keys; ``partial`` has how many files lack a column, ``nulls`` the texts that mean null in
    it, ``left_out`` why it cannot be used, ``remarks`` what else a person should know of it,
    ``unread`` why its numbers stay texts.
    """

    pattern: str
    tables: list[Table]
    night: NightBy
    column: str
    timezone: str
    csv: CsvFormat = field(default_factory=CsvFormat)
    needed: tuple[str, ...] = ()
    types: dict[str, pa.DataType] = field(default_factory=dict)
    partial: dict[str, int] = field(default_factory=dict)
    nulls: dict[str, tuple[str, ...]] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)
    remarks: dict[str, str] = field(default_factory=dict)
    unread: dict[str, str] = field(default_factory=dict)
    rows: int = 0
    stride: int = 1

    def batches(self, names: Sequence[str], stride: int = 1) -> Iterator[pa.RecordBatch]:
        """Columns under the source's names, and the night (date32, null where there is none) first.

        With a stride only every so manieth batch of a file.
        """
        for table in self.tables:
            columns = self._columns_of(table, names)
            for place, batch in enumerate(table.batches(columns)):
                if place % stride == 0:
                    yield self._typed(table, batch, names)

    def nights(self) -> Counter[dt.date]:
        """Rows of each night, all of them counted; rows without a night under none."""
        rows: Counter[dt.date] = Counter()
        for batch in self.batches([]):
            counts = pc.value_counts(batch.column(0))
            for counted in counts.to_pylist():
                night = counted["values"]
                if night is not None:
                    rows[night] += counted["counts"]
        return rows

    def forget(self, name: str) -> None:
        """Leave out a column of which there is nothing to say."""
        self.types.pop(name, None)
        self.nulls.pop(name, None)
        self.left_out.pop(name, None)

    def require(self, name: str, option: str) -> None:
        """Raise ``UsageError`` for a column that is not there, naming close ones, or that cannot be used."""
        if name in self.left_out:
            raise unusable(name, self.left_out[name])
        if name in self.partial and option == "--keys":
            raise unusable(name, f"{self.partial[name]} of {len(self.tables)} files lack it")
        names = list(self.types)
        if name not in names:
            raise unknown(name, option, names)

    def _columns_of(self, table: Table, names: Sequence[str]) -> dict[str, str]:
        """What to read of a file: one column at least, whose rows are counted."""
        columns = [name for name in names if name in table.schema.names]
        if self.night == "column":
            columns.append(self.column)
        if not columns:
            columns = table.schema.names[:1]
        return {name: name for name in columns}

    def _typed(self, table: Table, batch: pa.RecordBatch, names: Sequence[str]) -> pa.RecordBatch:
        folders = table.folders
        columns = [self._night(table, batch)]
        for name in names:
            as_text = table.texts or name in folders
            if name in folders:
                value = pa.scalar(folders[name], pa.string())
                values = pa.repeat(value, batch.num_rows)
            elif name in table.schema.names:
                values = batch.column(name)
            else:
                values = pa.nulls(batch.num_rows)
            fitting = self._fitted(table, name, values, as_text=as_text)
            columns.append(fitting)
        return pa.record_batch(columns, names=[NIGHT, *names])

    def _fitted(self, table: Table, name: str, values: pa.Array, *, as_text: bool) -> pa.Array:
        """The values typed; nulls of a column that cannot be used, which is left out then."""
        kind = self.types[name]
        decimal = "." if name in table.folders else self.csv.decimal
        try:
            known = without_markers(values, self.nulls.get(name, ()))
            values_typed = fitted(known, kind, self.timezone, as_text=as_text, decimal=decimal)
            require_years(values_typed)
            return values_typed
        except REFUSALS as error:
            why = f"in {table.file.uri} it has values that are no {kind}: {error}"
            if name in self.needed:
                raise unusable(name, why) from error
            self.left_out.setdefault(name, why)
            return pa.nulls(len(values), kind)

    def _night(self, table: Table, batch: pa.RecordBatch) -> pa.Array:
        if self.night != "column":
            night = pa.scalar(night_of(table.file, self), pa.date32())
            return pa.repeat(night, batch.num_rows)
        values = decoded(batch.column(self.column))
        try:
            known = without_null_words(values) if table.texts else values
            return of_rows(known, self.timezone)
        except REFUSALS as error:
            raise UsageError(
                f"{table.file.uri}: column {self.column} says no night: {error}",
                fix="--partition-by a column of dates, a name=date folder of the path, or arrival",
            ) from error


def survey(
    pattern: str,
    partition_by: str,
    timezone: str,
    settings: Settings,
    *,
    label: str = "",
    keys: Sequence[str] = (),
) -> SourceSummary:
    """Open the files and find the types of their columns: as Parquet says, and out of all texts of a CSV.

    Raises ``SourceMissing``, ``SourceUnreadable``, and ``UsageError`` where files contradict each other.
    """
    files = find(pattern, settings)
    csv = csv_format(files)
    tables = [opened(file, csv) for file in files]
    names = [name for name in _all_names(tables) if name]
    night = _night_by(partition_by, tables, names)
    summary = SourceSummary(pattern, tables, night, partition_by, timezone, csv, (label, *keys))
    for name in names:
        remark(summary, name)
        if name != partition_by or night != "path":
            add_column(summary, name)
    if any("" in names_of(table) for table in tables):
        summary.left_out[""] = "it has no name"
    guess_types(summary, keys)
    if night == "column" and summary.types.get(partition_by) != TIMESTAMP:
        summary.forget(partition_by)
    if label in summary.unread:
        raise unusable(label, summary.unread[label])
    summary.rows = sum(table.count_rows() for table in tables)
    summary.stride = max(1, math.ceil(summary.rows / MOST_ROWS))
    return summary


def night_of(file: File, survey: SourceSummary) -> dt.date | None:
    """The night of a whole file, by its path or its arrival; None where the path says null."""
    if survey.night == "path":
        return in_path(file, survey.column)
    return arrived(file, survey.timezone)


def unusable(name: str, why: str) -> UsageError:
    """The error for label or key that cannot be read."""
    return UsageError(
        f"column {name} cannot be used: {why}",
        fix="write it as text, a whole number or another type of docs/your-own-data.md; or name another column",
    )


def unknown(name: str, option: str, names: Sequence[str]) -> UsageError:
    """The error for a name that the data does not have."""
    hint = f"there are: {', '.join(names[:30])}"
    near = difflib.get_close_matches(name, names, n=3)
    if near:
        hint = f"did you mean {', '.join(near)}?"
    fix = f"correct {option}"
    if option == "--label":
        fix += "; labels in a table of their own: join them for the draft, then write label.source"
    return UsageError(
        f"{option}: the data has no column {name!r}; {hint}",
        fix=fix,
    )


def _all_names(tables: list[Table]) -> list[str]:
    names: dict[str, None] = {}
    for table in tables:
        for name in names_of(table):
            names[name] = None
    return list(names)


def _night_by(partition_by: str, tables: list[Table], names: list[str]) -> NightBy:
    if all(partition_by in table.schema.names for table in tables):
        return "column"
    if all(partition_by in table.file.parts for table in tables):
        return "path"
    if partition_by == ARRIVAL:
        return "arrival"
    if partition_by in names:
        raise UsageError(
            f"--partition-by: not every file has {partition_by}",
            fix="narrow --data",
        )
    raise unknown(partition_by, "--partition-by", [*names, ARRIVAL])

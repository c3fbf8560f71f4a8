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

from nightshift.authoring.text_types import TypeGuess
from nightshift.errors import UsageError
from nightshift.settings import Settings
from nightshift.sources.nights import arrived, in_path, of_rows
from nightshift.sources.places import File, find
from nightshift.sources.tables import Table
from nightshift.stores.types import REFUSALS, decoded, fitted, is_text

MOST_ROWS = 5_000_000
ARRIVAL = "arrival"
NightBy = Literal["column", "path", "arrival"]


@dataclass
class SourceSummary:
    """Files whose nights are known. ``types`` are by the source's names, the night's own column left out."""

    pattern: str
    tables: list[Table]
    night: NightBy
    column: str
    timezone: str
    types: dict[str, pa.DataType] = field(default_factory=dict)
    partial: dict[str, int] = field(default_factory=dict)
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

    def require(self, name: str, option: str) -> None:
        """Raise ``UsageError``, naming close ones, for a column that is not there."""
        names = list(self.types)
        if name not in names:
            raise unknown(name, option, names)

    def _columns_of(self, table: Table, names: Sequence[str]) -> dict[str, str]:
        """What to read of a file: one column at least, whose rows are counted."""
        folders = _folders(table)
        columns = [name for name in names if name not in folders]
        if self.night == "column":
            columns.append(self.column)
        if not columns:
            columns = table.schema.names[:1]
        return {name: name for name in columns}

    def _typed(self, table: Table, batch: pa.RecordBatch, names: Sequence[str]) -> pa.RecordBatch:
        folders = _folders(table)
        columns = [self._night(table, batch)]
        for name in names:
            values = pa.repeat(folders[name], batch.num_rows) if name in folders else batch.column(name)
            as_text = table.texts or name in folders
            columns.append(self._fitted(table, name, values, as_text))
        return pa.record_batch(columns, names=["", *names])

    def _fitted(self, table: Table, name: str, values: pa.Array, as_text: bool) -> pa.Array:
        try:
            return fitted(values, self.types[name], self.timezone, as_text=as_text)
        except REFUSALS as error:
            raise UsageError(
                f"{table.file.uri}: column {name} is not {self.types[name]} like in the other files: {error}",
                fix="mend the files, or narrow --data",
            ) from error

    def _night(self, table: Table, batch: pa.RecordBatch) -> pa.Array:
        if self.night != "column":
            night = pa.scalar(night_of(table.file, self), pa.date32())
            return pa.repeat(night, batch.num_rows)
        values = decoded(batch.column(self.column))
        try:
            return of_rows(values, self.timezone)
        except REFUSALS as error:
            raise UsageError(
                f"{table.file.uri}: column {self.column} says no night: {error}",
                fix="--partition-by a column of dates, a name=date folder of the path, or arrival",
            ) from error


def survey(pattern: str, partition_by: str, timezone: str, settings: Settings) -> SourceSummary:
    """Open the files and find the types of their columns: as Parquet says, and out of all texts of a CSV.

    Raises ``SourceMissing``, ``SourceUnreadable``, and ``UsageError`` where files contradict each other.
    """
    tables = [Table(file) for file in find(pattern, settings)]
    names = _all_names(tables)
    night = _night_by(partition_by, tables, names)
    summary = SourceSummary(pattern, tables, night, partition_by, timezone)
    for name in names:
        if name == partition_by and night != ARRIVAL:
            continue
        lacking = sum(name not in _names(table) for table in tables)
        if lacking:
            summary.partial[name] = lacking
        else:
            summary.types[name] = _type(name, tables)
    summary.types |= _guessed(summary)
    summary.rows = sum(table.fragment.count_rows() for table in tables)
    summary.stride = max(1, math.ceil(summary.rows / MOST_ROWS))
    return summary


def night_of(file: File, survey: SourceSummary) -> dt.date:
    """The night of a whole file, by its path or its arrival."""
    if survey.night == "path":
        return in_path(file, survey.column)
    return arrived(file, survey.timezone)


def unknown(name: str, option: str, names: Sequence[str]) -> UsageError:
    """The error for a name that the data does not have."""
    hint = f"there are: {', '.join(names[:30])}"
    near = difflib.get_close_matches(name, names, n=3)
    if near:
        hint = f"did you mean {', '.join(near)}?"
    return UsageError(
        f"{option}: the data has no column {name!r}; {hint}",
        fix=f"correct {option}",
    )


def _folders(table: Table) -> dict[str, str]:
    """What the path of a file says that its columns do not."""
    columns = table.schema.names
    return {name: value for name, value in table.file.parts.items() if name not in columns}


def _names(table: Table) -> list[str]:
    return [*table.schema.names, *_folders(table)]


def _all_names(tables: list[Table]) -> list[str]:
    names: dict[str, None] = {}
    for table in tables:
        for name in _names(table):
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


def _type(name: str, tables: list[Table]) -> pa.DataType:
    """The type that holds the values of every file."""
    common = _type_in(name, tables[0])
    for table in tables:
        own = _type_in(name, table)
        try:
            common = _unified(common, own)
        except REFUSALS as error:
            raise UsageError(
                f"column {name} is {common} in {tables[0].file.uri}, but {own} in {table.file.uri}",
                fix="mend the files, or narrow --data",
            ) from error
    return pa.string() if is_text(common) else common


def _type_in(name: str, table: Table) -> pa.DataType:
    if name not in table.schema.names:
        return pa.string()
    own = table.schema.field(name).type
    if pa.types.is_dictionary(own):
        return own.value_type
    return own


def _unified(one: pa.DataType, other: pa.DataType) -> pa.DataType:
    schemas = [pa.schema({"x": column_type}) for column_type in (one, other)]
    unified = pa.unify_schemas(schemas, promote_options="permissive")
    return unified.field("x").type


def _guessed(survey: SourceSummary) -> dict[str, pa.DataType]:
    """Types for columns of texts: of a CSV anything that every text is, elsewhere only dates and times."""
    texts = [name for name, kind in survey.types.items() if pa.types.is_string(kind)]
    guesses = {name: _first_guess(name, survey) for name in texts}
    for batch in survey.batches(texts):
        for name, guess in guesses.items():
            guess.look(batch.column(name))
    return {name: guess.type for name, guess in guesses.items()}


def _first_guess(name: str, survey: SourceSummary) -> TypeGuess:
    all_csv = all(table.texts for table in survey.tables)
    in_a_path = any(name in _folders(table) for table in survey.tables)
    if all_csv or in_a_path:
        return TypeGuess()
    return TypeGuess(candidates=["date", "time"])

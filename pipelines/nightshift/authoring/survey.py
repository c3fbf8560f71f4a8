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

from nightshift.authoring.csv_format import csv_format
from nightshift.authoring.decide import type_of
from nightshift.authoring.text_types import TypeGuess
from nightshift.errors import UsageError
from nightshift.settings import Settings
from nightshift.sources.named import without_markers
from nightshift.sources.nights import arrived, in_path, of_rows
from nightshift.sources.opened import opened
from nightshift.sources.places import File, find
from nightshift.sources.tables import Table
from nightshift.spec import Column
from nightshift.spec.source import CsvFormat
from nightshift.stores.text_values import without_null_words
from nightshift.stores.types import (
    DECIMAL_DIGITS,
    REFUSALS,
    TIMESTAMP,
    arrow_type,
    decoded,
    fitted,
    is_bytes,
    is_text,
)

MOST_ROWS = 5_000_000
# No column of the data is called so.
NIGHT = "\0night"
ARRIVAL = "arrival"
NightBy = Literal["column", "path", "arrival"]


@dataclass
class SourceSummary:
    """Files whose nights are known. ``types`` are by the source's names, the night's own column left out.

    ``needed`` are label and keys; ``partial`` has how many files lack a column, ``nulls`` the texts that mean null in
    it, ``left_out`` why it cannot be used. ``remarks`` are what a person should know.
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
    remarks: list[str] = field(default_factory=list)
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
        folders = _folders(table)
        columns = [self._night(table, batch)]
        for name in names:
            if name in folders:
                value = pa.scalar(folders[name], pa.string())
                columns.append(self._fitted(table, name, pa.repeat(value, batch.num_rows), as_text=True))
            elif name in table.schema.names:
                columns.append(self._fitted(table, name, batch.column(name), as_text=table.texts))
            else:
                columns.append(pa.nulls(batch.num_rows, self.types[name]))
        return pa.record_batch(columns, names=[NIGHT, *names])

    def _fitted(self, table: Table, name: str, values: pa.Array, as_text: bool) -> pa.Array:
        """The values typed; nulls of a column that cannot be used, which is left out then."""
        kind = self.types[name]
        try:
            known = without_markers(values, self.nulls.get(name, ()))
            return fitted(known, kind, self.timezone, as_text=as_text)
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
        if name != partition_by or night == ARRIVAL:
            _add(summary, name)
    if any("" in _names(table) for table in tables):
        summary.remarks.append("a column without a name is left out")
    _guess(summary, keys)
    summary.rows = sum(table.count_rows() for table in tables)
    summary.stride = max(1, math.ceil(summary.rows / MOST_ROWS))
    return summary


def _add(summary: SourceSummary, name: str) -> None:
    """One column: its type, or why it is left out."""
    having = [table for table in summary.tables if name in _names(table)]
    twice = [table for table in having if _names(table).count(name) > 1]
    if twice:
        summary.left_out[name] = f"two columns of {twice[0].file.uri} are called so"
        return
    kind = _type(name, having)
    lacking = len(summary.tables) - len(having)
    if lacking:
        summary.partial[name] = lacking
    if kind is None:
        summary.left_out[name] = f"{_type_in(name, having[0])} has no column type"
        return
    summary.types[name] = kind
    if any(_is_of_bytes(name, table) for table in having):
        summary.remarks.append(f"{name} is bytes without the mark of a text: it is read as UTF-8")
    if any(_is_int96(name, table) for table in having):
        summary.remarks.append(f"{name} is INT96, which has no zone: it is read as UTC, as Spark writes it")


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
    return UsageError(
        f"{option}: the data has no column {name!r}; {hint}",
        fix=f"correct {option}",
    )


def _folders(table: Table) -> dict[str, str | None]:
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


def _type(name: str, tables: list[Table]) -> pa.DataType | None:
    """The type in which the values of every file are counted; None for what a spec has no type for."""
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
    if pa.types.is_timestamp(common):
        return TIMESTAMP
    column_type = type_of(common)
    if column_type is None:
        return None
    if pa.types.is_decimal(common):
        return arrow_type(Column.model_validate(column_type))
    return common


def _type_in(name: str, table: Table) -> pa.DataType:
    if name not in table.schema.names:
        return pa.string()
    own = table.schema.field(name).type
    if pa.types.is_dictionary(own):
        own = own.value_type
    is_read_as_text = is_text(own) or is_bytes(own)
    return pa.string() if is_read_as_text else own


def _is_of_bytes(name: str, table: Table) -> bool:
    return name in table.schema.names and is_bytes(table.schema.field(name).type)


def _is_int96(name: str, table: Table) -> bool:
    return name in table.moments_without_zone


def _unified(one: pa.DataType, other: pa.DataType) -> pa.DataType:
    schemas = [pa.schema({"x": column_type}) for column_type in (one, other)]
    unified = pa.unify_schemas(schemas, promote_options="permissive")
    return unified.field("x").type


def _guess(survey: SourceSummary, keys: Sequence[str]) -> None:
    """Types for columns of texts: of a CSV anything that every text is, elsewhere only dates and times."""
    texts = [name for name, kind in survey.types.items() if pa.types.is_string(kind)]
    large = [name for name, kind in survey.types.items() if kind == pa.uint64()]
    guesses = {name: _first_guess(name, survey) for name in texts}
    for batch in survey.batches([*texts, *large]):
        for name, guess in guesses.items():
            guess.look(batch.column(name))
        for name in large:
            if survey.types[name] == pa.uint64() and _is_beyond_int64(batch.column(name)):
                survey.types[name] = pa.decimal128(DECIMAL_DIGITS, 0)
    for name, guess in guesses.items():
        survey.types[name] = guess.type
        if pa.types.is_floating(guess.type) and name in keys:
            # Digit by digit: two texts may be one float.
            survey.types[name] = pa.string()
        elif guess.nulls:
            survey.nulls[name] = guess.nulls
            survey.remarks += _of_markers(name, guess)


def _is_beyond_int64(values: pa.Array) -> bool:
    some = pc.any(pc.greater(values, pa.scalar(2**63 - 1, values.type)))
    return bool(some.as_py())


def _of_markers(name: str, guess: TypeGuess) -> list[str]:
    if not guess.marked_rows:
        return []
    texts = ", ".join(map(repr, guess.nulls))
    return [f"{name} is {guess.type} but for {texts}, in {guess.marked_rows:,} rows: null, by nulls in model.yaml"]


def _first_guess(name: str, survey: SourceSummary) -> TypeGuess:
    having = [table for table in survey.tables if name in _names(table)]
    all_csv = all(table.texts for table in having)
    in_a_path = any(name in _folders(table) for table in having)
    if all_csv or in_a_path:
        return TypeGuess()
    return TypeGuess.of(["date", "time"])

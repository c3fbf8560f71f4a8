"""What lies in the files: columns and their types, which nights, and all rows some at a time, typed."""

import datetime as dt
import difflib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

import pyarrow as pa
import pyarrow.compute as pc

from nightshift.errors import UsageError
from nightshift.settings import Settings
from nightshift.sources.nights import arrived, in_path, of_rows
from nightshift.sources.places import File, find
from nightshift.sources.tables import Table
from nightshift.stores.types import REFUSALS, TIMESTAMP, fitted, is_text

MOST_ROWS = 5_000_000
ARRIVAL = "arrival"
WORDS = {"bool": r"^(?i:true|false)$", "number": r"^[+-]?(0|[1-9]\d*)?(\.\d*)?([eE][+-]?\d+)?$|^[+-]?(?i:inf|nan)$"}
GUESSES = {"bool": pa.bool_(), "int64": pa.int64(), "float64": pa.float64(), "date": pa.date32(), "time": TIMESTAMP}


@dataclass
class SourceSummary:
    """Files whose nights are known. ``types`` are by the source's names, the night's own column left out."""

    pattern: str
    tables: list[Table]
    night: Literal["column", "path", "arrival"]
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
            folders = {name: value for name, value in table.file.parts.items() if name not in table.schema.names}
            of_file = [name for name in names if name not in folders]
            asked = dict.fromkeys([*of_file, *([self.column] if self.night == "column" else [])])
            for place, batch in enumerate(table.batches({name: name for name in asked} or _any(table))):
                if place % stride == 0:
                    yield self._typed(table, batch, names, folders)

    def nights(self) -> Counter[dt.date]:
        """Rows of each night, all of them counted; rows without a night under none."""
        found: Counter[dt.date] = Counter()
        for batch in self.batches([]):
            for counted in pc.value_counts(batch.column(0)).to_pylist():
                if counted["values"] is not None:
                    found[counted["values"]] += counted["counts"]
        return found

    def require(self, name: str, option: str) -> None:
        """Raise ``UsageError``, naming close ones, for a column that is not there."""
        if name not in self.types:
            raise unknown(name, option, list(self.types))

    def _typed(
        self, table: Table, batch: pa.RecordBatch, names: Sequence[str], folders: dict[str, str]
    ) -> pa.RecordBatch:
        columns = [self._night(table, batch)]
        for name in names:
            raw = pa.repeat(folders[name], batch.num_rows) if name in folders else batch.column(name)
            columns.append(self._fitted(table, name, raw, table.texts or name in folders))
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
            return pa.repeat(pa.scalar(night_of(table.file, self), pa.date32()), batch.num_rows)
        values = batch.column(self.column)
        try:
            return of_rows(values.dictionary_decode() if pa.types.is_dictionary(values.type) else values, self.timezone)
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
    names = dict.fromkeys(name for table in tables for name in _names(table))
    found = SourceSummary(pattern, tables, _way(partition_by, tables, list(names)), partition_by, timezone)
    for name in names:
        there = [table for table in tables if name in _names(table)]
        if name == partition_by and found.night != ARRIVAL:
            continue
        if len(there) < len(tables):
            found.partial[name] = len(tables) - len(there)
        else:
            found.types[name] = _type(name, tables)
    found.types |= _guessed(found)
    found.rows = sum(table.fragment.count_rows() for table in tables)
    found.stride = max(1, -(-found.rows // MOST_ROWS))
    return found


def night_of(file: File, survey: SourceSummary) -> dt.date:
    """The night of a whole file, by its path or its arrival."""
    return in_path(file, survey.column) if survey.night == "path" else arrived(file, survey.timezone)


def unknown(name: str, option: str, there: Sequence[str]) -> UsageError:
    """The error for a name that the data does not have."""
    near = difflib.get_close_matches(name, there, n=3)
    hint = f"did you mean {', '.join(near)}?" if near else f"there are: {', '.join(there[:30])}"
    return UsageError(f"{option}: the data has no column {name!r}; {hint}", fix=f"correct {option}")


def _names(table: Table) -> list[str]:
    return [*table.schema.names, *(name for name in table.file.parts if name not in table.schema.names)]


def _any(table: Table) -> dict[str, str]:
    return {table.schema.names[0]: table.schema.names[0]}


def _way(partition_by: str, tables: list[Table], names: list[str]) -> Literal["column", "path", "arrival"]:
    if all(partition_by in table.schema.names for table in tables):
        return "column"
    if all(partition_by in table.file.parts for table in tables):
        return "path"
    if partition_by == ARRIVAL:
        return "arrival"
    if partition_by in names:
        raise UsageError(f"--partition-by: not every file has {partition_by}", fix="narrow --data")
    raise unknown(partition_by, "--partition-by", [*names, ARRIVAL])


def _type(name: str, tables: list[Table]) -> pa.DataType:
    kinds = [table.schema.field(name).type if name in table.schema.names else pa.string() for table in tables]
    kinds = [kind.value_type if pa.types.is_dictionary(kind) else kind for kind in kinds]
    found = kinds[0]
    for kind, table in zip(kinds, tables, strict=True):
        try:
            both = [pa.schema([(name, found)]), pa.schema([(name, kind)])]
            found = pa.unify_schemas(both, promote_options="permissive").field(0).type
        except REFUSALS as error:
            raise UsageError(
                f"column {name} is {found} in {tables[0].file.uri}, but {kind} in {table.file.uri}",
                fix="mend the files, or narrow --data",
            ) from error
    return pa.string() if is_text(found) else found


def _guessed(survey: SourceSummary) -> dict[str, pa.DataType]:
    """Types for columns of texts: of a CSV anything that every text is, elsewhere only dates and times."""
    texts = [name for name, kind in survey.types.items() if pa.types.is_string(kind)]
    folders = {name for table in survey.tables for name in table.file.parts if name not in table.schema.names}
    plain = {name for name in texts if all(table.texts for table in survey.tables) or name in folders}
    left = {name: list(GUESSES) if name in plain else ["date", "time"] for name in texts}
    some: set[str] = set()
    for batch in survey.batches(texts):
        for name in texts:
            values = batch.column(name)
            some |= {name} if values.null_count < len(values) else set()
            left[name] = [guess for guess in left[name] if _can_be(guess, values)]
    return {name: GUESSES[left[name][0]] if left[name] and name in some else pa.string() for name in texts}


def _can_be(guess: str, texts: pa.Array) -> bool:
    if shape := WORDS.get({"bool": "bool", "int64": "number", "float64": "number"}.get(guess, "")):
        words = pc.utf8_trim_whitespace(texts.drop_null())
        told = pc.or_(
            pc.match_substring_regex(words, shape), pc.is_in(words, pa.array(["NA", "N/A", "null", "NULL", ""]))
        )
        if not pc.all(told).as_py():
            return False
    try:
        fitted(texts, GUESSES[guess], as_text=True)
    except REFUSALS:
        return False
    return True

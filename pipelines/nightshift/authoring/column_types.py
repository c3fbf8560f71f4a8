"""The types in which the columns of files are counted: as Parquet says, and out of all texts of a CSV."""

import datetime as dt
from collections.abc import Sequence
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from nightshift.authoring.decimal_mark import ColumnGuess, decimal_mark, remarks_of_marks, unread_numbers
from nightshift.authoring.spec_types import type_of
from nightshift.authoring.text_types import TypeGuess
from nightshift.sources.tables import Table
from nightshift.spec import Column
from nightshift.stores.types import DECIMAL_DIGITS, REFUSALS, TIMESTAMP, arrow_type, is_bytes, is_text

if TYPE_CHECKING:
    from nightshift.authoring.survey import SourceSummary


def names_of(table: Table) -> list[str]:
    """The columns of a file, and of its path."""
    return [*table.schema.names, *table.folders]


def add_column(summary: "SourceSummary", name: str) -> None:
    """One column: its type, or why it is left out."""
    having = [table for table in summary.tables if name in names_of(table)]
    lacking = len(summary.tables) - len(having)
    if lacking:
        summary.partial[name] = lacking
    kind = _type(name, having)
    if isinstance(kind, str):
        summary.left_out[name] = kind
    else:
        summary.types[name] = kind


def remark(summary: "SourceSummary", name: str) -> None:
    """What a column is read as, where its type in the file does not say so."""
    if any(_is_of_bytes(name, table) for table in summary.tables):
        summary.remarks[name] = f"{name} is bytes without the mark of a text: it is read as UTF-8"
    if any(name in table.moments_without_zone for table in summary.tables):
        summary.remarks[name] = f"{name} is INT96, which has no zone: it is read as UTC, as Spark writes it"
    if any(name in table.unnamed for table in summary.tables):
        summary.remarks[name] = f"a column without a name is called by its place, {name}"


def _type(name: str, tables: list[Table]) -> pa.DataType | str:
    """The type in which the values of every file are counted; a text says why there is none."""
    common = _type_in(name, tables[0])
    for table in tables:
        if names_of(table).count(name) > 1:
            return f"two columns of {table.file.uri} are called so"
        own = _type_in(name, table)
        try:
            common = _unified(common, own)
        except REFUSALS:
            return f"it is {common} in {tables[0].file.uri}, but {own} in {table.file.uri}"
    if pa.types.is_timestamp(common):
        return TIMESTAMP
    column_type = type_of(common)
    if column_type is None:
        return f"{common} has no column type"
    if pa.types.is_decimal(common):
        column = Column.model_validate(column_type)
        return arrow_type(column)
    return common


def _type_in(name: str, table: Table) -> pa.DataType:
    if table.schema.names.count(name) != 1:
        return pa.string()
    own = table.schema.field(name).type
    if pa.types.is_dictionary(own):
        own = own.value_type
    is_read_as_text = is_text(own) or is_bytes(own)
    return pa.string() if is_read_as_text else own


def _is_of_bytes(name: str, table: Table) -> bool:
    if table.schema.names.count(name) != 1:
        return False
    field = table.schema.field(name)
    return is_bytes(field.type)


def require_years(values: pa.Array) -> None:
    """Raise ``pa.ArrowInvalid`` for dates and times of years that Python does not have."""
    if not pa.types.is_temporal(values.type):
        return
    first = pa.scalar(dt.date.min).cast(values.type)
    last = pa.scalar(dt.date.max).cast(values.type)
    if pa.types.is_timestamp(values.type):
        last = pa.scalar(dt.datetime.max.replace(tzinfo=dt.UTC), values.type)
    is_early = pc.less(values, first)
    is_late = pc.greater(values, last)
    some = pc.any(pc.or_(is_early, is_late))
    if some.as_py():
        raise pa.ArrowInvalid("a year before 1 or after 9999")


def _unified(one: pa.DataType, other: pa.DataType) -> pa.DataType:
    schemas = [pa.schema({"x": column_type}) for column_type in (one, other)]
    unified = pa.unify_schemas(schemas, promote_options="permissive")
    return unified.field("x").type


def guess_types(survey: "SourceSummary", keys: Sequence[str]) -> None:
    """Types for columns of texts: of a CSV anything that every text is, elsewhere only dates and times."""
    types = survey.types.items()
    texts = [name for name, kind in types if pa.types.is_string(kind)]
    large = [name for name, kind in types if kind == pa.uint64()]
    guesses = {name: ColumnGuess(_first_guess(name, survey)) for name in texts}
    for batch in survey.batches([*texts, *large]):
        for name, guess in guesses.items():
            guess.look(batch.column(name))
        for name in large:
            if survey.types[name] == pa.uint64() and _is_beyond_int64(batch.column(name)):
                survey.types[name] = pa.decimal128(DECIMAL_DIGITS, 0)
    of_csv = {name: guess for name, guess in guesses.items() if _is_of_csv(name, survey)}
    decimal = decimal_mark(of_csv, survey.csv.separator)
    survey.csv = survey.csv.model_copy(update={"decimal": decimal})
    if decimal == ",":
        survey.remarks.update(remarks_of_marks(of_csv))
    survey.unread = unread_numbers(of_csv, decimal)
    for name, why in survey.unread.items():
        survey.remarks[name] = f"{name} stays text: {why}"
    for name, guess in guesses.items():
        chosen = guess.chosen(decimal if name in of_csv else ".")
        is_exact = not pa.types.is_floating(chosen.type) and not chosen.nulls
        if name in keys and not is_exact:
            # Digit by digit: two texts may be one float, and any may be one null.
            continue
        survey.types[name] = chosen.type
        if chosen.nulls:
            survey.nulls[name] = chosen.nulls
            _remark_markers(survey, name, chosen)


def _is_beyond_int64(values: pa.Array) -> bool:
    largest = pa.scalar(2**63 - 1, values.type)
    are_beyond = pc.greater(values, largest)
    some = pc.any(are_beyond)
    return bool(some.as_py())


def _remark_markers(survey: "SourceSummary", name: str, guess: TypeGuess) -> None:
    if guess.marked_rows:
        texts = ", ".join(map(repr, guess.nulls))
        rows = f"{guess.marked_rows:,} rows"
        marked = f"{name} is {guess.type} but for {texts}, in {rows}: null, by nulls in model.yaml"
        before = survey.remarks.get(name)
        survey.remarks[name] = f"{before}; {marked}" if before else marked


def _first_guess(name: str, survey: "SourceSummary") -> TypeGuess:
    in_a_path = any(name in table.folders for table in survey.tables)
    if in_a_path or _is_of_csv(name, survey):
        return TypeGuess()
    return TypeGuess.of(["date", "time"])


def _is_of_csv(name: str, survey: "SourceSummary") -> bool:
    """Whether a column has its values in CSV files alone."""
    having = [table for table in survey.tables if name in names_of(table)]
    return all(table.texts and name not in table.folders for table in having)

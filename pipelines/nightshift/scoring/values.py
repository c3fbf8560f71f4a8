"""Values as a request has them, straight into a graph's inputs: the same bits as by way of Arrow, for a few rows.

Arrow is made for many: a column of one value costs it a hundred times what the value costs. What is not plain, as a
decimal or a number that may not fit, is asked of ``stores.types.fitted``, which says what a night would say.
"""

import datetime as dt
import re
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from functools import partial
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa

from nightshift.errors import SchemaMismatch
from nightshift.modelling.inputs import MISSING, as_numbers
from nightshift.scoring.feeds import Feeds, GraphInputs, Matrix
from nightshift.spec import Column, ModelSpec
from nightshift.spec.columns import LARGEST_WHOLE
from nightshift.stores.types import REFUSALS, arrow_type, fitted

ColumnValues: TypeAlias = Sequence[Any]
Read: TypeAlias = Callable[[ColumnValues], Sequence[Any]]
NAN = float("nan")
EPOCH = dt.date(1970, 1, 1).toordinal()
ISO_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
"""Python also reads 2024-W01-1, which a night refuses."""
WHOLE = {"int16": 2**15, "int32": 2**31, "int64": LARGEST_WHOLE**2}
"""How far whole numbers of a type go that a float64 holds as they are."""
LARGEST = {"float32": float(np.finfo(np.float32).max), "float64": float(np.finfo(np.float64).max)}
FLOATS = frozenset({float})
NUMBERS = frozenset({float, int, type(None)})
WHOLES = frozenset({int, type(None)})
TRUTHS = frozenset({bool, type(None)})
TEXTS = frozenset({str, type(None)})


class ValueFeeds:
    """Columns of plain values in, the inputs of one graph out: what ``feeds`` makes of the same rows in Arrow."""

    def __init__(self, spec: ModelSpec, feeds: Feeds) -> None:
        self._spec = spec
        self._is_matrix = isinstance(feeds, Matrix)
        self._inputs = dict(feeds.inputs)
        self._read = {name: self._reader(name, feeds) for name in feeds.columns}

    def __call__(self, columns: Mapping[str, ColumnValues], rows: int) -> GraphInputs:
        """Inputs by name, a line per row. Raises ``SchemaMismatch`` for a value that its column cannot have."""
        inputs: GraphInputs = {}
        for name, held in self._inputs.items():
            lines = [self._read[column](columns[column]) for column in held]
            dtype = self._dtype(name, held)
            # A number of a float64 column beyond float32 is infinite, at night and by day alike.
            with np.errstate(over="ignore"):
                inputs[name] = np.array(lines, dtype).reshape(len(held), rows).T
        return inputs

    def _dtype(self, name: str, held: tuple[str, ...]) -> type[Any]:
        if self._is_matrix:
            return np.int64 if name == "codes" else np.float32
        (column,) = held
        return np.float32 if self._spec.columns[column].numeric else object

    def _reader(self, name: str, feeds: Feeds) -> Read:
        # A graph may have been trained on a column that model.yaml has no more; it is refused before it scores.
        column = self._spec.columns.get(name)
        if column is None:
            return list
        read = PLAIN.get(column.type, _as_a_night)
        if not column.numeric:
            read = partial(_texts, codes=codes_of(name, feeds))
        may_be_null = column.may_be_null

        def checked(values: ColumnValues) -> ColumnValues:
            if not may_be_null and None in values:
                raise SchemaMismatch(f"{name} may not be null: model.yaml has no nullable: true for it")
            try:
                return read(values, column)
            except REFUSALS as error:
                raise SchemaMismatch(f"{name}, of type {column.type}: {error}") from error

        return checked


def codes_of(name: str, feeds: Feeds) -> dict[str | None, int] | None:
    """The code of each text that training has seen, where the graph is fed with codes."""
    if not isinstance(feeds, Matrix) or name not in feeds.categories:
        return None
    codes: dict[str | None, int] = {}
    for place, text in enumerate(feeds.categories[name]):
        codes.setdefault(text, place)
    codes[None] = codes.get(MISSING, -1)
    return codes


def _texts(values: ColumnValues, column: Column, codes: dict[str | None, int] | None) -> Sequence[Any]:
    if not TEXTS.issuperset(map(type, values)):
        fitted(values, arrow_type(column))
    if codes is not None:
        return [codes.get(value, -1) for value in values]
    return [MISSING if value is None else value for value in values]


def _floats(values: ColumnValues, column: Column) -> ColumnValues:
    kinds = set(map(type, values))
    if not NUMBERS.issuperset(kinds):
        return _as_a_night(values, column)
    largest = LARGEST_WHOLE if int in kinds else LARGEST[column.type]
    numbers = values if kinds == FLOATS else _nan_for_null(values)
    for number in numbers:
        if number > largest or number < -largest:
            return _as_a_night(values, column)
    return numbers


def _wholes(values: ColumnValues, column: Column) -> ColumnValues:
    if not WHOLES.issuperset(map(type, values)):
        return _as_a_night(values, column)
    bound = WHOLE[column.type]
    numbers = _nan_for_null(values)
    for number in numbers:
        if number >= bound or number < -bound:
            return _as_a_night(values, column)
    return numbers


def _truths(values: ColumnValues, column: Column) -> ColumnValues:
    if not TRUTHS.issuperset(map(type, values)):
        return _as_a_night(values, column)
    return _nan_for_null(values)


def _dates(values: ColumnValues, column: Column) -> ColumnValues:
    """Days since 1970-01-01 of texts as ISO 8601 writes a date."""
    if not all(isinstance(value, str) and ISO_DATE.fullmatch(value) for value in values):
        return _as_a_night(values, column)
    try:
        return [dt.date.fromisoformat(value).toordinal() - EPOCH for value in values]
    except ValueError:
        return _as_a_night(values, column)


def as_lake(values: ColumnValues, column: Column) -> pa.Array:
    """Values of a request as a night would keep them. Raises one of ``REFUSALS``."""
    if column.type == "decimal":
        # By their digits as they stand in a request: 2.01 is no float there.
        values = [Decimal(repr(value)) if type(value) is float else value for value in values]
    return fitted(list(values), arrow_type(column))


def _as_a_night(values: ColumnValues, column: Column) -> ColumnValues:
    """By the way of a night. Raises one of ``REFUSALS``."""
    numbers = as_numbers(as_lake(values, column)).cast(pa.float32(), safe=False)
    return _nan_for_null(numbers.to_pylist())


def _nan_for_null(values: ColumnValues) -> ColumnValues:
    return [NAN if value is None else value for value in values]


PLAIN: dict[str, Callable[[ColumnValues, Column], ColumnValues]] = {
    "float32": _floats,
    "float64": _floats,
    "int16": _wholes,
    "int32": _wholes,
    "int64": _wholes,
    "bool": _truths,
    "date": _dates,
}

"""One plain row straight into a graph's inputs: most requests have no other, and columns of one value cost more.

What is not plain, as a null where none may be, a text for a number or a decimal, is not decided here: it goes by way of
``ValueFeeds``, which accepts or refuses it in the words of a night.
"""

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from nightshift.modelling.inputs import MISSING
from nightshift.scoring.feeds import Feeds, GraphInputs, Matrix
from nightshift.scoring.graph import LEAST_ROWS
from nightshift.scoring.values import LARGEST, NAN, WHOLE, codes_of
from nightshift.spec import Column, ModelSpec
from nightshift.spec.columns import LARGEST_WHOLE

ReadValue: TypeAlias = Callable[[Any], Any]
Fill: TypeAlias = tuple[str, list[tuple[str, ReadValue]], type[Any]]
"""An input's name, its columns with how each is read, and what it holds."""
FLOATS = ("float32", "float64")


class NotPlain(Exception):
    """The row has a value that is for ``ValueFeeds`` to judge."""


class LoneRow:
    """A row by column names in, the inputs of one graph out, a line for each row of the least call."""

    def __init__(self, spec: ModelSpec, feeds: Feeds) -> None:
        self._fills = [_fill(spec, feeds, name, held) for name, held in feeds.inputs.items()]

    def __call__(self, row: Mapping[str, Any]) -> GraphInputs:
        """Each input with ``LEAST_ROWS`` equal lines. Raises ``NotPlain``."""
        try:
            return {name: _lines(row, columns, dtype) for name, columns, dtype in self._fills}
        except KeyError as error:
            raise NotPlain from error


def _lines(row: Mapping[str, Any], columns: list[tuple[str, ReadValue]], dtype: type[Any]) -> NDArray[Any]:
    line = [read(row[name]) for name, read in columns]
    return np.array([line] * LEAST_ROWS, dtype)


def _fill(spec: ModelSpec, feeds: Feeds, name: str, held: tuple[str, ...]) -> Fill:
    readers = []
    dtype: type[Any] = np.float32
    for column in held:
        known = spec.columns.get(column)
        # A column that model.yaml has no more is refused before anything is scored.
        readers.append((column, _not_plain if known is None else _reader(column, known, feeds)))
        if known is not None and not known.numeric:
            dtype = object
    if isinstance(feeds, Matrix):
        dtype = np.int64 if name == "codes" else np.float32
    return name, readers, dtype


def _reader(name: str, column: Column, feeds: Feeds) -> ReadValue:
    if not column.numeric:
        return _text(column, codes_of(name, feeds))
    if column.type in FLOATS:
        # Of a float64 what is beyond float32 becomes infinite, which numpy says aloud.
        return _float(LARGEST["float32"], column.may_be_null)
    if column.type in WHOLE:
        return _whole(WHOLE[column.type], column.may_be_null)
    return _truth(column.may_be_null) if column.type == "bool" else _not_plain


def _not_plain(_: Any) -> Any:
    raise NotPlain


def _float(largest: float, may_be_null: bool) -> ReadValue:
    def read(value: Any) -> Any:
        kind = type(value)
        if kind is float:
            if -largest <= value <= largest:
                return value
        elif kind is int:
            if -LARGEST_WHOLE <= value <= LARGEST_WHOLE:
                return value
        elif value is None and may_be_null:
            return NAN
        raise NotPlain

    return read


def _whole(bound: int, may_be_null: bool) -> ReadValue:
    def read(value: Any) -> Any:
        if type(value) is int:
            if -bound <= value < bound:
                return value
        elif value is None and may_be_null:
            return NAN
        raise NotPlain

    return read


def _truth(may_be_null: bool) -> ReadValue:
    def read(value: Any) -> Any:
        if value is True or value is False:
            return value
        if value is None and may_be_null:
            return NAN
        raise NotPlain

    return read


def _text(column: Column, codes: dict[str | None, int] | None) -> ReadValue:
    may_be_null = column.may_be_null

    def read(value: Any) -> Any:
        if type(value) is not str and not (value is None and may_be_null):
            raise NotPlain
        if codes is not None:
            return codes.get(value, -1)
        return MISSING if value is None else value

    return read

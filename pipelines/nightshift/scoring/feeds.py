"""How Arrow columns become a graph's inputs, without pandas and without a step per row.

A graph says itself how it wants to be fed: an ``nightshift.feeds`` entry in its metadata asks for one
matrix of numbers (and one of codes), with categories as codes; a graph without one takes a column per
feature, with categories as strings. Its inputs have names of ours, ``f0``, ``f1``, ..., and an entry
``nightshift.columns`` says which feature each is; in graphs of before, inputs have the features' own names.
"""

from collections.abc import Mapping
from functools import cached_property
from typing import Any, Literal, Protocol, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from nightshift.modelling.inputs import (
    MISSING,
    as_float32,
    as_numbers,
    has_plain_numbers,
    nan_where_null,
    plain_numbers,
)
from nightshift.scoring.codes import fill_codes
from nightshift.spec import ModelSpec
from nightshift.stores.types import decoded

METADATA = "nightshift.feeds"
COLUMNS = "nightshift.columns"
ArrowRows: TypeAlias = "pa.Table | pa.RecordBatch"
GraphInputs: TypeAlias = dict[str, NDArray[Any]]


class Feeds(Protocol):
    """Rows in, the graph's inputs out, in the order of the rows."""

    def __call__(self, rows: ArrowRows) -> GraphInputs:
        """Inputs by name; each has one line per row."""

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns it reads."""

    @property
    def inputs(self) -> Mapping[str, tuple[str, ...]]:
        """The columns that each input holds, in its order."""

    @property
    def categories(self) -> Mapping[str, tuple[str, ...]]:
        """The values that training has seen, of each column of categories; without those that are not known."""


class Matrix(BaseModel):
    """``numbers`` float32 (n, k) with NaN for null, ``codes`` int64 (n, c).

    A string column in either is given as the index of its value in ``categories``, -1 for any other; a
    null counts as the empty string.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal[1] = 1
    numbers: tuple[str, ...]
    codes: tuple[str, ...] = ()
    categories: dict[str, tuple[str, ...]] = {}

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns it reads."""
        return (*self.numbers, *self.codes)

    @property
    def inputs(self) -> dict[str, tuple[str, ...]]:
        """The columns of each matrix."""
        matrices = {"numbers": self.numbers}
        if self.codes:
            matrices["codes"] = self.codes
        return matrices

    def __call__(self, rows: ArrowRows) -> GraphInputs:
        """Fill the matrices column by column."""
        inputs = {"numbers": self._matrix(rows, self.numbers, np.float32)}
        if self.codes:
            inputs["codes"] = self._matrix(rows, self.codes, np.int64)
        return inputs

    def _matrix(self, rows: ArrowRows, columns: tuple[str, ...], dtype: type[np.generic]) -> NDArray[Any]:
        # Column by column into lines of their own; seen transposed, since a few rows at a time are copied from cache.
        shape = (len(columns), rows.num_rows)
        transposed = np.empty(shape, dtype)
        # A number beyond float32 is infinite, in training and in scoring alike.
        with np.errstate(over="ignore"):
            for place, name in enumerate(columns):
                array = one_array(rows, name)
                self._fill(transposed[place], name, array)
        return transposed.T

    def _fill(self, line: NDArray[Any], name: str, values: pa.Array) -> None:
        if name in self.categories:
            known = self._known[name]
            fill_codes(line, values, known)
        else:
            fill_floats(line, values)

    @cached_property
    def _known(self) -> dict[str, pa.Array]:
        known = {}
        for name, values in self.categories.items():
            known[name] = pa.array(values, pa.string())
        return known


class InputNames(BaseModel):
    """What a graph of a column per feature says of itself: input ``f0`` is the first of ``columns``, and so on.

    ``categories`` has the values that training has seen of each that is a string.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal[1] = 1
    columns: tuple[str, ...]
    categories: dict[str, tuple[str, ...]] = {}

    @property
    def by_column(self) -> dict[str, str]:
        """The input's name of each column."""
        return {name: input_name(place) for place, name in enumerate(self.columns)}


def input_name(place: int) -> str:
    """What the input of the feature at that place is called, whatever the feature is."""
    return f"f{place}"


class Columns:
    """One input (n, 1) per feature: float32 with NaN for null, strings with "" for null.

    ``names`` is what the graph says of its inputs; without it they are called as the features are.
    """

    def __init__(self, spec: ModelSpec, names: InputNames | None = None) -> None:
        self.columns = names.columns if names else spec.features
        self.categories = names.categories if names else {}
        self._spec = spec
        self._inputs = names.by_column if names else {name: name for name in spec.features}

    @property
    def inputs(self) -> dict[str, tuple[str, ...]]:
        """The one column of each input."""
        return {given: (column,) for column, given in self._inputs.items()}

    def __call__(self, rows: ArrowRows) -> GraphInputs:
        """Each column by the name of its input."""
        inputs = {}
        for name in self.columns:
            array = one_array(rows, name)
            values = self._values(name, array)
            inputs[self._inputs[name]] = values.reshape(-1, 1)
        return inputs

    def _values(self, name: str, values: pa.Array) -> NDArray[Any]:
        if self._spec.columns[name].numeric:
            return _floats(values)
        texts = pc.fill_null(decoded(values), MISSING)
        strings = texts.to_numpy(zero_copy_only=False)
        return np.asarray(strings)


def fill_floats(line: NDArray[Any], values: pa.Array) -> None:
    """Numbers into a line (n,), NaN for null; see ``as_float32``."""
    numbers = as_numbers(values)
    # A hostile graph may ask for numbers as codes.
    if line.dtype != np.float32 or not has_plain_numbers(numbers):
        line[:] = _floats(values)
        return
    np.copyto(line, plain_numbers(numbers), casting="unsafe")
    if numbers.null_count:
        line *= nan_where_null(numbers)


def _floats(values: pa.Array) -> NDArray[Any]:
    floats = as_float32(values)
    numbers = floats.to_numpy(zero_copy_only=False)
    return np.asarray(numbers)


def one_array(rows: ArrowRows, name: str) -> pa.Array:
    """A column as one array, in whatever form the rows come."""
    values = rows.column(name)
    if isinstance(values, pa.ChunkedArray):
        return values.combine_chunks()
    return values

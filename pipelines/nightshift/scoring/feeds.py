"""How Arrow columns become a graph's inputs, without pandas and without a step per row.

A graph says itself how it wants to be fed: an ``nightshift.feeds`` entry in its metadata asks for one
matrix of numbers (and one of codes), with categories as codes; a graph without one takes a column per
feature, with categories as strings.
"""

from functools import cached_property
from typing import Any, Literal, Protocol, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from nightshift.modelling.inputs import MISSING, as_float32
from nightshift.spec import ModelSpec

METADATA = "nightshift.feeds"
ArrowRows: TypeAlias = "pa.Table | pa.RecordBatch"


class Feeds(Protocol):
    """Rows in, the graph's inputs out, in the order of the rows."""

    def __call__(self, rows: ArrowRows) -> dict[str, NDArray[Any]]:
        """Inputs by name; each has one line per row."""

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns it reads."""


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

    def __call__(self, rows: ArrowRows) -> dict[str, NDArray[Any]]:
        """Fill the matrices column by column."""
        found: dict[str, NDArray[Any]] = {"numbers": self._filled(rows, self.numbers, np.float32)}
        if self.codes:
            found["codes"] = self._filled(rows, self.codes, np.int64)
        return found

    def _filled(self, rows: ArrowRows, columns: tuple[str, ...], kind: type[np.generic]) -> NDArray[Any]:
        # Column by column into lines of their own; seen turned, since a few rows at a time are copied from cache.
        turned = np.empty((len(columns), rows.num_rows), kind)
        for line, name in zip(turned, columns, strict=True):
            line[:] = self._values(name, _whole(rows, name))
        return turned.T

    def _values(self, name: str, values: pa.Array) -> NDArray[Any]:
        if name in self.categories:
            return codes(values, self._known[name])
        return np.asarray(as_float32(values).to_numpy(zero_copy_only=False))

    @cached_property
    def _known(self) -> dict[str, pa.Array]:
        return {name: pa.array(values, pa.string()) for name, values in self.categories.items()}


class Columns:
    """One input (n, 1) per feature: float32 with NaN for null, strings with "" for null."""

    def __init__(self, spec: ModelSpec) -> None:
        self.columns = spec.features
        self._numeric = {name for name in spec.features if spec.columns[name].numeric}

    def __call__(self, rows: ArrowRows) -> dict[str, NDArray[Any]]:
        """Each column by its name."""
        return {name: self._values(name, _whole(rows, name)).reshape(-1, 1) for name in self.columns}

    def _values(self, name: str, values: pa.Array) -> NDArray[Any]:
        if name in self._numeric:
            return np.asarray(as_float32(values).to_numpy(zero_copy_only=False))
        return np.asarray(pc.fill_null(decoded(values), MISSING).to_numpy(zero_copy_only=False))


def codes(values: pa.Array, known: pa.Array) -> NDArray[np.int32]:
    """The index of each string in ``known``, -1 for any other, shape (n,). Dictionaries are looked up once."""
    if not pa.types.is_dictionary(values.type):
        return np.asarray(_indices(values, known))
    # One place more: where null looks.
    of_dictionary = pa.concat_arrays([_indices(values.dictionary, known), _indices(pa.array([MISSING]), known)])
    indices = pc.fill_null(values.indices, len(values.dictionary)) if values.null_count else values.indices
    # "clip" leaves out a check of bounds that Arrow has made: 3 times as fast.
    return np.take(np.asarray(of_dictionary), np.asarray(indices), mode="clip")


def decoded(values: pa.Array) -> pa.Array:
    """Strings, whether they came as a dictionary or not."""
    return values.dictionary_decode() if pa.types.is_dictionary(values.type) else values


def _indices(values: pa.Array, known: pa.Array) -> pa.Array:
    found = pc.index_in(pc.fill_null(values, MISSING), value_set=known)
    return pc.fill_null(found, -1)


def _whole(rows: ArrowRows, name: str) -> pa.Array:
    values = rows.column(name)
    return values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values

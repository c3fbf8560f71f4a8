"""Row checks: each line of the spec once, as the rows that breach it and as the Great Expectation that says the same.

``breaches`` looks at Arrow columns a chunk at a time; ``expectation`` is for the report and for nights
that are small enough for Great Expectations to look at every row. A property test holds the two together.
"""

import datetime as dt
import operator
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from typing_extensions import override

from nightshift.spec import Action, Column, Compare, ModelSpec

Mask = NDArray[np.bool_]
# A longer list of allowed values is checked, but not printed into every night's report.
MOST_LISTED = 1000
RELATIONS: dict[str, Callable[[Any, Any], Any]] = {
    "<": operator.lt,
    "<=": operator.le,
    "==": operator.eq,
    ">=": operator.ge,
    ">": operator.gt,
}


@dataclass(frozen=True)
class RowCheck(ABC):
    """Something that holds for each row by itself. ``columns`` are what it looks at, the first is what it is about."""

    columns: tuple[str, ...]
    action: Action
    kind: ClassVar[str]

    @property
    def name(self) -> str:
        """As it stands in a quarantined row's reasons."""
        return f"{self.columns[0]}: {self.kind}"

    @abstractmethod
    def breaches(self, rows: pa.RecordBatch) -> Mask | None:
        """True where a row breaches it, shape (rows,); None where none does."""

    @abstractmethod
    def expectation(self) -> Any | None:
        """The same for Great Expectations; None when it cannot be said there in a readable size."""


class NotNull(RowCheck):
    """A value is there; NaN is none."""

    kind = "null"

    @override
    def breaches(self, rows: pa.RecordBatch) -> Mask | None:
        values = rows.column(self.columns[0])
        if values.null_count == 0 and not pa.types.is_floating(values.type):
            return None
        return _any(missing(values))

    @override
    def expectation(self) -> Any:
        import great_expectations.expectations as gxe

        return gxe.ExpectColumnValuesToNotBeNull(column=self.columns[0])


@dataclass(frozen=True)
class Within(RowCheck):
    """A number or date lies between two bounds, both allowed; missing values pass."""

    low: float | dt.date | None
    high: float | dt.date | None
    kind = "range"

    @override
    def breaches(self, rows: pa.RecordBatch) -> Mask | None:
        values = rows.column(self.columns[0])
        if pa.types.is_boolean(values.type):
            values = values.cast(pa.int8())
        ends = pc.min_max(values)
        if not _outside(ends["min"].as_py(), ends["max"].as_py(), self.low, self.high):
            return None
        found = np.zeros(len(values), np.bool_)
        there = values.drop_null().to_numpy(zero_copy_only=False)
        found[~_nulls(values)] = _below(there, self.low) | _above(there, self.high)
        return _any(found)

    @override
    def expectation(self) -> Any:
        import great_expectations.expectations as gxe

        return gxe.ExpectColumnValuesToBeBetween(column=self.columns[0], min_value=self.low, max_value=self.high)


class Finite(Within):
    """A float is neither infinite; holds for every float column without a line in the spec."""

    kind = "finite"


@dataclass(frozen=True)
class OneOf(RowCheck):
    """A value is one of those allowed; null passes."""

    allowed: pa.Array
    kind = "values"

    @override
    def breaches(self, rows: pa.RecordBatch) -> Mask | None:
        return _of_each(rows.column(self.columns[0]), self._strange)

    def _strange(self, values: pa.Array) -> Mask:
        return ~np.asarray(pc.is_in(values, value_set=self.allowed.cast(values.type)))

    @override
    def expectation(self) -> Any | None:
        import great_expectations.expectations as gxe

        if len(self.allowed) > MOST_LISTED:
            return None
        return gxe.ExpectColumnValuesToBeInSet(column=self.columns[0], value_set=self.allowed.to_pylist())


class KnownValues(OneOf):
    """A value is in the file that a reference names."""

    kind = "reference"


@dataclass(frozen=True)
class Matches(RowCheck):
    """A text holds what a regular expression looks for; null passes."""

    pattern: str
    kind = "pattern"

    @override
    def breaches(self, rows: pa.RecordBatch) -> Mask | None:
        return _of_each(rows.column(self.columns[0]), self._other)

    def _other(self, values: pa.Array) -> Mask:
        import pandas as pd

        # By pandas, as Great Expectations does it: two engines of regular expressions differ in small print.
        return ~np.asarray(pd.Series(values.to_pylist(), dtype="str").str.contains(self.pattern), np.bool_)

    @override
    def expectation(self) -> Any:
        import great_expectations.expectations as gxe

        return gxe.ExpectColumnValuesToMatchRegex(column=self.columns[0], regex=self.pattern)


@dataclass(frozen=True)
class Compared(RowCheck):
    """Two columns of a row stand in a relation; a row where either is missing passes."""

    relation: str
    kind = "compare"

    @property
    @override
    def name(self) -> str:
        return f"{self.columns[0]}: not {self.relation} {self.columns[1]}"

    @override
    def breaches(self, rows: pa.RecordBatch) -> Mask | None:
        left, right = (_plain(rows.column(name)) for name in self.columns)
        both = ~(missing(left) | missing(right))
        found = np.zeros(rows.num_rows, np.bool_)
        these = pa.array(both)
        ours, theirs = (values.filter(these).to_numpy(zero_copy_only=False) for values in (left, right))
        found[both] = ~np.asarray(RELATIONS[self.relation](ours, theirs), np.bool_)
        return _any(found)

    @override
    def expectation(self) -> Any:
        import great_expectations.expectations as gxe

        greater, smaller = self.columns if self.relation in {">", ">="} else self.columns[::-1]
        pair = {"column_A": greater, "column_B": smaller, "ignore_row_if": "either_value_is_missing"}
        if self.relation == "==":
            return gxe.ExpectColumnPairValuesToBeEqual(**pair)
        return gxe.ExpectColumnPairValuesAToBeGreaterThanB(**pair, or_equal=self.relation in {">=", "<="})


def row_checks(spec: ModelSpec, known: dict[str, pa.Array]) -> list[RowCheck]:
    """Every row check of a spec, in its order. ``known`` has the values of each reference, by its column."""
    found = [check for name, column in spec.columns.items() for check in _of_column(name, column)]
    found += [_compared(pair) for pair in spec.night.compare]
    return found + [KnownValues((r.column,), r.on_breach, known[r.column]) for r in spec.night.references]


def _of_column(name: str, column: Column) -> list[RowCheck]:
    found: list[RowCheck] = []
    if not column.nullable:
        found.append(NotNull((name,), column.action("null")))
    if column.type in {"float32", "float64"}:
        most = float(np.finfo(column.type).max)
        found.append(Finite((name,), column.action("finite"), -most, most))
    if column.min is not None or column.max is not None:
        found.append(Within((name,), column.action("range"), column.min, column.max))
    if column.values is not None:
        found.append(OneOf((name,), column.action("values"), pa.array(column.values, pa.string())))
    if column.pattern is not None:
        found.append(Matches((name,), column.action("pattern"), column.pattern))
    return found


def _compared(pair: Compare) -> Compared:
    return Compared((pair.left, pair.right), pair.on_breach, pair.relation)


def _any(found: Mask) -> Mask | None:
    return found if found.any() else None


def _nulls(values: pa.Array) -> Mask:
    return np.asarray(values.is_null())


def missing(values: pa.Array) -> Mask:
    """Which values are null or NaN, shape (values,)."""
    return np.asarray(values.is_null(nan_is_null=pa.types.is_floating(values.type)))


def _plain(values: pa.Array) -> pa.Array:
    return values.dictionary_decode() if pa.types.is_dictionary(values.type) else values


def _of_each(values: pa.Array, breaches: Callable[[pa.Array], Mask]) -> Mask | None:
    """Ask once for each distinct value."""
    coded = values if pa.types.is_dictionary(values.type) else values.dictionary_encode()
    of_value = np.append(breaches(coded.dictionary), False)
    if not of_value.any():
        return None
    # Null looks at the place behind the last.
    return _any(of_value[np.asarray(coded.indices.fill_null(len(coded.dictionary)))])


def _outside(least: Any, most: Any, low: Any, high: Any) -> bool:
    if least is None:
        return False
    return (low is not None and least < low) or (high is not None and most > high)


def _below(values: NDArray[Any], low: Any) -> Mask:
    return np.zeros(len(values), np.bool_) if low is None else np.asarray(values < _bound(values, low), np.bool_)


def _above(values: NDArray[Any], high: Any) -> Mask:
    return np.zeros(len(values), np.bool_) if high is None else np.asarray(values > _bound(values, high), np.bool_)


def _bound(values: NDArray[Any], bound: Any) -> Any:
    return np.datetime64(bound) if values.dtype.kind == "M" else bound

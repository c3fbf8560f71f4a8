"""Row checks: each line of the spec once, as the rows that breach it and as the Great Expectation that says the same.

``breaches`` looks at Arrow columns a chunk at a time; ``expectation`` is for the report and for nights
that are small enough for Great Expectations to look at every row. A property test holds the two together.
"""

import datetime as dt
import math
import operator
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from typing_extensions import override

from nightshift.spec import Action, Column, Compare, ModelSpec, Reference
from nightshift.spec.patterns import can_be_split, longest_tried
from nightshift.stores.types import decoded
from nightshift.validation.masks import (
    RowMask,
    any_outside,
    by_distinct_value,
    missing,
    none_if_all_false,
    null,
    outside,
)
from nightshift.validation.regular import not_matching

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
    # What a breach is called where ``expectation`` is None.
    expectation_type: ClassVar[str | None] = None

    @property
    def name(self) -> str:
        """As it stands in a quarantined row's reasons."""
        return f"{self.columns[0]}: {self.kind}"

    @property
    def is_ours_alone(self) -> bool:
        """Whether Great Expectations is told what came of it, and does not look for itself."""
        return False

    @abstractmethod
    def breaches(self, rows: pa.RecordBatch) -> RowMask | None:
        """True where a row breaches it, shape (rows,); None where none does."""

    @abstractmethod
    def expectation(self) -> Any | None:
        """The same for Great Expectations; None when it cannot be said there in a readable size."""


class NotNull(RowCheck):
    """A value is there; NaN is none."""

    kind = "null"

    @override
    def breaches(self, rows: pa.RecordBatch) -> RowMask | None:
        values = rows.column(self.columns[0])
        if values.null_count == 0 and not pa.types.is_floating(values.type):
            return None
        return none_if_all_false(missing(values))

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
    def breaches(self, rows: pa.RecordBatch) -> RowMask | None:
        values = rows.column(self.columns[0])
        if pa.types.is_boolean(values.type):
            values = values.cast(pa.int8())
        if not any_outside(values, self.low, self.high):
            return None
        present = values.drop_null().to_numpy(zero_copy_only=False)
        present_mask = outside(present, self.low, self.high)
        mask = np.zeros(len(values), np.bool_)
        mask[~null(values)] = present_mask
        return none_if_all_false(mask)

    @override
    def expectation(self) -> Any:
        import great_expectations.expectations as gxe

        return gxe.ExpectColumnValuesToBeBetween(
            column=self.columns[0],
            min_value=self.low,
            max_value=self.high,
        )


class Finite(Within):
    """A float is neither infinite; holds for every float column without a line in the spec."""

    kind = "finite"


@dataclass(frozen=True)
class OneOf(RowCheck):
    """A value is one of those allowed; null passes."""

    allowed: pa.Array
    kind = "values"
    expectation_type = "expect_column_values_to_be_in_set"

    @override
    def breaches(self, rows: pa.RecordBatch) -> RowMask | None:
        values = rows.column(self.columns[0])
        return by_distinct_value(values, self._not_allowed)

    def _not_allowed(self, values: pa.Array) -> RowMask:
        allowed = self.allowed.cast(values.type)
        is_allowed = pc.is_in(values, value_set=allowed)
        return ~np.asarray(is_allowed)

    @override
    def expectation(self) -> Any | None:
        import great_expectations.expectations as gxe

        if len(self.allowed) > MOST_LISTED:
            return None
        return gxe.ExpectColumnValuesToBeInSet(
            column=self.columns[0],
            value_set=self.allowed.to_pylist(),
        )


class KnownValues(OneOf):
    """A value is in the file that a reference names."""

    kind = "reference"


@dataclass(frozen=True)
class Matches(RowCheck):
    """A text holds what a regular expression looks for; null passes."""

    pattern: str
    kind = "pattern"

    @override
    def breaches(self, rows: pa.RecordBatch) -> RowMask | None:
        values = rows.column(self.columns[0])
        return by_distinct_value(values, self._not_matching)

    @property
    @override
    def is_ours_alone(self) -> bool:
        """Great Expectations would run it by an engine that may take for ever."""
        return can_be_split(self.pattern) or math.isfinite(longest_tried(self.pattern))

    def _not_matching(self, values: pa.Array) -> RowMask:
        return not_matching(values, self.pattern, self.columns[0])

    @override
    def expectation(self) -> Any:
        import great_expectations.expectations as gxe

        return gxe.ExpectColumnValuesToMatchRegex(
            column=self.columns[0],
            regex=self.pattern,
        )


@dataclass(frozen=True)
class Compared(RowCheck):
    """Two columns of a row stand in a relation; a row where either is missing passes."""

    relation: str
    kind = "compare"

    @property
    @override
    def name(self) -> str:
        left, right = self.columns
        return f"{left}: not {self.relation} {right}"

    @override
    def breaches(self, rows: pa.RecordBatch) -> RowMask | None:
        left = decoded(rows.column(self.columns[0]))
        right = decoded(rows.column(self.columns[1]))
        either_missing = missing(left) | missing(right)
        comparable = pa.array(~either_missing)
        left_values = left.filter(comparable).to_numpy(zero_copy_only=False)
        right_values = right.filter(comparable).to_numpy(zero_copy_only=False)
        holds = RELATIONS[self.relation](left_values, right_values)
        mask = np.zeros(rows.num_rows, np.bool_)
        mask[~either_missing] = ~np.asarray(holds, np.bool_)
        return none_if_all_false(mask)

    @override
    def expectation(self) -> Any:
        import great_expectations.expectations as gxe

        greater, smaller = self.columns
        if self.relation not in {">", ">="}:
            greater, smaller = smaller, greater
        pair = {
            "column_A": greater,
            "column_B": smaller,
            "ignore_row_if": "either_value_is_missing",
        }
        if self.relation == "==":
            return gxe.ExpectColumnPairValuesToBeEqual(**pair)
        or_equal = self.relation in {">=", "<="}
        return gxe.ExpectColumnPairValuesAToBeGreaterThanB(**pair, or_equal=or_equal)


def row_checks(spec: ModelSpec, allowed: dict[str, pa.Array]) -> list[RowCheck]:
    """Every row check of a spec, in its order. ``allowed`` has the values of each reference, by its column."""
    checks: list[RowCheck] = []
    for name, column in spec.columns.items():
        checks += _of_column(name, column)
    for pair in spec.night.compare:
        checks.append(_of_pair(pair))
    for reference in spec.night.references:
        checks.append(_of_reference(reference, allowed))
    return checks


def _of_column(name: str, column: Column) -> list[RowCheck]:
    checks: list[RowCheck] = []
    columns = (name,)
    if not column.nullable:
        action = column.action("null")
        checks.append(NotNull(columns, action))
    if column.type in {"float32", "float64"}:
        action = column.action("finite")
        largest = float(np.finfo(column.type).max)
        checks.append(Finite(columns, action, low=-largest, high=largest))
    if column.min is not None or column.max is not None:
        action = column.action("range")
        checks.append(Within(columns, action, low=column.min, high=column.max))
    if column.allowed is not None:
        action = column.action("values")
        allowed = pa.array(column.allowed, pa.string())
        checks.append(OneOf(columns, action, allowed))
    if column.pattern is not None:
        action = column.action("pattern")
        checks.append(Matches(columns, action, column.pattern))
    return checks


def _of_pair(pair: Compare) -> Compared:
    return Compared(
        columns=(pair.left, pair.right),
        action=pair.on_breach,
        relation=pair.relation,
    )


def _of_reference(reference: Reference, allowed: dict[str, pa.Array]) -> KnownValues:
    return KnownValues(
        columns=(reference.column,),
        action=reference.on_breach,
        allowed=allowed[reference.column],
    )

"""Checks of a night as a whole: how many rows, which share of nulls, keys that are there once."""

from dataclasses import dataclass
from typing import Any

from nightshift.spec import Action, ModelSpec


@dataclass(frozen=True)
class RowCount:
    """A night has about as many rows as it should: by the spec, or beside the nights before."""

    low: int | None
    high: int | None

    def holds(self, rows: int) -> bool:
        """Whether that many rows will do."""
        return (self.low is None or rows >= self.low) and (self.high is None or rows <= self.high)

    def expectation(self) -> Any:
        """The same for Great Expectations."""
        import great_expectations.expectations as gxe

        return gxe.ExpectTableRowCountToBeBetween(min_value=self.low, max_value=self.high)


@dataclass(frozen=True)
class NullShare:
    """Of a column that may be null, enough is there."""

    column: str
    most: float

    @property
    def columns(self) -> tuple[str, ...]:
        """What it looks at."""
        return (self.column,)

    def holds(self, nulls: int, rows: int) -> bool:
        """Whether the rest is enough; as Great Expectations counts it."""
        return rows == 0 or (rows - nulls) / rows >= 1 - self.most

    def expectation(self) -> Any:
        """The same for Great Expectations."""
        import great_expectations.expectations as gxe

        return gxe.ExpectColumnValuesToNotBeNull(column=self.column, mostly=1 - self.most)


@dataclass(frozen=True)
class UniqueKeys:
    """No two rows have the same key; every row of a repeated one counts as a breach, not all but the first."""

    columns: tuple[str, ...]
    action: Action

    @property
    def name(self) -> str:
        """As it stands in a quarantined row's reasons."""
        return f"{', '.join(self.columns)}: duplicate"

    def expectation(self) -> Any:
        """The same for Great Expectations."""
        import great_expectations.expectations as gxe

        if len(self.columns) > 1:
            return gxe.ExpectCompoundColumnsToBeUnique(column_list=list(self.columns))
        return gxe.ExpectColumnValuesToBeUnique(column=self.columns[0])


def row_counts(spec: ModelSpec, before: list[int]) -> list[RowCount]:
    """The spec's own limits, and those by the rows of the nights ``before``, if they are enough to say anything."""
    found = [RowCount(spec.night.min_rows, spec.night.max_rows)]
    history = spec.night.history
    if history is not None and 2 * len(before) >= history.nights:
        middle = sorted(before)[len(before) // 2]
        found.append(RowCount(int(middle * history.min_share), int(middle * history.max_share)))
    return found


def null_shares(spec: ModelSpec) -> list[NullShare]:
    """One for each column that gives a share below 1."""
    limits = {name: column.max_null_share for name, column in spec.columns.items() if column.nullable}
    return [NullShare(name, most) for name, most in limits.items() if most is not None and most < 1]


def unique_keys(spec: ModelSpec) -> UniqueKeys:
    """Of the spec's keys."""
    return UniqueKeys(spec.keys, spec.night.duplicate_keys)

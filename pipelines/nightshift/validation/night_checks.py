"""Checks of a night as a whole: how many rows, which share of nulls, keys that are there once."""

from dataclasses import dataclass
from typing import Any

from nightshift.spec import Action, ModelSpec


@dataclass(frozen=True)
class RowCount:
    """A night has about as many rows as it should: by the spec, or beside the nights before.

    ``cut_at``: the source has more rows than that, and no more were read.
    """

    low: int | None
    high: int | None
    cut_at: int | None = None

    def holds(self, rows: int) -> bool:
        """Whether that many rows will do."""
        too_few = self.low is not None and rows < self.low
        too_many = self.high is not None and rows > self.high
        return not too_few and not too_many

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
        if rows == 0:
            return True
        present = (rows - nulls) / rows
        return present >= 1 - self.most

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
        columns = ", ".join(self.columns)
        return f"{columns}: duplicate"

    def expectation(self) -> Any:
        """The same for Great Expectations."""
        import great_expectations.expectations as gxe

        columns = list(self.columns)
        if len(columns) > 1:
            return gxe.ExpectCompoundColumnsToBeUnique(column_list=columns)
        return gxe.ExpectColumnValuesToBeUnique(column=columns[0])


def row_counts(spec: ModelSpec, before: list[int], cut_at: int | None = None) -> list[RowCount]:
    """The spec's own limits, and those by the rows of the nights ``before``, if they are enough to say anything."""
    own_limits = RowCount(
        low=spec.night.min_rows,
        high=spec.night.max_rows,
        cut_at=cut_at,
    )
    history = spec.night.history
    if history is None or 2 * len(before) < history.nights:
        return [own_limits]
    median = sorted(before)[len(before) // 2]
    by_history = RowCount(
        low=int(median * history.min_share),
        high=int(median * history.max_share),
        cut_at=cut_at,
    )
    return [own_limits, by_history]


def null_shares(spec: ModelSpec) -> list[NullShare]:
    """One for each column that gives a share below 1."""
    shares = []
    for name, column in spec.columns.items():
        limit = column.max_null_share
        if column.nullable and limit is not None and limit < 1:
            shares.append(NullShare(name, limit))
    return shares


def unique_keys(spec: ModelSpec) -> UniqueKeys:
    """Of the spec's keys."""
    return UniqueKeys(spec.keys, spec.night.duplicate_keys)

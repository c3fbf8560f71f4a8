"""What the checks of a night came to: one result a check, a breach for people, all of them together."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from nightshift.errors import plain
from nightshift.quotes import shown
from nightshift.spec import Action
from nightshift.validation.checks import RowCheck
from nightshift.validation.night_checks import NullShare, RowCount, UniqueKeys

EXAMPLES = 5
WHOLE_NIGHT = "the night"
# What an expectation looks at and how it runs; the rest of its arguments are its limits.
_NO_LIMITS = {"column", "column_list", "column_A", "column_B", "batch_id", "ignore_row_if"}

Check = RowCheck | UniqueKeys | NullShare | RowCount


@dataclass(frozen=True)
class CheckResult:
    """What one check found in a night of ``rows`` rows; ``breached`` are rows, None for the number of rows itself."""

    check: Check
    rows: int
    breached: int | None
    success: bool
    examples: list[str] = field(default_factory=list)

    @property
    def action(self) -> Action:
        """What a breach does."""
        return getattr(self.check, "action", "refuse")

    @property
    def refuses(self) -> bool:
        """Whether the night cannot be published because of it."""
        return self.action == "refuse" and not self.success

    @property
    def observed(self) -> str:
        """In a few words."""
        if self.breached is None:
            cut_at = getattr(self.check, "cut_at", None)
            return f"observed {self.rows}" if cut_at is None else f"observed more than {cut_at}"
        return f"{self.breached} of {self.rows} rows"

    def breach(self) -> "Breach":
        """The same for people, in the words of Great Expectations."""
        expectation = self.check.expectation()
        if expectation is None:
            expectation_type = _own_type(self.check)
            kwargs = {}
        else:
            expectation_type = expectation.configuration.type
            kwargs = expectation.configuration.kwargs
        columns = getattr(self.check, "columns", ())
        return Breach(
            column=", ".join(columns) or WHOLE_NIGHT,
            expectation=expectation_type,
            expected=_limits(kwargs),
            observed=self.observed,
            examples=self.examples[:EXAMPLES],
        )


@dataclass(frozen=True)
class Breach:
    """One expectation that a night did not meet."""

    column: str
    expectation: str
    expected: str
    observed: str
    examples: list[str]

    def __str__(self) -> str:
        message = f"{self.column}: {self.expectation} ({self.expected}): {self.observed}"
        if not self.examples:
            return message
        examples = ", ".join(map(in_a_line, self.examples))
        return f"{message}, e.g. {examples}"


def in_a_line(value: str) -> str:
    """A value of the data in one line, and not more of it than a person reads."""
    return plain(shown(value), kept="")


@dataclass(frozen=True)
class ValidationResult:
    """Breaches that refuse the night, the complete result as JSON, and what renders the Data Docs page."""

    breaches: list[Breach]
    expectations: int
    json: dict[str, Any]
    page: Callable[[], str]

    @property
    def html(self) -> str:
        """The Data Docs page, rendered when it is asked for: that takes as long as the checks of a small night."""
        return self.page()


def native_breach(item: dict[str, Any]) -> Breach:
    """Of one result as Great Expectations writes it down."""
    config = item["expectation_config"]
    kwargs = config["kwargs"]
    columns = ", ".join(kwargs.get("column_list", ()))
    offending = item["result"].get("partial_unexpected_list", ())
    return Breach(
        column=kwargs.get("column") or columns or WHOLE_NIGHT,
        expectation=config["type"],
        expected=_limits(kwargs),
        observed=native_observed(item),
        examples=[str(value) for value in offending][:EXAMPLES],
    )


def native_observed(item: dict[str, Any]) -> str:
    """What Great Expectations saw, in a few words."""
    result = item["result"]
    exception = item["exception_info"]
    if exception.get("raised_exception"):
        return in_a_line(str(exception.get("exception_message")))
    if "unexpected_count" in result:
        return f"{result['unexpected_count']} of {result['element_count']} rows"
    observed = result.get("observed_value")
    # Of a set of values, as of their most frequent one, these are the data's own.
    return f"observed {observed if isinstance(observed, int | float) else in_a_line(str(observed))}"


def _own_type(check: Check) -> str:
    """The type of an expectation that is not said to Great Expectations."""
    own_type = getattr(check, "expectation_type", None)
    if own_type is None:
        raise TypeError(f"{check} gives no expectation: its class must name an expectation_type")
    return str(own_type)


def _limits(kwargs: dict[str, Any]) -> str:
    limits = []
    for name, value in kwargs.items():
        if name in _NO_LIMITS or value is None:
            continue
        limits.append(f"{name} {value}")
    return ", ".join(limits) or "all"

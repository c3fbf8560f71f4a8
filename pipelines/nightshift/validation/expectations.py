"""Great Expectations: what was found in a night, as its own results and Data Docs.

A night of up to ``MOST_ROWS`` rows is looked at by Great Expectations itself, and must be found as our
own checks found it. A larger one would take it gigabytes: its results are then made of ours. The context is
ephemeral and made inside the call: contexts shared between tasks corrupt each other.
"""

import json
import logging
import os
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nightshift.errors import DataError, SpecError
from nightshift.spec import Action
from nightshift.validation.checks import RowCheck
from nightshift.validation.night_checks import NullShare, RowCount, UniqueKeys

if TYPE_CHECKING:
    import pandas as pd

MOST_ROWS = 100_000
EXAMPLES = 5
NUMBER = "nightshift"
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
    def observed(self) -> str:
        """In a few words."""
        return f"observed {self.rows}" if self.breached is None else f"{self.breached} of {self.rows} rows"


@dataclass(frozen=True)
class Breach:
    """One expectation that a night did not meet."""

    column: str
    expectation: str
    expected: str
    observed: str
    examples: list[str]

    def __str__(self) -> str:
        examples = f", e.g. {', '.join(self.examples)}" if self.examples else ""
        return f"{self.column}: {self.expectation} ({self.expected}): {self.observed}{examples}"


@dataclass(frozen=True)
class ValidationResult:
    """Breaches that refuse the night, the complete result as JSON, and the Data Docs page."""

    breaches: list[Breach]
    expectations: int
    json: dict[str, Any]
    html: str


def report(
    findings: list[CheckResult], name: str, frame: "pd.DataFrame | None" = None, native: Any = ()
) -> ValidationResult:
    """The findings of a night as Great Expectations says them; with a ``frame`` it looks for itself.

    ``native`` are expectations of its own format, run on the frame. Raises ``DataError`` when Great
    Expectations sees another number of rows than we do.
    """
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = [_numbered(index, finding) for index, finding in enumerate(findings)]
        said = [one for one in expected if one is not None]
        result = _made(findings, said, name) if frame is None else _run(frame, [*said, *native], name)
        items = [item.to_json_dict() for item in result.results]
        _agree(findings, items, name)
        return ValidationResult(
            breaches=[_breach(finding) for finding in findings if not finding.success and finding.action == "refuse"]
            + [_native_breach(item) for item in items if not item["success"] and _number(item) is None],
            expectations=len(findings) + len(native),
            json=result.to_json_dict(),
            html=_data_docs(result),
        )


def native(file: Path) -> list[Any]:
    """Expectations in Great Expectations' own words: a JSON list of ``{"type": ..., "kwargs": {...}}``.

    Raises ``SpecError`` for what it does not know.
    """
    from great_expectations.expectations.expectation_configuration import ExpectationConfiguration

    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        return [ExpectationConfiguration(**{"kwargs": {}, **one}).to_domain_obj() for one in content]
    except Exception as error:  # whatever it raises for a person's JSON: its errors have no common root
        raise SpecError(
            f"{file}: {type(error).__name__}: {str(error).splitlines()[0][:200]}",
            fix='a JSON list of {"type": "expect_...", "kwargs": {...}}',
        ) from error


def _numbered(index: int, finding: CheckResult) -> Any | None:
    found = finding.check.expectation()
    if found is not None:
        found.meta = {NUMBER: index}
        found.severity = "warning" if finding.action == "drop" else "critical"
    return found


def _run(frame: "pd.DataFrame", expected: list[Any], name: str) -> Any:
    import great_expectations as gx

    logging.getLogger("great_expectations").setLevel(logging.WARNING)
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    suite = gx.ExpectationSuite(name=name, expectations=expected)
    asset = context.data_sources.add_pandas("night").add_dataframe_asset("night")
    batch = asset.add_batch_definition_whole_dataframe(name).get_batch({"dataframe": frame})
    return batch.validate(suite, result_format="SUMMARY")


def _made(findings: list[CheckResult], expected: list[Any], name: str) -> Any:
    from great_expectations.core import ExpectationSuiteValidationResult, ExpectationValidationResult

    def one(expectation: Any) -> Any:
        finding = findings[expectation.meta[NUMBER]]
        return ExpectationValidationResult(
            success=finding.success,
            expectation_config=expectation.configuration,
            result=_counted(finding),
            exception_info={"raised_exception": False, "exception_traceback": None, "exception_message": None},
        )

    results = [one(expectation) for expectation in expected]
    met = sum(result.success for result in results)
    statistics = {
        "evaluated_expectations": len(results),
        "successful_expectations": met,
        "unsuccessful_expectations": len(results) - met,
        "success_percent": 100 * met / len(results),
    }
    return ExpectationSuiteValidationResult(met == len(results), results, suite_name=name, statistics=statistics)


def _counted(finding: CheckResult) -> dict[str, Any]:
    if finding.breached is None:
        return {"observed_value": finding.rows}
    return {
        "element_count": finding.rows,
        "unexpected_count": finding.breached,
        "unexpected_percent": 100 * finding.breached / max(finding.rows, 1),
        "partial_unexpected_list": finding.examples,
    }


def _agree(findings: list[CheckResult], items: list[dict[str, Any]], name: str) -> None:
    for item in items:
        number = _number(item)
        if number is None:
            continue
        ours = findings[number]
        theirs = item["result"].get("unexpected_count", ours.breached or 0)
        if item["exception_info"].get("raised_exception") or (theirs, item["success"]) != (
            ours.breached or 0,
            ours.success,
        ):
            raise DataError(
                f"{name}: {_breach(ours)}; Great Expectations says: {_observed(item)}",
                fix="this is a fault of Nightshift: keep the night and report it",
            )


def _number(item: dict[str, Any]) -> int | None:
    return (item["expectation_config"].get("meta") or {}).get(NUMBER)


def _breach(finding: CheckResult) -> Breach:
    expectation = finding.check.expectation()
    kwargs = {} if expectation is None else expectation.configuration.kwargs
    kind = "expect_column_values_to_be_in_set" if expectation is None else expectation.configuration.type
    about = ", ".join(getattr(finding.check, "columns", ())) or "the night"
    return Breach(about, kind, _limits(kwargs), finding.observed, finding.examples[:EXAMPLES])


def _native_breach(item: dict[str, Any]) -> Breach:
    config, result = item["expectation_config"], item["result"]
    examples = [str(value) for value in result.get("partial_unexpected_list", ())][:EXAMPLES]
    about = config["kwargs"].get("column") or ", ".join(config["kwargs"].get("column_list", ())) or "the night"
    return Breach(about, config["type"], _limits(config["kwargs"]), _observed(item), examples)


def _limits(kwargs: dict[str, Any]) -> str:
    hidden = {"column", "column_list", "column_A", "column_B", "batch_id", "ignore_row_if"}
    limits = {name: value for name, value in kwargs.items() if name not in hidden and value is not None}
    return ", ".join(f"{name} {value}" for name, value in limits.items()) or "all"


def _observed(item: dict[str, Any]) -> str:
    result = item["result"]
    if item["exception_info"].get("raised_exception"):
        return str(item["exception_info"].get("exception_message"))
    if "unexpected_count" in result:
        return f"{result['unexpected_count']} of {result['element_count']} rows"
    return f"observed {result.get('observed_value')}"


def _data_docs(result: Any) -> str:
    from great_expectations.render.renderer import ValidationResultsPageRenderer
    from great_expectations.render.view import DefaultJinjaPageView

    return str(DefaultJinjaPageView().render(ValidationResultsPageRenderer().render(result)))

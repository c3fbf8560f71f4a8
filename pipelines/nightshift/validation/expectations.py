"""Great Expectations: what was found in a night, as its own results and Data Docs.

A night of up to ``MOST_ROWS`` rows is looked at by Great Expectations itself, and must be found as our
own checks found it. A larger one would take it gigabytes: its results are then made of ours. What is asked night after
night is kept in a ``Suite``. Expectations in its own words go through a context that is ephemeral and made inside the
call: contexts shared between tasks corrupt each other.
"""

import logging
import os
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from nightshift.errors import DataError
from nightshift.validation.asked import NO_EXCEPTION, CheckedItem, Suite, items_of
from nightshift.validation.data_docs import data_docs
from nightshift.validation.results import Breach, CheckResult, ValidationResult, native_breach, native_observed
from nightshift.validation.widened import widened

if TYPE_CHECKING:
    import pandas as pd

MOST_ROWS = 100_000
# Under this name an expectation's meta has the place of our own check in the list of results.
PLACE = "nightshift"


def report(
    results: list[CheckResult],
    name: str,
    frame: "pd.DataFrame | None" = None,
    native: Sequence[Any] = (),
    suite: Suite | None = None,
) -> ValidationResult:
    """The results of a night as Great Expectations says them; with a ``frame`` it looks for itself.

    ``native`` are expectations of its own format, run on the frame; ``suite`` has what was asked of the nights before.
    Raises ``DataError`` when Great Expectations sees another number of rows than we do.
    """
    quieten()
    suite = suite or Suite()
    with _without_warnings():
        expectations = _expectations(results, suite)
        if frame is None:
            items = _from_our_results(results, expectations)
        else:
            items = _looked_at(frame, results, _looked_for(results, expectations), native, name, suite)
            items += _from_our_results(results, _ours_alone(results, expectations))
        written = [item.json for item in items]
        _require_agreement(results, written, name)
        return ValidationResult(
            breaches=[*_our_breaches(results), *_native_breaches(written)],
            expectations=len(results) + len(native),
            json=_content(items, name),
            page=partial(_page, items, name),
        )


def quieten() -> None:
    """Great Expectations tells its makers nothing of this process. Before it is imported."""
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")


@contextmanager
def _without_warnings() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _are_met(items: Sequence[CheckedItem]) -> bool:
    return all(item.validated.success for item in items)


def _content(items: Sequence[CheckedItem], name: str) -> dict[str, Any]:
    """All results as Great Expectations writes those of a suite."""
    from great_expectations import __version__ as great_expectations_version

    return {
        "success": _are_met(items),
        "results": [item.json for item in items],
        "suite_name": name,
        "suite_parameters": {},
        "statistics": _statistics(items),
        "meta": {"great_expectations_version": great_expectations_version},
        "id": None,
    }


def _page(items: Sequence[CheckedItem], name: str) -> str:
    from great_expectations.core import ExpectationSuiteValidationResult

    with _without_warnings():
        return data_docs(
            ExpectationSuiteValidationResult(
                success=_are_met(items),
                results=[item.validated for item in items],
                suite_name=name,
                statistics=_statistics(items),
            )
        )


def _expectations(results: list[CheckResult], suite: Suite) -> list[Any]:
    """Of each check that can be said to Great Expectations, with its place among the results."""
    expectations = []
    for place, result in enumerate(results):
        expectation = suite.expectation(place, result.check, partial(_expectation, place, result))
        if expectation is not None:
            expectations.append(expectation)
    return expectations


def _expectation(place: int, result: CheckResult) -> Any | None:
    expectation = result.check.expectation()
    if expectation is not None:
        expectation.meta = {PLACE: place}
        expectation.severity = "warning" if result.action == "drop" else "critical"
    return expectation


def _looked_for(results: list[CheckResult], expectations: list[Any]) -> list[Any]:
    looked_for = []
    for expectation in expectations:
        if not _is_ours_alone(results, expectation):
            looked_for.append(expectation)
    return looked_for


def _is_ours_alone(results: list[CheckResult], expectation: Any) -> bool:
    check = results[expectation.meta[PLACE]].check
    return bool(getattr(check, "is_ours_alone", False))


def _ours_alone(results: list[CheckResult], expectations: list[Any]) -> list[Any]:
    """Those that it does not look for; it is told what came of them."""
    return [expectation for expectation in expectations if _is_ours_alone(results, expectation)]


def _looked_at(
    frame: "pd.DataFrame",
    results: list[CheckResult],
    expectations: Sequence[Any],
    native: Sequence[Any],
    name: str,
    suite: Suite,
) -> list[CheckedItem]:
    """What Great Expectations sees in the rows, in the order of the checks, then of its own expectations.

    Of what we found broken, and of what we did not look for, it lists the rows and counts their values. Of the rest it
    gives the numbers alone, in half the time; that we do not agree on these is found out afterwards.
    """
    unbroken: list[Any] = []
    broken: list[Any] = []
    for expectation in expectations:
        is_broken = not results[expectation.meta[PLACE]].success
        side = broken if is_broken else unbroken
        side.append(expectation)
    wide = widened(frame, expectations)
    items = _asked(wide, unbroken, "BASIC", name, suite) + _asked(wide, broken, "SUMMARY", name, suite)
    items.sort(key=lambda item: int(item.json["expectation_config"]["meta"][PLACE]))
    if native:
        items += _validated(frame, native, "SUMMARY", name)
    return items


def _asked(
    frame: "pd.DataFrame", expectations: Sequence[Any], result_format: str, name: str, suite: Suite
) -> list[CheckedItem]:
    if not expectations:
        return []
    placed = [(int(expectation.meta[PLACE]), expectation) for expectation in expectations]
    try:
        return suite.look(frame, placed, result_format)
    except Exception:  # noqa: BLE001 - whatever the rows make its metrics raise: its validator says of which expectation
        return _validated(frame, expectations, result_format, name)


def _validated(frame: "pd.DataFrame", expectations: Sequence[Any], result_format: str, name: str) -> list[CheckedItem]:
    """What a validator of its own says of the rows; an exception is the result of the expectation that raised it."""
    import great_expectations as gx

    logging.getLogger("great_expectations").setLevel(logging.WARNING)
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    source = context.data_sources.add_pandas("night")
    asset = source.add_dataframe_asset("night")
    definition = asset.add_batch_definition_whole_dataframe(name)
    batch = definition.get_batch({"dataframe": frame})
    # A suite gives each a number: those that are kept for the nights to come stay without one.
    suite = gx.ExpectationSuite(name=name, expectations=[expectation.copy() for expectation in expectations])
    return list(items_of(batch.validate(suite, result_format=result_format)))


def _from_our_results(results: list[CheckResult], expectations: list[Any]) -> list[CheckedItem]:
    from great_expectations.core import ExpectationValidationResult

    items = []
    for expectation in expectations:
        result = results[expectation.meta[PLACE]]
        validated = ExpectationValidationResult(
            success=result.success,
            expectation_config=expectation.configuration,
            result=_counts(result),
            exception_info=dict(NO_EXCEPTION),
        )
        items.append(CheckedItem(validated, validated.to_json_dict()))
    return items


def _statistics(items: Sequence[CheckedItem]) -> dict[str, Any]:
    successes = sum(item.validated.success for item in items)
    return {
        "evaluated_expectations": len(items),
        "successful_expectations": successes,
        "unsuccessful_expectations": len(items) - successes,
        "success_percent": 100 * successes / max(len(items), 1),
    }


def _counts(result: CheckResult) -> dict[str, Any]:
    if result.breached is None:
        return {"observed_value": result.rows}
    return {
        "element_count": result.rows,
        "unexpected_count": result.breached,
        "unexpected_percent": 100 * result.breached / max(result.rows, 1),
        "partial_unexpected_list": result.examples,
    }


def _require_agreement(results: list[CheckResult], items: list[dict[str, Any]], name: str) -> None:
    for item in items:
        place = _place(item)
        if place is None:
            continue
        ours = results[place]
        if not _agrees(ours, item):
            raise DataError(
                f"{name}: {ours.breach()}; Great Expectations says: {native_observed(item)}",
                fix="this is a fault of Nightshift: keep the night and report it",
            )


def _agrees(ours: CheckResult, item: dict[str, Any]) -> bool:
    if item["exception_info"].get("raised_exception"):
        return False
    breached = ours.breached or 0
    unexpected = item["result"].get("unexpected_count", breached)
    same_rows = bool(unexpected == breached)
    same_success = bool(item["success"] == ours.success)
    return same_rows and same_success


def _place(item: dict[str, Any]) -> int | None:
    meta = item["expectation_config"].get("meta") or {}
    return meta.get(PLACE)


def _our_breaches(results: list[CheckResult]) -> list[Breach]:
    breaches = []
    for result in results:
        if result.refuses:
            breaches.append(result.breach())
    return breaches


def _native_breaches(items: list[dict[str, Any]]) -> list[Breach]:
    breaches = []
    for item in items:
        is_native = _place(item) is None
        if is_native and not item["success"]:
            breaches.append(native_breach(item))
    return breaches

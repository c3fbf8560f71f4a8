"""What is asked of many nights is prepared once, and answered of each as a validator of its own would."""

import json
import warnings
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from nightshift.validation import asked, expectations
from nightshift.validation.asked import Suite
from nightshift.validation.checks import Compared, Finite, Matches, NotNull, OneOf, RowCheck, Within
from nightshift.validation.expectations import report
from nightshift.validation.night_checks import NullShare, RowCount, UniqueKeys
from nightshift.validation.results import CheckResult

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")
LARGEST = float(np.finfo("float32").max)
CHECKS = (
    RowCount(10, 100),
    UniqueKeys(("site", "number"), "refuse"),
    NullShare("amount", 0.5),
    NotNull(("site",), "refuse"),
    OneOf(("site",), "drop", pa.array(["east", "west"])),
    Matches(("kind",), "drop", "^[a-z]+$"),
    Finite(("amount",), "refuse", -LARGEST, LARGEST),
    Within(("amount",), "drop", 0, 100),
    Compared(("number", "ends"), "refuse", "<"),
)


def night(seed: int) -> pd.DataFrame:
    """Rows of which some breach each check of single rows."""
    random = np.random.default_rng(seed)
    rows = 40 + seed
    amounts = random.uniform(-20, 90, rows).astype("float32")
    amounts[random.random(rows) < 0.3] = np.nan
    numbers = np.arange(rows, dtype="int32")
    return pd.DataFrame({
        "site": random.choice(["east", "west", "north"], rows),
        "number": numbers,
        "kind": random.choice(["shoe", "lamp", "BOOK", None], rows),
        "amount": amounts,
        "ends": numbers + random.integers(0, 9, rows).astype("int32"),
    })


def told() -> list[tuple[int, Any]]:
    """The expectations with their places."""
    placed = []
    for place, check in enumerate(CHECKS):
        expectation = check.expectation()
        expectation.meta = {"nightshift": place}
        placed.append((place, expectation))
    return placed


@pytest.mark.parametrize("result_format", ["BASIC", "SUMMARY"])
def test_of_each_night_it_says_what_a_validator_of_its_own_says(result_format: str) -> None:
    suite = Suite()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for seed in (1, 2, 3):
            rows = night(seed)
            ours = suite.look(rows, told(), result_format)
            theirs = expectations._validated(rows, [expectation for _, expectation in told()], result_format, "shop")
            theirs.sort(key=lambda item: item.json["expectation_config"]["meta"]["nightshift"])
            # As texts: a NaN is not itself.
            assert [json.dumps(item.json, sort_keys=True) for item in ours] == [
                json.dumps(item.json, sort_keys=True) for item in theirs
            ]
            assert not all(item.json["success"] for item in ours)


def test_of_the_nights_after_the_first_nothing_is_prepared_but_what_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    prepared = []
    prepare = asked._ask
    monkeypatch.setattr(asked, "_ask", lambda *arguments: prepared.append(arguments[0]) or prepare(*arguments))
    suite = Suite()
    suite.look(night(1), told(), "BASIC")
    assert len(prepared) == len(CHECKS)
    suite.look(night(2), told(), "BASIC")
    assert len(prepared) == len(CHECKS)
    # As a night's rows beside those of the nights before it.
    changed = RowCount(10, 43).expectation()
    changed.meta = {"nightshift": 0}
    first, *_ = suite.look(night(4), [(0, changed), *told()[1:]], "BASIC")
    assert len(prepared) == len(CHECKS) + 1
    assert not first.json["success"]


def results_of(check: RowCheck, rows: int) -> list[CheckResult]:
    return [CheckResult(check, rows, 0, True)]


def test_rows_that_a_metric_cannot_take_are_a_result_and_no_crash() -> None:
    rows = pd.DataFrame({"site": ["east", "west"]})
    with pytest.raises(expectations.DataError, match="Great Expectations says: observed None"):
        report(results_of(Within(("missing",), "refuse", 0, 1), 2), "shop", rows)


def test_a_page_is_rendered_when_it_is_asked_for_and_not_before(monkeypatch: pytest.MonkeyPatch) -> None:
    pages = []
    monkeypatch.setattr(expectations, "data_docs", lambda result: pages.append(result) or "<html>")
    rows = pd.DataFrame({"amount": [1.0, 2.0]})
    outcome = report(results_of(Within(("amount",), "refuse", 0, 5), 2), "shop", rows)
    assert pages == []
    assert outcome.html == "<html>"
    assert len(pages) == 1


def test_a_check_of_another_kind_with_the_same_arguments_is_asked_for_itself() -> None:
    # As when a load has seen nights enough to bound their rows by, and each place has another check than before.
    suite = Suite()
    kinds = []
    for check in (NotNull(("number",), "refuse"), UniqueKeys(("number",), "refuse")):
        expectation = check.expectation()
        expectation.meta = {"nightshift": 0}
        (item,) = suite.look(night(0), [(0, expectation)], "BASIC")
        kinds.append(item.json["expectation_config"]["type"])
    assert kinds == ["expect_column_values_to_not_be_null", "expect_column_values_to_be_unique"]

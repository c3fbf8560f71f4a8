"""What Great Expectations is asked of each check of a night, by what we found of it."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from nightshift.errors import DataError
from nightshift.validation.checks import Matches, NotNull, RowCheck, Within
from nightshift.validation.expectations import report
from nightshift.validation.native import native
from nightshift.validation.results import CheckResult

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

ROWS = pd.DataFrame({"items": [1.0, 2.0, 9.0, 9.0], "kind": ["shoe", "lamp", "book", "shoe"]})
WHOLE, FEW = NotNull(("items",), "refuse"), Within(("items",), "refuse", 0, 5)
PLAIN = Matches(("kind",), "refuse", "^[a-z]+$")


def result(check: RowCheck, breached: int = 0) -> CheckResult:
    return CheckResult(check, len(ROWS), breached, not breached, ["9.0"] * breached)


def told(item: dict[str, Any]) -> tuple[str, bool, int, list[Any], Any]:
    found = item["result"]
    listed, counts = found["partial_unexpected_list"], found.get("partial_unexpected_counts")
    return item["expectation_config"]["type"], item["success"], found["unexpected_count"], listed, counts


def test_values_are_counted_where_they_break_something_and_every_check_stays_in_its_place(tmp_path: Path) -> None:
    own = tmp_path / "own.json"
    own.write_text(json.dumps([{"type": "expect_table_row_count_to_be_between"}]))
    checks = [result(FEW, 2), result(WHOLE), result(Within(("items",), "refuse", 0, 10))]
    outcome = report(checks, "shop", ROWS, native(own))
    *of_checks, of_own = outcome.json["results"]
    between = "expect_column_values_to_be_between"
    assert [told(item) for item in of_checks] == [
        (between, False, 2, [9.0, 9.0], [{"value": 9.0, "count": 2}]),
        ("expect_column_values_to_not_be_null", True, 0, [], None),
        (between, True, 0, [], None),
    ]
    assert of_own["result"] == {"observed_value": len(ROWS)}
    assert outcome.json["statistics"]["evaluated_expectations"] == len(outcome.json["results"])
    assert not outcome.json["success"]
    assert [str(breach) for breach in outcome.breaches] == [
        f"items: {between} (min_value 0.0, max_value 5.0): 2 of 4 rows, e.g. 9.0, 9.0"
    ]


def test_what_we_overlook_is_found_out_though_no_value_is_listed() -> None:
    with pytest.raises(DataError, match="Great Expectations says: 2 of 4 rows"):
        report([result(WHOLE), result(FEW), result(PLAIN)], "shop", ROWS)

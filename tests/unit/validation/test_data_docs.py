"""The Data Docs say what was asked and what was seen, and nothing that nobody wrote; the results stay whole."""

import re

import numpy as np
import pandas as pd
import pytest

from nightshift.validation.checks import Finite, NotNull, Within
from nightshift.validation.expectations import report
from nightshift.validation.night_checks import NullShare
from nightshift.validation.results import CheckResult

# Great Expectations brings these when it is imported first.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")
ROWS = 60


def text_of(html):
    return " ".join(re.sub(r"<(style|script).*?</\1>|<[^>]+>", " ", html, flags=re.DOTALL).split())


def outcome(amounts, kind="float32", looked=True):
    """Of a column of floats that may be null on half of its rows."""
    frame = pd.DataFrame({"amount": np.array(amounts, kind)})
    infinite = int(np.isinf(frame["amount"]).sum())
    nulls = int(frame["amount"].isna().sum())
    largest = float(np.finfo(kind).max)
    results = [
        CheckResult(
            Finite(("amount",), "refuse", -largest, largest), ROWS, infinite, infinite == 0, ["inf"] * infinite
        ),
        CheckResult(NullShare("amount", 0.5), ROWS, nulls, nulls <= ROWS / 2),
    ]
    return report(results, "orders 2024-03-10", frame if looked else None)


@pytest.mark.parametrize("looked", [True, False])
@pytest.mark.parametrize("kind", ["float32", "float64"])
def test_no_line_names_the_limits_of_a_float_that_nobody_wrote(kind, looked):
    quiet = outcome([1.5] * ROWS, kind, looked)
    text = text_of(quiet.html)
    assert not re.search(r"e\+?\d{2,3}\b", text)
    assert "every number must be finite" in text
    # What was looked for is what it was.
    kwargs = quiet.json["results"][0]["expectation_config"]["kwargs"]
    assert kwargs["max_value"] == -kwargs["min_value"] == float(np.finfo(kind).max)
    broken = outcome([np.inf, *[1.5] * (ROWS - 1)], kind, looked)
    assert [breach.observed for breach in broken.breaches] == [f"1 of {ROWS} rows"]
    assert "inf" in text_of(broken.html).split("every number must be finite")[1]


def test_nulls_that_are_allowed_are_counted_and_not_listed():
    quiet = outcome([np.nan] * 20 + [1.5] * (ROWS - 20))
    text = text_of(quiet.html)
    assert "66.6" in text
    assert "nan" not in text
    assert "Sampled Unexpected Values" not in text
    assert len(quiet.json["results"][1]["result"]["partial_unexpected_list"]) == 20
    many = outcome([np.nan] * 40 + [1.5] * (ROWS - 40))
    assert many.breaches
    assert "nan" not in text_of(many.html)


def test_values_that_break_an_expectation_are_still_shown():
    frame = pd.DataFrame({"weight": [1.0, -77.5, 2.0]})
    results = [
        CheckResult(NotNull(("weight",), "refuse"), 3, 0, True),
        CheckResult(Within(("weight",), "refuse", 0, None), 3, 1, False, ["-77.5"]),
    ]
    assert "-77.5" in text_of(report(results, "orders 2024-03-10", frame).html)


def test_how_the_rows_were_handed_over_is_no_part_of_the_page():
    text = text_of(outcome([1.5] * ROWS).html)
    for noise in ("__none__", "ge_load_time", "fingerprint", "PandasDataFrame", "None"):
        assert noise not in text

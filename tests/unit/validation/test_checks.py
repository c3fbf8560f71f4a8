"""Row checks name the very rows that Great Expectations names, whatever a night holds."""

import datetime as dt
import math
import warnings
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from nightshift.spec import ModelSpec
from nightshift.validation.checks import (
    Compared,
    Finite,
    KnownValues,
    Matches,
    NotNull,
    OneOf,
    RowCheck,
    Within,
    row_checks,
)
from nightshift.validation.masks import missing

TEXTS = st.none() | st.sampled_from([
    "",
    "a",
    "ab",
    "A",
    "ß",
    "a\n",
    "7",
    "NA",
    "nan",
    "None",
    "\N{ARABIC-INDIC DIGIT ONE}",
])
FLOATS = st.none() | st.floats(width=32, allow_nan=False) | st.sampled_from([0.1, -0.0, math.inf, -math.inf])
WHOLE = st.none() | st.integers(-3, 3) | st.sampled_from([-(2**31), 2**31 - 1])
DAYS = st.none() | st.dates(dt.date(2023, 12, 28), dt.date(2024, 1, 5))
MONEY = st.none() | st.decimals(-3, 3, places=2)

COLUMNS: dict[str, tuple[pa.DataType, st.SearchStrategy[Any]]] = {
    "text": (pa.string(), TEXTS),
    "number": (pa.float32(), FLOATS),
    "other": (pa.float64(), FLOATS),
    "whole": (pa.int32(), WHOLE),
    "flag": (pa.bool_(), st.none() | st.booleans()),
    "day": (pa.date32(), DAYS),
    "money": (pa.decimal128(38, 2), MONEY),
}
CHECKS: list[RowCheck] = [
    *(NotNull((name,), "drop") for name in COLUMNS),
    Finite(("number",), "drop", -float(np.finfo("float32").max), float(np.finfo("float32").max)),
    Finite(("other",), "drop", -float(np.finfo("float64").max), float(np.finfo("float64").max)),
    Within(("number",), "drop", 0.1, 2.5),
    Within(("other",), "drop", None, 0.1),
    Within(("whole",), "drop", -2.5, 2),
    Within(("whole",), "drop", -1e12, 1e12),
    Within(("flag",), "drop", 1, None),
    Within(("money",), "drop", -1.5, 2.25),
    OneOf(("text",), "drop", pa.array(["a", "ß", "NA"])),
    KnownValues(("whole",), "drop", pa.array([1, 2, 3], pa.int32())),
    Matches(("text",), "drop", "^[a-z]+$"),
    Matches(("text",), "drop", r"\d"),
    Matches(("text",), "drop", r"^a(?!b)"),
    Compared(("number", "other"), "drop", ">="),
    Compared(("number", "other"), "drop", "<"),
    Compared(("whole", "number"), "drop", "=="),
]
ROWS = st.lists(st.fixed_dictionaries({name: values for name, (_, values) in COLUMNS.items()}), max_size=40)


def night(rows: list[dict[str, Any]], *, coded: bool = False) -> pa.RecordBatch:
    arrays = [pa.array([row[name] for row in rows], kind) for name, (kind, _) in COLUMNS.items()]
    arrays = [a.dictionary_encode() if coded and pa.types.is_string(a.type) else a for a in arrays]
    return pa.record_batch(arrays, names=list(COLUMNS))


def named(check: RowCheck, rows: pa.RecordBatch) -> list[int]:
    found = check.breaches(rows)
    return [] if found is None else np.flatnonzero(found).tolist()


def named_by_great_expectations(checks: list[RowCheck], rows: pa.RecordBatch) -> list[list[int]]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import great_expectations as gx

        context = gx.get_context(mode="ephemeral")
        context.variables.progress_bars = {"globally": False}
        expected = [check.expectation() for check in checks]
        for number, expectation in enumerate(expected):
            expectation.meta = {"number": number}
        suite = gx.ExpectationSuite(name="rows", expectations=expected)
        asset = context.data_sources.add_pandas("night").add_dataframe_asset("night")
        frame = rows.to_pandas(integer_object_nulls=True)
        batch = asset.add_batch_definition_whole_dataframe("night").get_batch({"dataframe": frame})
        said = batch.validate(suite, result_format="COMPLETE")
    assert [r.exception_info.get("exception_message") for r in said.results] == [None] * len(checks)
    # They come back in an order of their own.
    results = {result.expectation_config.meta["number"]: result.result for result in said.results}
    return [sorted(results[number].get("unexpected_index_list") or []) for number in range(len(checks))]


@given(ROWS)
@settings(deadline=None, max_examples=8, phases=[Phase.generate], suppress_health_check=[HealthCheck.too_slow])
def test_every_check_names_the_rows_that_great_expectations_names(rows: list[dict[str, Any]]) -> None:
    plain = night(rows)
    assert [named(check, plain) for check in CHECKS] == named_by_great_expectations(CHECKS, plain)


@given(ROWS)
@settings(deadline=None, max_examples=50)
def test_texts_may_come_as_dictionaries(rows: list[dict[str, Any]]) -> None:
    assert [named(check, night(rows, coded=True)) for check in CHECKS] == [
        named(check, night(rows)) for check in CHECKS
    ]


@pytest.mark.parametrize(
    ("check", "values", "breached"),
    [
        (Within(("x",), "drop", 0, 10), pa.array([0, 10, None, 11, -1], pa.int16()), [3, 4]),
        (Within(("x",), "drop", 0.1, None), pa.array([0.1, 0.05], pa.float32()), [1]),
        (Within(("x",), "drop", None, 2**53), pa.array([2**53, 2**53 + 1], pa.int64()), [1]),
        (
            Within(("x",), "drop", dt.date(2024, 1, 1), None),
            pa.array([dt.date(2024, 1, 1), dt.date(2023, 12, 31)]),
            [1],
        ),
        (Within(("x",), "drop", Decimal("0.5"), None), pa.array([Decimal("0.50"), Decimal("0.49")]), [1]),
        (NotNull(("x",), "drop"), pa.array([1.0, math.nan, None]), [1, 2]),
        (NotNull(("x",), "drop"), pa.array(["", None]), [1]),
        (OneOf(("x",), "drop", pa.array(["a"])), pa.array(["a", None, "A"]), [2]),
        (Matches(("x",), "drop", "^[A-Z]{2}$"), pa.array(["UA", "ua", None, "UAL"]), [1, 3]),
    ],
)
def test_what_breaches(check: RowCheck, values: pa.Array, breached: list[int]) -> None:
    assert named(check, pa.record_batch([values], names=["x"])) == breached


def test_a_comparison_needs_both_sides() -> None:
    rows = pa.record_batch({"left": [1, None, 3, 4], "right": [1, 1, None, 3]})
    assert named(Compared(("left", "right"), "drop", "<="), rows) == [3]


def test_each_line_of_a_spec_is_a_check_with_its_action(spec: ModelSpec, change: Callable[..., ModelSpec]) -> None:
    changed = change(
        spec,
        columns={"amount": {"on_breach": "drop"}, "site": {"on_breach": {"values": "drop"}}},
        night={"compare": [{"left": "items", "relation": "<", "right": "number", "on_breach": "drop"}]},
    )
    found = {check.name: check.action for check in row_checks(changed, {})}
    assert found == {
        "site: null": "refuse",
        "site: values": "drop",
        "number: null": "refuse",
        "number: range": "refuse",
        "kind: pattern": "refuse",
        "amount: finite": "drop",
        "amount: range": "drop",
        "weight: null": "refuse",
        "weight: finite": "refuse",
        "weight: range": "refuse",
        "items: null": "refuse",
        "items: range": "refuse",
        "express: null": "refuse",
        "items: not < number": "drop",
    }


def test_nan_counts_as_missing() -> None:
    assert missing(pa.array([1.0, math.nan, None])).tolist() == [False, True, True]
    assert missing(pa.array(pd.Series([1, 2]))).tolist() == [False, False]

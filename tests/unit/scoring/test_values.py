"""Values of a request reach the graph as the same rows of a night do, bit for bit, or are refused as those are."""

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nightshift.errors import SchemaMismatch
from nightshift.scoring.feeds import Columns, InputNames, Matrix
from nightshift.scoring.graph import LEAST_ROWS
from nightshift.scoring.lone import LoneRow, NotPlain
from nightshift.scoring.values import ValueFeeds
from nightshift.spec import ModelSpec
from nightshift.spec.columns import LARGEST_WHOLE
from nightshift.stores.types import arrow_type, fitted

TYPES: dict[str, Any] = {
    "float32": st.floats(width=32, allow_nan=False, allow_infinity=False) | st.floats(-1e6, 1e6) | st.integers(-9, 9),
    "float64": st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**24), 2**24),
    "int16": st.integers(-(2**15), 2**15 - 1),
    "int32": st.integers(-(2**31), 2**31 - 1),
    "int64": st.integers(-(2**63), 2**63 - 1),
    "bool": st.booleans(),
    "decimal": st.integers(-(10**6), 10**6).map(lambda cents: cents / 100),
    "date": st.dates(dt.date(1900, 1, 1), dt.date(2100, 1, 1)).map(str),
    "string": st.sampled_from(["", "book", "shoe", "lamp", "ß", "never seen"]),
}
KNOWN = ("book", "", "shoe")
TOO_LARGE_OF_FLOAT = 1e39
FLOAT32_MAX = float(np.finfo(np.float32).max)


@pytest.fixture(scope="module")
def typed(make_project: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> ModelSpec:
    """A spec with a feature of each type, which may be null."""
    from nightshift.spec import load_spec

    columns = {f"c_{kind}": {"type": kind, "nullable": True} for kind in TYPES}
    others = {name: {"feature": False} for name in ("site", "kind", "amount", "weight", "items", "express")}
    folder = make_project(tmp_path_factory.mktemp("typed"), columns={**columns, **others}, drift={"features": []})
    return load_spec(folder / "model.yaml")


def feeds_of(spec: ModelSpec, without: tuple[str, ...] = ()) -> list[Any]:
    """How graphs of these columns are fed: by a matrix, by two, by an input each."""
    names = tuple(f"c_{kind}" for kind in TYPES if f"c_{kind}" not in without)
    categories = {"c_string": KNOWN}
    numbers = tuple(name for name in names if name != "c_string")
    return [
        Matrix(numbers=names, categories=categories),
        Matrix(numbers=numbers, codes=("c_string",), categories=categories),
        Columns(spec, InputNames(columns=names, categories=categories)),
    ]


def as_read(name: str, values: list[Any]) -> list[Any]:
    """Decimals are read by their digits, as out of a CSV."""
    return [Decimal(repr(value)) if value is not None and name == "c_decimal" else value for value in values]


rows_of_each = st.lists(
    st.fixed_dictionaries({f"c_{kind}": st.none() | values for kind, values in TYPES.items()}), min_size=1, max_size=4
)


@given(rows=rows_of_each)
@settings(max_examples=60, deadline=None)
def test_values_become_the_inputs_that_arrow_makes_of_them(typed: ModelSpec, rows: list[dict[str, Any]]) -> None:
    columns = {name: [row[name] for row in rows] for name in rows[0]}
    night = {}
    for name, values in columns.items():
        night[name] = fitted(as_read(name, values), arrow_type(typed.columns[name]))
    table = pa.table(night)
    for feeds in feeds_of(typed):
        by_day = ValueFeeds(typed, feeds)(columns, len(rows))
        by_night = feeds(table)
        assert by_day.keys() == by_night.keys()
        for name, expected in by_night.items():
            assert by_day[name].shape == expected.shape
            if expected.dtype == object:
                assert by_day[name].tolist() == expected.tolist()
            else:
                assert by_day[name].dtype == expected.dtype
                assert np.array_equal(by_day[name], expected, equal_nan=expected.dtype.kind == "f")


@given(rows=rows_of_each)
@settings(max_examples=60, deadline=None)
def test_a_plain_row_becomes_the_same_inputs_by_the_short_way(typed: ModelSpec, rows: list[dict[str, Any]]) -> None:
    """Decimals and dates go the long way, so here they are left out of what a graph reads."""
    for feeds in feeds_of(typed, without=("c_decimal", "c_date")):
        for row in rows:
            try:
                short = LoneRow(typed, feeds)(row)
            except NotPlain:
                assert any(is_large_number(value) for value in row.values())
                continue
            long = ValueFeeds(typed, feeds)({name: [value] * LEAST_ROWS for name, value in row.items()}, LEAST_ROWS)
            assert short.keys() == long.keys()
            for name, expected in long.items():
                assert (short[name].dtype, short[name].shape) == (expected.dtype, expected.shape)
                if expected.dtype == object:
                    assert short[name].tolist() == expected.tolist()
                else:
                    assert short[name].tobytes() == np.ascontiguousarray(expected).tobytes()


def is_large_number(value: Any) -> bool:
    """Beyond what is plain of some type."""
    if type(value) is int:
        return abs(value) > LARGEST_WHOLE
    return type(value) is float and abs(value) > FLOAT32_MAX


@pytest.mark.parametrize("missing", ["c_float32", "c_string", "c_bool"])
def test_a_row_that_lacks_a_column_goes_the_long_way(typed: ModelSpec, missing: str) -> None:
    row = {f"c_{kind}": None for kind in TYPES if f"c_{kind}" != missing}
    for feeds in feeds_of(typed, without=("c_decimal", "c_date")):
        with pytest.raises(NotPlain):
            LoneRow(typed, feeds)(row)


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("c_float32", "1.5"), ("c_float32", TOO_LARGE_OF_FLOAT), ("c_float32", [1.0]), ("c_float32", {"a": 1}),
        ("c_float32", 16_777_217), ("c_int16", 3.5), ("c_int16", 40_000), ("c_int64", 2**63), ("c_int16", "3"),
        ("c_bool", 2), ("c_bool", "true"), ("c_string", 7), ("c_string", ["book"]), ("c_string", True),
        ("c_date", "tomorrow"), ("c_date", "2024-13-01"), ("c_date", 19_000), ("c_date", "2024-W01-1"),
        ("c_decimal", 0.001),
    ],
)  # fmt: skip
def test_a_value_that_a_night_would_refuse_is_refused_by_the_column_s_name(
    typed: ModelSpec, column: str, value: Any
) -> None:
    columns: dict[str, list[Any]] = {f"c_{kind}": [None] for kind in TYPES}
    row = {f"c_{kind}": None for kind in TYPES}
    for feeds in feeds_of(typed):
        with pytest.raises(SchemaMismatch, match=column):
            ValueFeeds(typed, feeds)({**columns, column: [value]}, 1)
        with pytest.raises(NotPlain):
            LoneRow(typed, feeds)({**row, column: value})


def test_a_null_is_refused_where_a_night_may_have_none(spec: ModelSpec) -> None:
    feeds = ValueFeeds(spec, Columns(spec))
    good = {"site": ["east"], "kind": [None], "amount": [None], "weight": [1.0], "items": [2], "express": [True]}
    assert np.isnan(feeds(good, 1)["amount"]).all()
    with pytest.raises(SchemaMismatch, match=r"weight may not be null"):
        feeds({**good, "weight": [None]}, 1)

"""Robustness, size and speed: asked where the spec has a bound, against the champion."""

import time
from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pytest

from nightshift.modelling.gate import Behaviour, judge_behaviour
from nightshift.modelling.holdout import LabelledRows
from nightshift.spec import ModelSpec

Change = Callable[..., ModelSpec]


@pytest.fixture
def rows(spec: ModelSpec, small_rows: Callable[..., pa.Table]) -> LabelledRows:
    table = small_rows(spec, "2024-01-01", 8)
    nights = np.array(table["day"].to_pylist(), dtype="datetime64[D]").astype(np.int64)
    labels = np.random.default_rng(1).integers(0, 2, table.num_rows).astype(np.float32)
    return LabelledRows(table, labels, nights)


def steady(table: pa.Table) -> np.ndarray:
    return np.full(table.num_rows, 0.5)


def lost_without_amount(table: pa.Table) -> np.ndarray:
    """Says of every row what is wrong, once the amount is missing."""
    if table["amount"].null_count < table.num_rows:
        return steady(table)
    labels = np.random.default_rng(1).integers(0, 2, table.num_rows)
    return np.where(labels == 1, 0.01, 0.99)


def test_nothing_is_asked_without_a_bound(spec: ModelSpec, rows: LabelledRows) -> None:
    answer = judge_behaviour(spec, rows, Behaviour(lost_without_amount, 10), Behaviour(steady, 1))
    assert (answer.table, answer.objections) == ([], [])


def test_one_that_is_lost_without_an_input_is_refused(spec: ModelSpec, change: Change, rows: LabelledRows) -> None:
    bounded = change(spec, gates={"robustness": 0.1, "slice_min_nights": 5})
    answer = judge_behaviour(bounded, rows, Behaviour(lost_without_amount), Behaviour(steady))
    (said,) = answer.objections
    assert said.startswith("amount missing: log_loss +3.9")
    assert {"kind missing", "numbers moved"} < {row.name for row in answer.table}
    assert judge_behaviour(bounded, rows, Behaviour(steady), Behaviour(lost_without_amount)).objections == []


def test_a_graph_may_not_be_larger_than_so_many_times(spec: ModelSpec, change: Change, rows: LabelledRows) -> None:
    bounded = change(spec, gates={"size_ratio": 3})
    answer = judge_behaviour(bounded, rows, Behaviour(steady, 400), Behaviour(steady, 100))
    assert answer.objections == ["it takes 4.00 times the bytes of the champion (allowed 3)"]
    assert judge_behaviour(bounded, rows, Behaviour(steady, 300), Behaviour(steady, 100)).objections == []
    assert judge_behaviour(bounded, rows, Behaviour(steady, 400), Behaviour(steady)).table == []


def test_a_graph_may_not_be_slower_than_so_many_times(spec: ModelSpec, change: Change, rows: LabelledRows) -> None:
    def slow(table: pa.Table) -> np.ndarray:
        time.sleep(0.02)
        return steady(table)

    bounded = change(spec, gates={"speed_ratio": 5})
    (said,) = judge_behaviour(bounded, rows, Behaviour(slow), Behaviour(steady)).objections
    assert said.startswith("it takes ")
    assert said.endswith("times the seconds of the champion (allowed 5)")
    assert judge_behaviour(bounded, rows, Behaviour(steady), Behaviour(slow)).objections == []

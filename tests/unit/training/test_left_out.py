"""What rows say nothing of stops no training, is not learnt from, and is said."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from nightshift.errors import DataError
from nightshift.modelling.inputs import model_inputs
from nightshift.modelling.label_types import label_type
from nightshift.spec import ModelSpec
from nightshift.training.left_out import left_out, sentence
from nightshift.training.trainers import TRAINERS, trainer_of
from tests.training import as_rows

PAIRS = [(kind, name) for name in TRAINERS for kind in sorted(TRAINERS[name].labels)]
ROWS = 400
RNG = np.random.default_rng(0)
NULL = "null in every training row"
WHOLE = "whole numbers of 16,777,216 and more"
NEAR = "numbers that differ by hardly more than float32 can tell"


@pytest.mark.parametrize(
    ("column", "values", "reason"),
    [
        ({"type": "float64"}, np.full(ROWS, np.nan), NULL),
        ({"type": "bool", "nullable": True}, np.full(ROWS, np.nan), NULL),
        ({"type": "string", "nullable": True}, [""] * ROWS, NULL),
        ({"type": "float32"}, np.full(ROWS, 5.0), "5.0 in every training row"),
        ({"type": "bool"}, np.ones(ROWS), "1.0 in every training row"),
        ({"type": "string"}, ["a"] * ROWS, "'a' in every training row"),
        ({"type": "int64"}, 2**24 + np.arange(ROWS), WHOLE),
        ({"type": "int64"}, -(2**53) - np.arange(ROWS), WHOLE),
        ({"type": "decimal", "scale": 0}, 10**9 + np.arange(ROWS) * 10**6, WHOLE),
        ({"type": "decimal", "scale": 2}, 10**9 + np.arange(ROWS) * 10**6, ""),
        ({"type": "int32"}, np.where(np.arange(ROWS) == 7, 2**24, 3), WHOLE),
        ({"type": "float64"}, 1e9 + RNG.normal(0, 30, ROWS), NEAR),
        ({"type": "float64"}, 1e9 + RNG.normal(0, 1e4, ROWS), ""),
        ({"type": "float64"}, np.where(np.arange(ROWS) % 9, 1e39, 1.0), ""),
        ({"type": "int64", "rounded": True}, 2**24 + 1000 * np.arange(ROWS), ""),
        ({"type": "int64", "rounded": True}, 2**53 + np.arange(ROWS), "in every training row"),
        ({"type": "int32"}, np.arange(ROWS) + 2**24 - 1 - ROWS, ""),
        ({"type": "float32"}, np.where(np.arange(ROWS) % 2, 5.0, np.nan), ""),
        ({"type": "string", "nullable": True}, ["", "a"] * (ROWS // 2), ""),
    ],
)
def test_a_feature_is_left_out_where_nothing_can_be_learnt_from_it(
    spec: ModelSpec, change: Callable[..., ModelSpec], column: dict[str, Any], values: Any, reason: str
) -> None:
    spec = change(spec, columns={"extra": column})
    ones = {name: np.arange(ROWS) % 7 for name in spec.features if spec.columns[name].numeric}
    frame = pd.DataFrame(ones, dtype=np.float32).assign(site=["a", "b"] * (ROWS // 2), kind=["a", "b"] * (ROWS // 2))
    with np.errstate(over="ignore"):
        extra = values if column["type"] == "string" else np.asarray(values).astype(np.float32)
    reasons = left_out(spec, frame.assign(extra=extra))
    assert set(reasons) == ({"extra"} if reason else set())
    assert reason in sentence(reasons)


def test_a_value_is_not_quoted_where_an_operator_says_no(
    fitted: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = fitted("binary")
    frame = model_inputs(made.spec, made.rows.train.table).assign(kind="secret")
    monkeypatch.setenv("NIGHTSHIFT_QUOTE_VALUES", "false")
    assert "secret" not in left_out(made.spec, frame)["kind"]


def of_before(frame: pd.DataFrame, what: str) -> pd.DataFrame:
    """The frame with columns that say nothing."""
    if what == "texts":
        return frame.assign(site="north", kind="")
    value = {"null": np.nan, "ids": np.arange(len(frame)) + 2.0**24}[what]
    return frame.assign(items=np.asarray(value, np.float32), amount=np.float32(np.nan))


@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
@pytest.mark.parametrize(("kind", "name"), PAIRS)
@pytest.mark.parametrize("what", ["null", "ids", "texts"])
def test_what_is_left_out_is_of_no_weight_whatever_it_holds_later(
    of_kind: Callable[..., ModelSpec],
    change: Callable[..., ModelSpec],
    labelled: Callable[..., Any],
    kind: str,
    name: str,
    what: str,
) -> None:
    """A sensor that comes back says nothing until a training has seen it."""
    spec = of_kind(kind, name)
    if name == "neural_network":
        spec = change(spec, training={"parameters": {**spec.training.parameters, "max_iter": 5}})
    rows = labelled(spec).train
    frame = model_inputs(spec, rows.table)
    before = of_before(frame, what)
    pipeline = trainer_of(spec).fit(spec, as_rows(before, rows.labels))
    label = label_type(spec)
    later = before.assign(site="south", kind="lamp") if what == "texts" else frame.assign(amount=1e6)
    expected = label.predict(pipeline, frame_as(before, later, what))
    # Zeros make a sparse matrix, which adds in another order.
    assert label.predict(pipeline, later) == pytest.approx(expected, rel=1e-6)


def frame_as(before: pd.DataFrame, later: pd.DataFrame, what: str) -> pd.DataFrame:
    """Later rows with what was left out as it was before."""
    names = ["site", "kind"] if what == "texts" else ["items", "amount"]
    return later.assign(**before[names])


def test_rows_without_anything_to_learn_are_one_clear_error(fitted: Callable[..., Any]) -> None:
    made = fitted("binary")
    frame = model_inputs(made.spec, made.rows.train.table).iloc[[0] * 50].reset_index(drop=True)
    with pytest.raises(DataError, match="no feature says anything of the training rows: site: "):
        trainer_of(made.spec).fit(made.spec, as_rows(frame, np.arange(50) % 2))


def test_the_same_rows_leave_out_the_same_in_any_fit(fitted: Callable[..., Any]) -> None:
    """It is a rule of the rows that are given: a fold in which the sensor still lived learns from it."""
    made = fitted("binary")
    frame = model_inputs(made.spec, made.rows.train.table)
    half = len(frame) // 2
    frame.loc[half:, "amount"] = np.float32(np.nan)
    assert left_out(made.spec, frame) == {}
    assert left_out(made.spec, frame[half:]) == {"amount": NULL}

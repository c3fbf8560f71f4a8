"""A number: finite, in the label's unit."""

from collections.abc import Callable
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest

from nightshift.errors import SchemaMismatch
from nightshift.modelling.label_types import LabelType, label_type
from nightshift.spec import ModelSpec


@pytest.fixture
def label(of_kind: Callable[..., ModelSpec]) -> LabelType:
    return label_type(of_kind("regression"))


@pytest.mark.parametrize(
    "values", [pa.array([3, None, -1]), pa.array([3.0, float("nan"), -1.0]), pa.array([Decimal(3), None, Decimal(-1)])]
)
def test_numbers_of_every_type_are_float64(label: LabelType, values: pa.Array) -> None:
    found = label.cast(values, "labels")
    assert found.type == pa.float64()
    assert found.to_pylist() == [3.0, None, -1.0]


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (pa.array([1.0, float("-inf")]), "has -inf"),
        (pa.array(["12"]), "is string; a regression's label is a number"),
        (pa.array([True]), "is bool; a regression's label is a number"),
    ],
)
def test_what_is_no_finite_number_is_named(label: LabelType, values: pa.Array, said: str) -> None:
    with pytest.raises(SchemaMismatch, match=f"^labels: label late {said}"):
        label.cast(values, "labels")


def test_the_prediction_alone_is_published_and_watched(label: LabelType) -> None:
    predictions = np.array([2.5, -7.0], np.float32)
    table = pa.table(label.published_columns(predictions), schema=pa.schema(label.published_fields()))
    assert table.schema == pa.schema([("prediction", pa.float32())])
    assert label.read_scores(table).tolist() == [2.5, -7.0]
    assert label.drift_column == "prediction"


def test_predictions_that_are_not_finite_are_counted(label: LabelType) -> None:
    assert label.invalid(np.array([1e30, -5], np.float32)) == ""
    assert label.invalid(np.array([np.inf, np.nan, 0], np.float32)) == "2 predictions that are not finite"


def test_a_difference_is_measured_in_the_spread_of_predictions_beyond_a_step_of_float32(label: LabelType) -> None:
    predictions = np.array([1000.0, 1010.0])
    assert label.difference_scale(predictions) == 5.0
    assert label.difference_scale(np.array([3.0, 3.0])) == 1.0
    assert np.allclose(label.rounding(predictions), 2.0**-14)

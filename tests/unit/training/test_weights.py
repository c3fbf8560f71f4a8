"""How much a row counts in a fit: by its column, by its age; and that the recipe says so."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pydantic import ValidationError

from nightshift.errors import DataError
from nightshift.modelling.holdout import LabelledRows
from nightshift.modelling.inputs import model_inputs
from nightshift.modelling.label_types import label_type
from nightshift.spec import ModelSpec
from nightshift.training import recipe
from nightshift.training.recipe import recipe_sha256
from nightshift.training.weights import recency, row_weights

NIGHTS = np.repeat([100, 101, 105, 106], 5)
"""Two nights are missing between: a half-life counts those that there are."""


def test_a_night_counts_half_of_one_a_half_life_newer() -> None:
    weights = recency(NIGHTS, 2.0)
    assert np.allclose(weights[::5], [0.5**1.5, 0.5, 0.5**0.5, 1.0])


def test_weights_have_a_mean_of_one(of_kind: Callable[..., ModelSpec], change: Callable[..., ModelSpec]) -> None:
    spec = weighted(of_kind("binary"), change)
    rows = LabelledRows(pa.table({"weight": np.arange(20.0)}), np.zeros(20), NIGHTS)
    weights = row_weights(spec, rows)
    assert weights is not None
    assert weights.mean() == pytest.approx(1)
    assert weights[1] / weights[2] == pytest.approx(0.5)
    assert row_weights(of_kind("binary"), rows) is None


@pytest.mark.parametrize("strange", [-1.0, np.inf, None])
def test_a_weight_that_is_none_is_an_error_of_the_data(
    of_kind: Callable[..., ModelSpec], change: Callable[..., ModelSpec], strange: float | None
) -> None:
    spec = weighted(of_kind("binary"), change)
    values = pa.array([strange, *np.ones(19)], pa.float64())
    rows = LabelledRows(pa.table({"weight": values}), np.zeros(20), NIGHTS)
    with pytest.raises(DataError, match="1 rows have none, one below 0, or no finite one"):
        row_weights(spec, rows)


def test_rows_of_which_none_counts_are_an_error_of_the_data(
    of_kind: Callable[..., ModelSpec], change: Callable[..., ModelSpec]
) -> None:
    spec = weighted(of_kind("binary"), change)
    rows = LabelledRows(pa.table({"weight": np.zeros(20)}), np.zeros(20), NIGHTS)
    with pytest.raises(DataError, match="none counts"):
        row_weights(spec, rows)


@pytest.mark.parametrize(
    ("keys", "reason"),
    [
        ({"weight": "site"}, "is no column of numbers"),
        ({"weight": "gone"}, "which columns does not have"),
        ({"recency_half_life": 0}, "greater than 0"),
    ],
)
def test_a_weight_is_a_column_of_numbers(
    of_kind: Callable[..., ModelSpec], change: Callable[..., ModelSpec], keys: dict[str, Any], reason: str
) -> None:
    with pytest.raises(ValidationError, match=reason):
        change(of_kind("binary"), training=keys)


def test_a_weight_is_never_null(of_kind: Callable[..., ModelSpec], change: Callable[..., ModelSpec]) -> None:
    columns = {"weight": {"type": "float64", "feature": False, "nullable": True}}
    with pytest.raises(ValidationError, match="may be null"):
        change(of_kind("binary"), columns=columns, training={"weight": "weight"})


@pytest.mark.parametrize(
    ("kind", "trainer"),
    [
        ("binary", "hist_gradient_boosting"),
        ("binary", "logistic_regression"),
        ("binary", "neural_network"),
        ("regression", "ridge"),
        ("regression", "neural_network"),
    ],
)
def test_new_nights_outvote_old_ones_in_every_trainer(
    fitted: Callable[..., Any], change: Callable[..., ModelSpec], kind: str, trainer: str
) -> None:
    """Once all was as it is never now: without weights a fit says something between."""
    made = fitted(kind, trainer)
    rows = made.rows.train
    is_old = rows.nights < np.median(rows.nights)
    before = replace(rows, labels=np.where(is_old, 0.0, rows.labels))
    spec = change(made.spec, training={"recency_half_life": 1.0})
    frame = model_inputs(made.spec, rows.table)[~is_old]
    alike = label_type(spec).predict(recipe.fit(made.spec, before), frame).mean()
    newest = label_type(spec).predict(recipe.fit(spec, before), frame).mean()
    truth = rows.labels[~is_old].mean()
    assert abs(newest - truth) < abs(alike - truth) / 2


def test_what_changes_a_fit_changes_the_recipe_and_nothing_else_does(
    of_kind: Callable[..., ModelSpec], change: Callable[..., ModelSpec]
) -> None:
    spec = of_kind("binary")
    digests = {recipe_sha256(spec)}
    for keys in ({"recency_half_life": 7.0}, {"calibration": "platt"}, {"calibration": "isotonic"}):
        digests.add(recipe_sha256(change(spec, training=keys)))
    digests.add(recipe_sha256(weighted(spec, change)))
    assert len(digests) == 5
    assert not recipe.learnt_how(spec)


def weighted(spec: ModelSpec, change: Callable[..., ModelSpec]) -> ModelSpec:
    columns = {"weight": {"type": "float64", "feature": False, "nullable": False}}
    return change(spec, columns=columns, training={"weight": "weight"})


def test_weights_that_add_up_to_no_number_are_an_error_of_the_data(
    of_kind: Callable[..., ModelSpec], change: Callable[..., ModelSpec]
) -> None:
    spec = weighted(of_kind("binary"), change)
    rows = LabelledRows(pa.table({"weight": np.full(20, 1e308)}), np.zeros(20), NIGHTS)
    with pytest.raises(DataError, match="add up to more than a number holds"):
        row_weights(spec, rows)

"""What a model.yaml would run into is said before a night is read."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from nightshift.errors import SpecError
from nightshift.modelling.trainers import TRAINERS
from nightshift.spec import Column, ModelSpec
from nightshift.steps.check import _rows, beyond_float32, try_training

PAIRS = [(kind, name) for name in TRAINERS for kind in sorted(TRAINERS[name].labels)]
NO_FORM = "has no ONNX form"


@pytest.mark.parametrize(("kind", "name"), PAIRS)
def test_every_trainer_is_good_as_it_is(of_kind: Callable[..., ModelSpec], kind: str, name: str) -> None:
    try_training(of_kind(kind, name))


@pytest.mark.parametrize(
    ("kind", "trainer", "parameters", "reason"),
    [
        ("binary", "hist_gradient_boosting", {"max_iter": 0}, "max_iter must be an int in the range"),
        ("regression", "hist_gradient_boosting", {"max_features": "sqrt"}, "max_features must be a float"),
        ("regression", "hist_gradient_boosting", {"loss": "quantile"}, "quantile must be an instance of float"),
        ("binary", "hist_gradient_boosting", {"random_state": 3}, "random_state is training.seed in model.yaml"),
        ("binary", "hist_gradient_boosting", {"max_itr": 3}, "hist_gradient_boosting has no max_itr"),
        ("binary", "logistic_regression", {"penalty": "l1"}, "Solver lbfgs supports only"),
        ("multiclass", "logistic_regression", {"solver": "liblinear"}, "does not support multiclass"),
        ("regression", "hist_gradient_boosting", {"loss": "poisson"}, NO_FORM),
        ("regression", "hist_gradient_boosting", {"loss": "gamma"}, NO_FORM),
        ("regression", "neural_network", {"loss": "poisson"}, NO_FORM),
    ],
)
def test_parameters_that_cannot_be_trained_or_exported_are_one_line_with_the_key(
    of_kind: Callable[..., ModelSpec],
    change: Callable[..., ModelSpec],
    kind: str,
    trainer: str,
    parameters: dict[str, Any],
    reason: str,
) -> None:
    spec = change(of_kind(kind, trainer), training={"parameters": parameters})
    with pytest.raises(SpecError) as error:
        try_training(spec)
    assert error.value.message.startswith(f"{spec.name}: training.parameters: ")
    assert reason in error.value.message
    assert "\n" not in error.value.message


@pytest.mark.parametrize(
    "parameters",
    [
        {"loss": "quantile", "quantile": 0.9, "max_iter": 10_000},
        {"loss": "absolute_error", "early_stopping": True},
    ],
)
def test_good_parameters_are_tried_in_a_few_rounds(
    of_kind: Callable[..., ModelSpec], change: Callable[..., ModelSpec], parameters: dict[str, Any]
) -> None:
    try_training(change(of_kind("regression"), training={"parameters": parameters}))


def test_rows_are_made_up_for_every_type_within_its_limits(spec: ModelSpec, change: Callable[..., ModelSpec]) -> None:
    columns = {
        "day_of": {"type": "date", "min": "2024-01-01", "max": "2024-01-31"},
        "price": {"type": "decimal", "min": 10},
        "size": {"type": "int64", "max": -5, "nullable": True},
    }
    table = _rows(change(spec, columns=columns), 200, np.random.default_rng(0))
    assert {date.isoformat()[:7] for date in table["day_of"].to_pylist()} == {"2024-01"}
    assert min(table["price"].to_pylist()) >= 10
    assert max(size for size in table["size"].to_pylist() if size is not None) <= -5
    assert table["size"].null_count
    assert set(table["site"].to_pylist()) == set(Column.model_validate(spec.columns["site"]).values or ())
    try_training(change(spec, columns=columns))


def test_limits_beyond_what_float32_holds_are_said_before_a_training_meets_them(
    spec: ModelSpec, change: Callable[..., ModelSpec]
) -> None:
    assert beyond_float32(spec) == []
    wide = change(spec, columns={"items": {"type": "int64", "max": 2**24}, "amount": {"max": 1e12}})
    (warning,) = beyond_float32(wide)
    assert warning.startswith("columns.items: whole numbers of 16,777,216 and more are rounded in a graph")
    assert beyond_float32(change(wide, columns={"items": {"rounded": True}})) == []
    assert beyond_float32(change(wide, columns={"items": {"feature": False}})) == []


def test_limits_within_which_no_feature_says_anything_are_an_error_of_the_spec(
    spec: ModelSpec, change: Callable[..., ModelSpec]
) -> None:
    """It was scikit-learn's, or none at all."""
    silent = {name: {"feature": False} for name in spec.features if name != "weight"}
    one_value = change(spec, columns={**silent, "weight": {"min": 5, "max": 5}}, drift={"features": ["weight"]})
    with pytest.raises(SpecError, match=r"made-up rows within the limits of columns, .*: no feature says anything"):
        try_training(one_value)

"""What a model.yaml would run into is said before a night is read."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from nightshift.errors import SpecError
from nightshift.spec import Column, ModelSpec
from nightshift.steps.check import _rows, beyond_float32, try_training
from nightshift.training.trainers import TRAINERS

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
        ("regression", "neural_network", {"loss": "poisson"}, NO_FORM),
        ("binary", "hist_gradient_boosting", {"categorical_features": [0]}, NO_FORM),
        ("binary", "lightgbm", {"max_itr": 3}, "lightgbm has no max_itr"),
        ("binary", "lightgbm", {"kwargs": {"a": 1}}, "lightgbm has no kwargs"),
        ("binary", "xgboost", {"kwargs": {"a": 1}}, "xgboost has no kwargs"),
        ("binary", "lightgbm", {"data_sample_strategy": "bagging machines=host:1"}, "must be one word"),
        ("binary", "lightgbm", {"monotone_constraints_method": "basic\tforcedsplits_filename"}, "must be one word"),
        ("binary", "lightgbm", {"objective": "regression"}, "its scores are no probabilities"),
        ("binary", "xgboost", {"objective": "reg:squarederror"}, "its scores are no probabilities"),
        ("binary", "xgboost", {"base_score": 1.0}, NO_FORM),
        ("binary", "hist_gradient_boosting", {"early_stopping": True, "validation_fraction": -1}, "must be above 0"),
        ("binary", "neural_network", {"hidden_layer_sizes": [math.inf]}, "hidden_layer_sizes must be whole numbers"),
        ("binary", "neural_network", {"hidden_layer_sizes": [64.7]}, "hidden_layer_sizes must be whole numbers"),
        ("binary", "neural_network", {"hidden_layer_sizes": [10**7]}, "hidden_layer_sizes must be whole numbers"),
        ("binary", "tabular_network", {"hidden_layer_sizes": [math.inf]}, "hidden_layer_sizes must be one or more"),
        ("binary", "tabular_network", {"hidden_layer_sizes": [64.7]}, "hidden_layer_sizes must be one or more"),
        ("binary", "tabular_network", {"hidden_layer_sizes": [10**7] * 2}, "hidden_layer_sizes must be one or more"),
        ("binary", "tabular_network", {"processes": 1000}, "processes must be a whole number from 1 to 64"),
        ("binary", "lightgbm", {"input_model": "model.txt"}, "lightgbm has no input_model"),
        ("binary", "lightgbm", {"random_state": 3}, "random_state is training.seed in model.yaml"),
        ("binary", "lightgbm", {"num_leaves": 1}, "num_leaves"),
        ("binary", "lightgbm", {"objective": "cross_entropy"}, NO_FORM),
        ("multiclass", "lightgbm", {"objective": "multiclassova"}, NO_FORM),
        ("regression", "lightgbm", {"linear_tree": True}, "lightgbm has no linear_tree"),
        ("regression", "lightgbm", {"reg_sqrt": True}, "lightgbm has no reg_sqrt"),
        ("binary", "xgboost", {"max_itr": 3}, "xgboost has no max_itr"),
        ("binary", "xgboost", {"missing": 0}, "xgboost has no missing"),
        ("binary", "xgboost", {"max_depth": -3}, "max_depth"),
        ("binary", "xgboost", {"booster": "gblinear"}, NO_FORM),
        ("binary", "xgboost", {"objective": "binary:hinge"}, NO_FORM),
        ("regression", "xgboost", {"objective": "reg:squaredlogerror"}, NO_FORM),
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
        {"loss": "poisson"},
        {"loss": "gamma", "max_leaf_nodes": None},
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


def test_what_a_search_may_come_to_is_tried_as_well(spec: ModelSpec, change: Callable[..., ModelSpec]) -> None:
    """Each end of a range and each choice: a training meets it weeks later, at night."""
    good = {"trainer": "logistic_regression", "ranges": {"C": {"low": 0.1, "high": 1.0}}}
    bad = {"trainer": "hist_gradient_boosting", "ranges": {"max_leaf_nodes": {"choices": [7, 1]}}}
    try_training(change(spec, search={"candidates": [good]}))
    with pytest.raises(SpecError, match=r"search\.candidates\.1 with .*max_leaf_nodes.: 1.*: .*max_leaf_nodes"):
        try_training(change(spec, search={"candidates": [good, bad]}))


def test_an_estimator_that_takes_no_weights_is_refused_where_rows_have_some(
    of_kind: Callable[..., ModelSpec], change: Callable[..., ModelSpec]
) -> None:
    spec = of_kind("regression", "sklearn.linear_model.LassoLars")
    try_training(spec)
    for weighed in ({"recency_half_life": 5.0}, {"weight": "items"}):
        with pytest.raises(SpecError, match="weight"):
            try_training(change(spec, training=weighed))

"""Parameters that name classes and features mean those, wherever an estimator has them."""

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import yaml
from pydantic import ValidationError

from nightshift.modelling.inputs import model_inputs
from nightshift.modelling.label_types import label_type
from nightshift.spec import ModelSpec
from nightshift.steps.check import try_training
from nightshift.training.parameters import estimator_parameters
from nightshift.training.trainers import trainer_of
from tests.training import as_rows

Change = Callable[..., ModelSpec]


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("{0: 1, 1: 5}", {0: 1, 1: 5}),
        ("{false: 1, true: 5}", {0: 1, 1: 5}),
        ("{late: 5, in time: 1.5}", {1: 5, 0: 1.5}),
        ("balanced", "balanced"),
    ],
)
def test_a_weight_is_of_the_outcome_that_is_named(
    spec: ModelSpec, change: Change, written: str, expected: object
) -> None:
    """It could not be written at all; YAML has numbers and truths for keys, which no JSON has."""
    label = {"positive": "late", "negative": "in time"}
    weights = yaml.safe_load(written)
    weighted = change(spec, label=label, training={"parameters": {"class_weight": weights}})
    assert estimator_parameters(weighted)["class_weight"] == expected
    again = ModelSpec.model_validate(json.loads(weighted.model_dump_json()))
    assert again == weighted


def test_a_class_that_is_not_learnt_needs_no_weight(of_kind: Callable[..., ModelSpec], change: Change) -> None:
    spec = of_kind("multiclass")
    weights = {"on time": 1, "Late": 2, "late": 3}
    weighted = change(spec, training={"parameters": {"class_weight": weights}})
    assert estimator_parameters(weighted)["class_weight"] == {0: 1, 1: 2, 2: 3}
    fewer = weighted.with_classes(["on time", "late"])
    assert estimator_parameters(fewer)["class_weight"] == {0: 1, 1: 3}


def test_features_are_meant_by_name_although_an_estimator_sees_categories_first(
    spec: ModelSpec, change: Change
) -> None:
    parameters = {"monotonic_cst": {"items": 1, "weight": -1}, "interaction_cst": [["kind", "items"], ["weight"]]}
    shaped = change(spec, training={"parameters": parameters})
    # site, kind, amount, weight, items, express
    assert estimator_parameters(shaped) == {
        "monotonic_cst": [0, 0, 0, -1, 1, 0],
        "interaction_cst": [[1, 4], [3]],
    }
    try_training(shaped)


@pytest.mark.parametrize(
    ("trainer", "key"),
    [
        ("hist_gradient_boosting", "monotonic_cst"),
        ("lightgbm", "monotonic_cst"),
        ("lightgbm", "monotone_constraints"),
        ("xgboost", "monotonic_cst"),
        ("xgboost", "monotone_constraints"),
        ("sklearn.ensemble.ExtraTreesClassifier", "monotonic_cst"),
    ],
)
def test_a_score_rises_with_a_feature_that_is_said_to_raise_it(
    labelled: Callable[[ModelSpec], Any], of_kind: Callable[..., ModelSpec], change: Change, trainer: str, key: str
) -> None:
    shaped = change(of_kind("binary", trainer), training={"parameters": {key: {"weight": 1}}})
    rows = labelled(shaped).train
    frame = model_inputs(shaped, rows.table)
    pipeline = trainer_of(shaped).fit(shaped, as_rows(frame, rows.labels))
    one_row = frame.iloc[[0] * 50].assign(weight=np.linspace(0, 20, 50, dtype=np.float32))
    scores = label_type(shaped).predict(pipeline, one_row)
    assert (np.diff(scores) >= 0).all()


@pytest.mark.parametrize("trainer", ["lightgbm", "xgboost"])
def test_groups_of_features_may_act_together_by_name(
    of_kind: Callable[..., ModelSpec], change: Change, trainer: str
) -> None:
    grouped = {"interaction_cst": [["kind", "items"], ["weight"]], "n_estimators": 4}
    try_training(change(of_kind("binary", trainer), training={"parameters": grouped}))


@pytest.mark.parametrize("trainer", ["logistic_regression", "hist_gradient_boosting", "lightgbm", "xgboost"])
def test_a_class_that_weighs_more_is_said_more_often(
    labelled: Callable[[ModelSpec], Any], of_kind: Callable[..., ModelSpec], change: Change, trainer: str
) -> None:
    means = []
    for weights in ({"1": 1}, {"1": 9}, "balanced"):
        spec = change(of_kind("binary", trainer), training={"parameters": {"class_weight": weights}})
        rows = labelled(spec).train
        frame = model_inputs(spec, rows.table)
        pipeline = trainer_of(spec).fit(spec, as_rows(frame, rows.labels))
        means.append(label_type(spec).predict(pipeline, frame).mean())
    once, nine_times, balanced = means
    assert nine_times > once + 0.02
    assert balanced == pytest.approx(0.5, abs=0.1)


@pytest.mark.parametrize(
    ("parameters", "problem"),
    [
        ({"monotone_constraints": {"wieght": 1}}, "names wieght, which is no feature"),
        ({"monotonic_cst": {"wieght": 1}}, "names wieght, which is no feature"),
        ({"interaction_cst": [["kind", "number"]]}, "names number, which is no feature"),
        ({"class_weight": {"yes": 2}}, "names yes, which is no class of the label"),
    ],
)
def test_a_name_that_there_is_not_is_an_error_of_the_spec(
    spec: ModelSpec, change: Change, parameters: dict[str, Any], problem: str
) -> None:
    with pytest.raises(ValidationError, match=problem):
        change(spec, training={"parameters": parameters})

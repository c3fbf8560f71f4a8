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
from nightshift.modelling.parameters import estimator_parameters
from nightshift.modelling.trainers import trainer_of
from nightshift.spec import ModelSpec
from nightshift.steps.check import try_training

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


def test_a_score_rises_with_a_feature_that_is_said_to_raise_it(
    labelled: Callable[[ModelSpec], Any], spec: ModelSpec, change: Change
) -> None:
    parameters = {**spec.training.parameters, "monotonic_cst": {"weight": 1}}
    shaped = change(spec, training={"parameters": parameters})
    rows = labelled(shaped).train
    frame = model_inputs(shaped, rows.table)
    pipeline = trainer_of(shaped).fit(shaped, frame, rows.labels)
    one_row = frame.iloc[[0] * 50].assign(weight=np.linspace(0, 20, 50, dtype=np.float32))
    scores = label_type(shaped).predict(pipeline, one_row)
    assert (np.diff(scores) >= 0).all()


@pytest.mark.parametrize(
    ("parameters", "problem"),
    [
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

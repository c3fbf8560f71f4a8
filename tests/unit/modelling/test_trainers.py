"""What is trained for each kind of label, and that labels of any size can be learnt."""

from collections.abc import Callable
from typing import Any

import pytest

from nightshift.errors import SpecError
from nightshift.modelling.inputs import model_inputs
from nightshift.modelling.label_types import label_type
from nightshift.modelling.trainers import build
from nightshift.spec import ModelSpec


@pytest.mark.parametrize(
    ("kind", "trainer", "name"),
    [
        ("binary", "hist_gradient_boosting", "HistGradientBoostingClassifier"),
        ("multiclass", "logistic_regression", "LogisticRegression"),
        ("multiclass", "neural_network", "MLPClassifier"),
        ("regression", "hist_gradient_boosting", "HistGradientBoostingRegressor"),
        ("regression", "ridge", "Ridge"),
        ("regression", "neural_network", "MLPRegressor"),
    ],
)
def test_the_estimator_follows_the_label(of_kind: Callable[..., ModelSpec], kind: str, trainer: str, name: str) -> None:
    assert type(build(of_kind(kind, trainer))[-1]).__name__ == name


def test_parameters_that_an_estimator_lacks_are_an_error_of_the_spec(
    of_kind: Callable[..., ModelSpec], change: Callable[..., ModelSpec]
) -> None:
    with pytest.raises(SpecError, match=r"training\.parameters: .*max_iterations"):
        build(change(of_kind("regression", "ridge"), training={"parameters": {"max_iterations": 3}}))


@pytest.mark.parametrize("trainer", ["hist_gradient_boosting", "ridge", "neural_network"])
def test_labels_far_from_zero_are_learnt(fitted: Callable[..., Any], trainer: str) -> None:
    """A network fitted to labels around 1000 as they are never gets there."""
    made = fitted("regression", trainer)
    task, holdout = label_type(made.spec), made.rows.holdout
    found = task.metrics(holdout.labels, task.predict(made.pipeline, model_inputs(made.spec, holdout.table)))
    assert found["r2"] > 0.9
    assert found["rmse"] < 3

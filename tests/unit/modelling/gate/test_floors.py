"""Floors: what a model must reach whoever else there is."""

from collections.abc import Callable

import numpy as np
import pytest

from nightshift.modelling.gate import floors
from nightshift.modelling.metrics import binary_metrics, multiclass_metrics
from nightshift.spec import ModelSpec

GOOD = {"log_loss": 0.5, "base_rate_log_loss": 0.6, "roc_auc": 0.7, "brier": 0.2}
Change = Callable[..., ModelSpec]


def test_without_floors_a_model_must_still_beat_the_base_rate(spec: ModelSpec) -> None:
    assert floors(spec, GOOD) == []
    (said,) = floors(spec, {**GOOD, "log_loss": 0.6})
    assert said == "log loss 0.6000 is no better than always saying the base rate (0.6000)"


@pytest.mark.parametrize(
    ("floor", "objection"),
    [
        ({"roc_auc": 0.7}, None),
        ({"roc_auc": 0.71}, "roc_auc 0.7000 misses its floor 0.71"),
        ({"brier": 0.2}, None),
        ({"brier": 0.19}, "brier 0.2000 misses its floor 0.19"),
        ({"pr_auc": 0.1}, "pr_auc is not defined on the judged nights' labels, and its floor is 0.1"),
    ],
)
def test_floors_bound_gains_from_below_and_losses_from_above(
    spec: ModelSpec, change: Change, floor: dict[str, float], objection: str | None
) -> None:
    assert floors(change(spec, gates={"at_least": floor}), GOOD) == ([objection] if objection else [])


def test_every_missed_floor_is_said(spec: ModelSpec, change: Change) -> None:
    strict = change(spec, gates={"at_least": {"roc_auc": 0.9, "brier": 0.01}})
    assert len(floors(strict, {**GOOD, "log_loss": 0.7})) == 3


def test_a_model_that_says_the_base_rate_does_not_pass(spec: ModelSpec) -> None:
    labels = np.array([0.0, 1.0, 1.0, 0.0, 0.0], np.float32)
    assert floors(spec, binary_metrics(labels, np.full(5, labels.mean(), np.float32), 0.5))


@pytest.mark.parametrize(
    ("metric", "metrics", "said"),
    [
        ("squared_error", {"rmse": 2.0, "base_rmse": 3.0}, None),
        ("squared_error", {"rmse": 3.0, "base_rmse": 3.0}, "rmse 3 is no better than always saying the mean (3)"),
        (
            "absolute_error",
            {"mae": 2.5, "base_mae": 2.0, "rmse": 1.0, "base_rmse": 3.0},
            "mae 2.5 is no better than always saying the median (2)",
        ),
    ],
)
def test_a_regression_must_beat_the_best_constant(
    of_kind: Change, metric: str, metrics: dict[str, float], said: str | None
) -> None:
    assert floors(of_kind("regression", gates={"metric": metric}), metrics) == ([said] if said else [])


def test_errors_have_ceilings_and_r2_a_floor(of_kind: Change) -> None:
    spec = of_kind("regression", gates={"at_least": {"rmse": 2.0, "r2": 0.5}})
    metrics = {"base_rmse": 9.0}
    assert floors(spec, {**metrics, "rmse": 2.0, "r2": 0.5}) == []
    assert floors(spec, {**metrics, "rmse": 2.1, "r2": 0.4}) == [
        "rmse 2.1000 misses its floor 2.0",
        "r2 0.4000 misses its floor 0.5",
    ]


def test_an_area_that_the_holdout_does_not_define_is_said_not_passed(of_kind: Change) -> None:
    spec = of_kind("multiclass", gates={"at_least": {"roc_auc": 0.5}})
    scores = np.array([[0.8, 0.1, 0.1], [0.1, 0.8, 0.1]])
    (said,) = floors(spec, multiclass_metrics(np.array([0.0, 1.0]), scores))
    assert said == "roc_auc is not defined on the judged nights' labels, and its floor is 0.5"

"""Metrics against scikit-learn and by hand."""

import numpy as np
import pytest
from sklearn.metrics import (
    accuracy_score,
    average_precision_score,
    brier_score_loss,
    f1_score,
    log_loss,
    mean_absolute_error,
    r2_score,
    roc_auc_score,
    root_mean_squared_error,
)

from nightshift.modelling.metrics import (
    binary_metrics,
    cost_losses,
    multiclass_metrics,
    pinball_losses,
    regression_metrics,
    row_losses,
)

RNG = np.random.default_rng(3)
SCORES = RNG.random(500).astype(np.float32)
LABELS = (RNG.random(500) < SCORES).astype(np.float32)


def test_metrics_are_those_of_scikit_learn() -> None:
    found = binary_metrics(LABELS, SCORES, 0.4)
    assert found == pytest.approx(
        {
            "log_loss": log_loss(LABELS, SCORES),
            "brier": brier_score_loss(LABELS, SCORES),
            "base_rate": LABELS.mean(),
            "base_rate_log_loss": log_loss(LABELS, np.full(500, LABELS.mean())),
            "f1": f1_score(LABELS, SCORES >= 0.4),
            "accuracy": accuracy_score(LABELS, SCORES >= 0.4),
            "roc_auc": roc_auc_score(LABELS, SCORES),
            "pr_auc": average_precision_score(LABELS, SCORES),
        },
        rel=1e-5,
    )


def test_row_losses_by_hand() -> None:
    labels, scores = np.array([1.0, 0.0, 1.0]), np.array([0.5, 0.25, 1.0])
    assert row_losses("brier", labels, scores) == pytest.approx([0.25, 0.0625, 0.0], abs=1e-6)
    assert row_losses("log_loss", labels, scores) == pytest.approx([np.log(2), -np.log(0.75), 0.0], abs=1e-6)


def test_a_certain_and_wrong_score_is_very_bad_but_finite() -> None:
    losses = row_losses("log_loss", np.array([1.0, 0.0]), np.array([0.0, 1.0], np.float32))
    assert np.isfinite(losses).all()
    assert losses.min() > 15


@pytest.mark.parametrize("label", [0.0, 1.0])
def test_one_class_has_no_areas(label: float) -> None:
    found = binary_metrics(np.full(4, label), np.full(4, 0.3), 0.5)
    assert {"roc_auc", "pr_auc"}.isdisjoint(found)
    assert np.isfinite(list(found.values())).all()


def test_costs_are_those_of_each_error() -> None:
    labels = np.array([1.0, 1.0, 0.0, 0.0])
    predicted = np.array([True, False, True, False])
    assert cost_losses(labels, predicted, false_alarm=2.0, miss=5.0).tolist() == [0.0, 5.0, 2.0, 0.0]


@pytest.mark.parametrize("quantile", [0.1, 0.5, 0.9])
def test_a_quantile_is_the_best_constant_by_its_pinball_loss(quantile: float) -> None:
    labels = RNG.gamma(2, size=1001)
    constants = np.quantile(labels, [quantile - 0.05, quantile, quantile + 0.05])
    low, at, high = (pinball_losses(labels, np.full(1001, constant), quantile).mean() for constant in constants)
    assert at < low
    assert at < high


PROBABILITIES = RNG.dirichlet([1.0, 2.0, 1.5], 500)
PLACES = np.array([RNG.choice(3, p=row) for row in PROBABILITIES]).astype(np.float64)


def test_metrics_of_classes_are_those_of_scikit_learn() -> None:
    shares = np.bincount(PLACES.astype(int)) / 500
    predicted = PROBABILITIES.argmax(axis=1)
    assert multiclass_metrics(PLACES, PROBABILITIES) == pytest.approx(
        {
            "log_loss": log_loss(PLACES, PROBABILITIES),
            "brier": brier_score_loss(PLACES, PROBABILITIES, labels=[0, 1, 2], scale_by_half=False),
            "accuracy": accuracy_score(PLACES, predicted),
            "f1": f1_score(PLACES, predicted, average="macro"),
            "roc_auc": roc_auc_score(PLACES, PROBABILITIES, multi_class="ovr", average="macro"),
            "base_rate_log_loss": log_loss(PLACES, np.tile(shares, (500, 1))),
        },
        rel=1e-5,
    )


def test_where_a_class_is_missing_its_area_is_not_made_up() -> None:
    found = multiclass_metrics(np.minimum(PLACES, 1), PROBABILITIES)
    assert "roc_auc" not in found
    assert np.isfinite(list(found.values())).all()


def test_metrics_of_numbers_are_those_of_scikit_learn() -> None:
    labels, predictions = RNG.normal(100, 20, 300), RNG.normal(100, 20, 300).astype(np.float32)
    assert regression_metrics(labels, predictions) == pytest.approx({
        "rmse": root_mean_squared_error(labels, predictions),
        "mae": mean_absolute_error(labels, predictions),
        "r2": r2_score(labels, predictions),
        "base_rmse": root_mean_squared_error(labels, np.full(300, labels.mean())),
        "base_mae": mean_absolute_error(labels, np.full(300, np.median(labels))),
    })


def test_equal_numbers_have_no_r2() -> None:
    found = regression_metrics(np.full(4, 0.1), np.array([0.1, 0.2, 0.3, 0.1]))
    assert "r2" not in found
    assert found["base_rmse"] == pytest.approx(0)


def test_row_losses_of_classes_and_numbers_by_hand() -> None:
    places, p = np.array([0.0, 2.0]), np.array([[0.5, 0.25, 0.25], [1.0, 0.0, 0.0]])
    losses = row_losses("log_loss", places, p)
    assert losses[0] == pytest.approx(np.log(2))
    assert 15 < losses[1] < 20
    assert row_losses("brier", places, p) == pytest.approx([0.375, 2.0], abs=1e-6)
    assert row_losses("squared_error", np.array([1.0, 5.0]), np.array([3.0, 5.0])).tolist() == [4.0, 0.0]
    assert row_losses("absolute_error", np.array([1.0, 5.0]), np.array([3.0, 4.5])).tolist() == [2.0, 0.5]

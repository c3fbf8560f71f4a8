"""Metrics against scikit-learn and by hand; the paired bootstrap against what it promises."""

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
    Difference,
    binary_metrics,
    multiclass_metrics,
    paired_bootstrap,
    regression_metrics,
    row_losses,
)

RNG = np.random.default_rng(3)
SCORES = RNG.random(500).astype(np.float32)
LABELS = (RNG.random(500) < SCORES).astype(np.float32)
NIGHTS = np.repeat(np.arange(20), 25)


def bootstrap(mine: np.ndarray, theirs: np.ndarray, nights: np.ndarray = NIGHTS, seed: int = 1) -> Difference:
    return paired_bootstrap(mine, theirs, nights, resamples=2000, confidence=0.95, seed=seed)


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


def test_equal_losses_are_neither_better_nor_worse() -> None:
    losses = row_losses("log_loss", LABELS, SCORES)
    assert bootstrap(losses, losses) == Difference(0.0, 0.0, 0.0)
    noisy = bootstrap(losses + RNG.normal(0, 0.1, 500), losses)
    assert noisy.low < 0 < noisy.high
    assert not noisy.better
    assert not noisy.worse


def test_a_clear_difference_excludes_zero_on_its_side() -> None:
    losses = row_losses("log_loss", LABELS, SCORES)
    better = bootstrap(losses - 0.05 + RNG.normal(0, 0.05, 500), losses)
    assert better.better
    assert not better.worse
    assert better.low < better.mean < better.high < 0
    worse = bootstrap(losses, losses - 0.05 + RNG.normal(0, 0.05, 500))
    assert worse.worse
    assert worse.mean > 0


def test_whole_nights_are_resampled() -> None:
    """One wild night among calm ones: rows drawn one by one would call its difference certain."""
    difference = np.where(NIGHTS == 0, 1.0, 0.0)
    by_night = bootstrap(difference, np.zeros(500))
    by_row = bootstrap(difference, np.zeros(500), nights=np.arange(500))
    assert by_night.mean == by_row.mean == pytest.approx(0.05)
    assert by_row.worse
    assert not by_night.worse
    assert by_night.low == 0.0


def test_each_night_weighs_as_many_rows_as_it_has() -> None:
    nights = np.array([1, 1, 1, 2])
    assert bootstrap(np.array([1.0, 1.0, 1.0, 5.0]), np.zeros(4), nights).mean == 2.0


def test_the_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    covered = 0
    for trial in range(100):
        rng = np.random.default_rng(trial)
        nightly = rng.normal(0, 1, 40)
        rows = 0.5 + np.repeat(nightly, 10) + rng.normal(0, 0.3, 400)
        found = paired_bootstrap(
            rows, np.zeros(400), np.repeat(np.arange(40), 10), resamples=500, confidence=0.9, seed=trial
        )
        covered += found.low <= 0.5 <= found.high
    assert 80 <= covered <= 97


def test_the_same_seed_gives_the_same_interval() -> None:
    mine = RNG.random(500)
    assert bootstrap(mine, np.zeros(500), seed=4) == bootstrap(mine, np.zeros(500), seed=4)
    assert bootstrap(mine, np.zeros(500), seed=4) != bootstrap(mine, np.zeros(500), seed=5)


def test_the_order_of_rows_does_not_matter() -> None:
    mine, order = RNG.random(500), RNG.permutation(500)
    one, other = bootstrap(mine, np.zeros(500)), bootstrap(mine[order], np.zeros(500), NIGHTS[order])
    assert (one.mean, one.low, one.high) == pytest.approx((other.mean, other.low, other.high))


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

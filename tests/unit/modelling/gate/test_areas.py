"""Areas and F1 under weights of nights: those of scikit-learn, and of rows that are there so many times."""

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, f1_score, roc_auc_score

from nightshift.modelling.gate import areas
from nightshift.modelling.gate.bootstrap import Resampling, of_metric
from nightshift.modelling.gate.nights import night_test

RANDOM = np.random.default_rng(11)
NIGHT = RANDOM.integers(0, 8, 900)
LABELS = RANDOM.integers(0, 2, 900)
SCORES = np.round(LABELS + RANDOM.normal(size=900), 1)
WEIGHTS = np.array([np.ones(8), [0, 2, 1, 1, 3, 0, 1, 0]], float)


def repeated(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    return np.repeat(values, weights.astype(int)[NIGHT])


def test_areas_are_those_of_rows_that_are_there_so_many_times() -> None:
    counts = areas.score_counts(LABELS == 1, SCORES, NIGHT)
    many = [(repeated(LABELS, weights), repeated(SCORES, weights)) for weights in WEIGHTS]
    assert counts.roc_auc(WEIGHTS) == pytest.approx([roc_auc_score(*pair) for pair in many])
    assert counts.pr_auc(WEIGHTS) == pytest.approx([average_precision_score(*pair) for pair in many])


def test_more_scores_than_are_told_apart_move_an_area_little(monkeypatch: pytest.MonkeyPatch) -> None:
    fine = LABELS + RANDOM.normal(size=900)
    monkeypatch.setattr(areas, "MOST_SCORES", 200)
    counts = areas.score_counts(LABELS == 1, fine, NIGHT)
    assert counts.positives.shape == (8, 200)
    assert counts.roc_auc(WEIGHTS[:1])[0] == pytest.approx(roc_auc_score(LABELS, fine), abs=0.003)
    assert counts.pr_auc(WEIGHTS[:1])[0] == pytest.approx(average_precision_score(LABELS, fine), abs=0.01)


@pytest.mark.parametrize(("classes", "average"), [([1], "binary"), ([0, 1], "macro")])
def test_f1_is_that_of_rows_that_are_there_so_many_times(classes: list[int], average: str) -> None:
    predicted = (SCORES > 0.5).astype(int)
    metric = areas.f1_by_night(LABELS, predicted, NIGHT, classes)
    expected = [
        f1_score(repeated(LABELS, weights), repeated(predicted, weights), average=average) for weights in WEIGHTS
    ]
    assert metric(WEIGHTS) == pytest.approx(expected)


def test_one_class_has_no_area() -> None:
    counts = areas.score_counts(np.ones(900, bool), SCORES, NIGHT)
    assert np.isnan(counts.roc_auc(WEIGHTS)).all()
    assert of_metric(counts.roc_auc, np.bincount(NIGHT), Resampling(100, 0)) is None


def test_an_interval_of_an_area_covers_the_truth_about_as_often_as_it_says() -> None:
    truth = 0.7602  # Of two normal distributions one standard deviation apart: Phi(1 / sqrt 2).
    covered = 0
    for seed in range(150):
        random = np.random.default_rng(seed)
        night = np.repeat(np.arange(14), 40)
        labels = random.integers(0, 2, 560)
        scores = labels + random.normal(size=560)
        values = of_metric(areas.score_counts(labels == 1, scores, night).roc_auc, np.full(14, 40), Resampling(100, 1))
        interval = night_test(values).interval(0.025)
        covered += interval.low <= truth <= interval.high
    assert covered >= 150 * 0.95 - 3 * (150 * 0.95 * 0.05) ** 0.5

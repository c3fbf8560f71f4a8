import numpy as np
import pytest

from nightshift.modelling.metrics import row_losses
from nightshift.monitoring.matters.calibration import calibrations, expected_losses


def test_scores_that_are_too_sure_are_calibrated():
    random = np.random.default_rng(2)
    scores = random.random(20_000)
    labels = (random.random(20_000) < 0.25 + scores / 2).astype(float)
    (found,) = calibrations(labels, scores)
    assert found.probabilities(np.array([0.1, 0.5, 0.9])) == pytest.approx([0.3, 0.5, 0.7], abs=0.05)
    assert list(found.shares) == sorted(found.shares)
    expected = expected_losses("log_loss", [found], scores)
    assert expected.mean() == pytest.approx(row_losses("log_loss", labels, scores).mean(), abs=0.01)


def test_a_class_that_the_model_does_not_know_is_expected_of_no_row():
    random = np.random.default_rng(3)
    scores = random.dirichlet([2, 1, 1], 6_000)
    labels = np.array([random.choice(3, p=row) for row in scores], float)
    known = calibrations(labels, scores)
    assert len(known) == 3
    expected = expected_losses("brier", known, scores)
    assert expected.mean() == pytest.approx(row_losses("brier", labels, scores).mean(), abs=0.02)
    without = scores.copy()
    without[:, 2] = np.nan
    assert np.isfinite(expected_losses("log_loss", known, without)).all()


def test_a_few_rows_without_any_outcome_do_not_make_it_impossible():
    (found,) = calibrations(np.zeros(30), np.linspace(0, 1, 30))
    assert 0 < found.probabilities(np.array([0.5]))[0] < 0.05

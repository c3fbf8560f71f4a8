"""The simulations of what is learnt out of fold know the truth that they hold it against."""

import numpy as np
import pytest

from benchmarks.fitted_worlds import FittedWorld, fitted, judged_out_of_fold
from benchmarks.out_of_fold import _cheapest, _cost, held
from benchmarks.quantiles import BOUND, EFFECT, LEVELS, _judged, _over_nights, true_quantiles
from benchmarks.skill_nights import DRAWS

SEED = 1


def test_probabilities_themselves_are_off_by_nothing() -> None:
    rows = FittedWorld("any", -1.5).unseen(0, SEED)
    truth = held(rows.probabilities, rows)
    assert (truth.off, truth.excess, truth.top) == (0.0, 0.0, 1.0)
    surer = held(np.where(rows.probabilities > rows.probabilities.mean(), 0.9, 0.01), rows)
    assert surer.excess > 0


def test_no_threshold_costs_less_than_the_cheapest() -> None:
    rows = FittedWorld("any", -1.5).unseen(0, SEED)
    least = _cheapest(rows.probabilities, rows)
    costs = [_cost(rows.probabilities >= threshold, rows.probabilities) for threshold in np.linspace(0, 1.1, 23)]
    assert least == pytest.approx(min(costs), rel=0.001)
    assert least <= min(costs)


def test_a_judged_night_is_scored_by_a_fit_that_did_not_see_it() -> None:
    world = FittedWorld("any", -1.5, every=5)
    window = world.window(0, SEED)
    judged, scores = judged_out_of_fold(world, window)
    assert len(np.unique(judged.nights)) == 28
    seen = fitted(world, window).scores(judged)
    of_yes = judged.outcomes == 1
    assert (seen - scores)[of_yes].mean() > 0 > (seen - scores)[~of_yes].mean()


def test_true_quantiles_are_off_by_as_much_as_is_said() -> None:
    outcomes = np.concatenate([_judged(0.0, 28, run)[0] for run in range(100)])
    for levels, expected in ((LEVELS, LEVELS), (LEVELS - BOUND, LEVELS - BOUND)):
        shares = (outcomes[:, None] <= true_quantiles(levels)).mean(axis=0)
        assert shares == pytest.approx(expected, abs=0.005)
    assert _over_nights(DRAWS["normal"]) == pytest.approx(true_quantiles(LEVELS), abs=0.02)
    assert EFFECT < 1

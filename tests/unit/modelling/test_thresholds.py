"""From which score on a share of the holdout is flagged, and from which on errors cost least."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from nightshift.errors import ModelError
from nightshift.modelling.label_types import label_type
from nightshift.modelling.metrics import cost_losses
from nightshift.modelling.thresholds import cheapest_threshold, threshold_for
from nightshift.spec import ModelSpec
from nightshift.spec.predict import Costs, Predict


@pytest.mark.parametrize(
    ("scores", "share", "flagged"),
    [
        (np.linspace(0, 1, 101), 0.05, 5),
        (np.linspace(0, 1, 101), 0.001, 1),
        (np.array([0.1, 0.9, 0.9, 0.9]), 0.25, 3),
        (np.array([0.1, 0.1, 0.1, 0.9]), 0.75, 1),
        (np.array([0.1, 0.2, 0.3, 0.9]), 0.5, 2),
        (np.array([0.3, 0.3]), 0.5, 2),
        (np.array([0.3]), 0.5, 1),
    ],
)
def test_about_so_many_are_flagged_and_equal_scores_go_together(scores: np.ndarray, share: float, flagged: int) -> None:
    assert (scores >= threshold_for(scores, share)).sum() == flagged


@given(seed=st.integers(0, 50), share=st.floats(0.001, 0.5))
def test_the_same_rows_are_flagged_in_float32(seed: int, share: float) -> None:
    scores = np.random.default_rng(seed).beta(2, 30, 20_000)
    threshold = threshold_for(scores, share)
    flagged = scores >= threshold
    assert np.array_equal(flagged, scores.astype(np.float32) >= threshold)
    wanted = max(1, round(share * len(scores)))
    assert abs(int(flagged.sum()) - wanted) <= max(1, 0.01 * wanted)


def cost(labels: np.ndarray, scores: np.ndarray, threshold: float, costs: Costs) -> float:
    return float(cost_losses(labels, scores >= threshold, false_alarm=costs.false_alarm, miss=costs.miss).sum())


@given(seed=st.integers(0, 200), miss=st.floats(0.1, 30))
def test_no_threshold_costs_less_on_the_rows_that_chose_it(seed: int, miss: float) -> None:
    random = np.random.default_rng(seed)
    scores = random.integers(0, 12, 40) / 11
    labels = (random.random(40) < scores).astype(float)
    costs = Costs(false_alarm=1, miss=miss)
    chosen = cost(labels, scores, cheapest_threshold(labels, scores, costs), costs)
    others = [cost(labels, scores, other, costs) for other in (*np.unique(scores), 1.0)]
    assert chosen <= min(others) + 1e-9


def test_a_threshold_that_is_learnt_makes_up_for_scores_that_do_not_hold() -> None:
    """Of a model whose classes were weighted: its rule, of probabilities, flags far too many."""
    random = np.random.default_rng(0)
    odds = random.normal(-2, 1.5, (2, 20_000))
    labels = (random.random(odds.shape) < 1 / (1 + np.exp(-odds))).astype(float)
    weighted = 1 / (1 + np.exp(-(odds + 2)))
    costs = Costs(false_alarm=1, miss=3)
    learnt = cheapest_threshold(labels[0], weighted[0], costs)
    true = 1 / (1 + np.exp(-(np.log(costs.threshold / (1 - costs.threshold)) + 2)))
    assert learnt == pytest.approx(true, abs=0.08)
    by_rule = cost(labels[1], weighted[1], costs.threshold, costs)
    assert cost(labels[1], weighted[1], learnt, costs) < 0.85 * by_rule


def test_of_thresholds_that_cost_the_same_the_rule_is_nearest() -> None:
    labels = np.array([0.0, 0.0, 1.0, 1.0])
    scores = np.array([0.1, 0.2, 0.7, 0.9])
    assert cheapest_threshold(labels, scores, Costs(false_alarm=1, miss=1)) == pytest.approx(0.45)


def test_a_learnt_threshold_is_for_a_training_to_say() -> None:
    predict = Predict.model_validate({"costs": {"false_alarm": 1, "miss": 4}, "learn_threshold": True})
    assert predict.threshold is None
    assert predict.learnt_by == "costs 1 to 4"
    with pytest.raises(ModelError, match=r"predict\.costs 1 to 4 has no threshold before a training"):
        _ = predict.decides_from
    with pytest.raises(ValidationError, match="needs costs"):
        Predict.model_validate({"learn_threshold": True})
    with pytest.raises(ValidationError, match="leave threshold out"):
        Predict.model_validate({"costs": {"false_alarm": 1, "miss": 4}, "learn_threshold": True, "threshold": 0.2})


def test_a_binary_label_learns_it_out_of_fold(
    of_kind: Callable[..., ModelSpec], change: Callable[..., ModelSpec]
) -> None:
    costs = {"false_alarm": 1, "miss": 1}
    spec = change(of_kind("binary"), predict={"costs": costs, "learn_threshold": True, "threshold": None})
    labels = np.array([0.0, 0.0, 1.0, 1.0])
    scores = np.array([0.6, 0.7, 0.8, 0.9])
    assert label_type(spec).threshold_for(labels, scores) == pytest.approx(0.75)
    by_rule = change(of_kind("binary"), predict={"costs": costs, "threshold": None})
    assert label_type(by_rule).threshold_for(labels, scores) is None

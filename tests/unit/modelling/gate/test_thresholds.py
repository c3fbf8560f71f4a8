"""A threshold that a training learns is no advantage of the one that learnt it on the judged nights."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pytest

from nightshift.modelling.gate.judge import judge
from nightshift.modelling.gate.thresholds import cross_fitted, decided_metrics
from nightshift.modelling.holdout import LabelledRows
from nightshift.modelling.label_types import label_type
from nightshift.spec import ModelSpec

NIGHTS = 28
ROWS = 100


class World(NamedTuple):
    """Rows, and their scores by a good model and by a bad one that says more often yes."""

    rows: LabelledRows
    good: np.ndarray
    rescaled: np.ndarray


def probability(odds: np.ndarray) -> np.ndarray:
    return np.asarray(1 / (1 + np.exp(-odds)))


def world(seed: int) -> World:
    random = np.random.default_rng(seed)
    number = NIGHTS * ROWS
    odds = 1.2 * random.normal(size=number) - 3
    labels = (random.random(number) < probability(odds)).astype(float)
    noise = random.normal(size=number)
    rows = LabelledRows(
        pa.table({"site": ["north"] * number}),
        labels,
        np.repeat(np.arange(NIGHTS), ROWS),
    )
    return World(rows, probability(odds), probability(odds + noise + np.log(15)))


@pytest.fixture
def learning(spec: ModelSpec, change: Callable[..., ModelSpec]) -> Callable[..., ModelSpec]:
    """``learning("cost")``: the small spec judged by that, its threshold learnt."""

    def make(metric: str) -> ModelSpec:
        predict = {"costs": {"false_alarm": 1, "miss": 5}, "learn_threshold": True, "threshold": None}
        return change(spec, predict=predict, gates={"metric": metric, "slices": [], "resamples": 100})

    return make


@pytest.mark.parametrize("metric", ["cost", "f1"])
def test_a_worse_one_on_another_scale_is_never_promoted(learning: Callable[..., ModelSpec], metric: str) -> None:
    asked = learning(metric)
    for seed in range(6):
        rows, good, rescaled = world(seed)
        of_good = label_type(asked).threshold_for(rows.labels, good)
        of_bad = label_type(asked).threshold_for(rows.labels, rescaled)
        comparison = judge(asked.with_threshold(of_bad), rows, rescaled, good, champion_threshold=of_good)
        assert comparison.objections


def test_no_night_has_a_part_in_the_threshold_that_it_is_judged_by(learning: Callable[..., ModelSpec]) -> None:
    asked = learning("cost").with_threshold(0.5)
    rows, good, _ = world(7)
    before = cross_fitted(asked, rows, good)
    is_first = rows.nights == 0
    turned = LabelledRows(rows.table, np.where(is_first, 1 - rows.labels, rows.labels), rows.nights)
    after = cross_fitted(asked, turned, good)
    assert before is not None
    assert after is not None
    assert (before[is_first] == after[is_first]).all()
    assert len(np.unique(before)) > 1
    predicted = good >= before
    assert decided_metrics(asked, rows, good)["accuracy"] == pytest.approx((predicted == (rows.labels == 1)).mean())


def test_what_the_spec_says_is_learnt_by_nobody(spec: ModelSpec) -> None:
    rows, good, _ = world(8)
    assert cross_fitted(spec, rows, good) is None
    assert decided_metrics(spec, rows, good) == {}

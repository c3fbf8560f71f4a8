"""The comparison with a champion: aims, margins, looks, and what is said where the nights are few."""

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from nightshift.errors import SpecError
from nightshift.modelling.gate import Comparison, judge
from nightshift.modelling.holdout import LabelledRows
from nightshift.optimization.variants.loss import loss_interval
from nightshift.spec import ModelSpec

ROWS = 120
Change = Callable[..., ModelSpec]


def world(nights: int = 28, seed: int = 1) -> tuple[LabelledRows, np.ndarray]:
    """Rows whose truth is known, and their probabilities."""
    random = np.random.default_rng(seed)
    rows = nights * ROWS
    truth = 1 / (1 + np.exp(-random.normal(size=rows)))
    labels = (random.random(rows) < truth).astype(np.float32)
    table = pa.table({"site": random.choice(["north", "south"], rows)})
    return LabelledRows(table, labels, np.repeat(np.arange(nights), ROWS)), truth


def flatter(truth: np.ndarray, by: float) -> np.ndarray:
    return truth + by * (0.5 - truth)


def said(spec: ModelSpec, nights: int = 28, *, mine: float = 0.0, theirs: float = 0.0, **asked: Any) -> Comparison:
    rows, truth = world(nights)
    return judge(spec, rows, flatter(truth, mine), flatter(truth, theirs), **asked)


def test_a_better_one_passes_and_a_worse_one_does_not(spec: ModelSpec) -> None:
    better = said(spec, theirs=0.5)
    assert better.objections == []
    assert better.outcome.startswith("log_loss -0.0")
    assert better.outcome.endswith("28 nights): better")
    worse = said(spec, mine=0.5)
    assert worse.outcome.endswith("worse")
    assert (worse.objections, worse.inconclusive) == ([worse.outcome], False)


def test_an_equal_is_not_better_and_that_is_no_verdict_either_way(spec: ModelSpec) -> None:
    equal = said(spec, mine=0.02)
    assert equal.objections == [equal.outcome]
    assert equal.inconclusive
    assert equal.outcome.endswith("inconclusive")
    assert "is seen in 8 of 10 trainings" in equal.table[0].needed


def test_an_equal_is_not_worse_by_the_margin(spec: ModelSpec) -> None:
    equal = said(spec, mine=0.02, aim="not_worse")
    assert equal.objections == []
    assert "not worse by more than 0.0" in equal.outcome
    assert equal.metrics["gate_margin"] == pytest.approx(0.012, abs=0.003)
    assert said(spec, mine=0.5, aim="not_worse").objections


def test_the_spec_says_what_a_challenger_must_be(spec: ModelSpec, change: Change) -> None:
    lenient = change(spec, gates={"promote": "not_worse", "margin": 0.01})
    assert said(lenient, mine=0.02, aim="better").objections == []
    strict = change(spec, gates={"promote": "better"})
    assert said(strict, mine=0.02, aim="not_worse").objections
    no_room = change(spec, gates={"promote": "not_worse", "margin": 0.0})
    assert said(no_room, mine=0.02).inconclusive


def test_too_few_nights_say_nothing_however_clear_they_are(spec: ModelSpec, change: Change) -> None:
    usual = change(spec, gates={"min_nights": 14})
    few = said(usual, 13, theirs=0.9)
    assert few.outcome == "log_loss against the champion: 13 nights, and gates.min_nights is 14: inconclusive"
    assert few.inconclusive
    assert few.table[0].needed == "14 nights"
    assert said(usual, 14, theirs=0.9).objections == []


def test_one_night_has_no_interval(spec: ModelSpec) -> None:
    alone = said(spec, 1, theirs=0.9)
    assert alone.inconclusive
    assert alone.table[0].low is None
    rows, truth = world(1)
    assert not loss_interval(truth - (truth + 1), rows.nights, spec.gates.confidence).better


def test_every_further_look_asks_for_more(spec: ModelSpec) -> None:
    first, fifth = said(spec, theirs=0.2), said(spec, theirs=0.2, look=5)
    assert "(95% interval" in first.outcome
    assert "(99.67% interval" in fifth.outcome
    assert fifth.table[0].low < first.table[0].low
    assert fifth.table[0].high > first.table[0].high


@pytest.mark.parametrize("metric", ["roc_auc", "pr_auc", "f1", "cost", "brier"])
def test_other_metrics_decide_where_the_spec_names_them(spec: ModelSpec, change: Change, metric: str) -> None:
    costs = {"false_alarm": 1, "miss": 2}
    other = change(spec, gates={"metric": metric}, predict={"costs": costs, "threshold": 1 / 3})
    rows, truth = world()
    noisy = np.clip(truth + np.random.default_rng(2).normal(0, 0.3, len(truth)), 0.01, 0.99)
    better = judge(other, rows, truth, noisy)
    assert better.objections == []
    assert better.table[0].name == metric
    assert better.table[0].estimate > 0 if metric in ("roc_auc", "pr_auc", "f1") else better.table[0].estimate < 0
    assert judge(other, rows, noisy, truth).outcome.endswith("worse")
    assert judge(other, rows, truth, truth, aim="not_worse").objections == []


def test_an_area_that_one_class_does_not_define_is_no_verdict(spec: ModelSpec, change: Change) -> None:
    rows, truth = world()
    alone = LabelledRows(rows.table, np.ones_like(rows.labels), rows.nights)
    answer = judge(change(spec, gates={"metric": "roc_auc"}), alone, truth, truth)
    assert answer.outcome == "roc_auc is not defined on the judged nights: inconclusive"
    assert answer.inconclusive


@pytest.mark.parametrize(
    ("gates", "message"),
    [
        ({"metric": "cost"}, "gates.metric cost is for a binary label with predict.costs"),
        ({"metric": "squared_error"}, "gates.metric squared_error is not for a binary label"),
    ],
)
def test_a_metric_that_the_label_does_not_have_is_refused(
    spec: ModelSpec, change: Change, gates: dict[str, str], message: str
) -> None:
    with pytest.raises((SpecError, ValueError), match=message):
        change(spec, gates=gates)


def test_scores_that_are_surely_off_on_average_are_an_objection(spec: ModelSpec, change: Change) -> None:
    bounded = change(spec, gates={"calibration": 0.05})
    rows, truth = world()
    off = judge(bounded, rows, np.clip(truth + 0.15, 0, 1), truth)
    assert any(objection.startswith("scores are +0.1") for objection in off.objections)
    assert [row.verdict for row in off.table if row.name == "calibration"] == ["off"]
    good = judge(bounded, rows, truth, flatter(truth, 0.5))
    assert good.objections == []


def test_a_worse_slice_is_no_lack_of_evidence(spec: ModelSpec, change: Change) -> None:
    rows, truth = world()
    in_north = np.array(rows.table["site"].to_pylist()) == "north"
    mine = np.where(in_north, flatter(truth, 1.5), truth)
    answer = judge(change(spec, gates={"slice_allowance": 0.0}), rows, mine, truth)
    assert any(objection.startswith("site north: log_loss +") for objection in answer.objections)
    assert not answer.inconclusive


def test_the_table_is_plain_and_has_every_question(spec: ModelSpec) -> None:
    answer = said(spec, theirs=0.5)
    names = [row["name"] for row in answer.flat_table]
    assert names[:4] == ["log_loss", "f1", "pr_auc", "roc_auc"]
    assert sorted(names[4:]) == ["site north", "site south"]
    assert json.loads(json.dumps(answer.flat_table)) == answer.flat_table
    assert {"gate_mean", "gate_low", "gate_high", "gate_look", "gate_champion_log_loss"} <= set(answer.metrics)


@pytest.mark.parametrize(("metric", "kind"), [("roc_auc", "multiclass"), ("f1", "multiclass"), (None, "regression")])
def test_other_labels_are_judged_too(of_kind: Change, metric: str | None, kind: str) -> None:
    spec = of_kind(kind, gates={"metric": metric, "slices": [], "min_nights": 7})
    random = np.random.default_rng(1)
    nights = np.repeat(np.arange(14), 60)
    if kind == "regression":
        labels = random.normal(size=840)
        good, bad = labels + random.normal(0, 0.1, 840), labels + random.normal(0, 0.5, 840)
    else:
        labels = random.integers(0, 3, 840).astype(float)
        sure = np.eye(3)[labels.astype(int)]
        good, bad = (sure * by + random.random((840, 3)) for by in (1.0, 0.3))
        good, bad = (scores / scores.sum(axis=1, keepdims=True) for scores in (good, bad))
    rows = LabelledRows(pa.table({"row": np.arange(840)}), labels.astype(np.float32), nights)
    assert judge(spec, rows, good, bad).objections == []
    assert judge(spec, rows, bad, good).outcome.endswith("worse")


def test_the_interval_follows_the_confidence() -> None:
    random = np.random.default_rng(5)
    mine, theirs, nights = random.random(600), random.random(600), np.repeat(np.arange(10), 60)
    narrow = loss_interval(mine - theirs, nights, 0.5)
    wide = loss_interval(mine - theirs, nights, 0.99)
    assert wide.low < narrow.low < narrow.high < wide.high
    assert loss_interval(mine - theirs, nights, 0.99) == wide

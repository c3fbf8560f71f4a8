"""Any of several classes: sets as texts and numbers, learnt class by class, judged and published together."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pydantic import ValidationError
from sklearn import metrics as reference

from nightshift.errors import SchemaMismatch
from nightshift.modelling.gate import floors, judge
from nightshift.modelling.holdout import LabelledRows
from nightshift.modelling.inputs import model_inputs
from nightshift.modelling.label_types import label_type
from nightshift.modelling.night_skill import night_skill, outcome_of
from nightshift.optimization.parity import ParityRows
from nightshift.optimization.search import held_graphs
from nightshift.scoring.graph import OnnxGraph
from nightshift.spec import ModelSpec
from nightshift.spec.label import Label
from nightshift.training import recipe

SMALL: dict[str, dict[str, Any]] = {
    "hist_gradient_boosting": {"max_iter": 20, "min_samples_leaf": 5},
    "lightgbm": {"n_estimators": 20, "num_leaves": 7, "min_child_samples": 5},
    "xgboost": {"n_estimators": 20, "max_leaves": 7},
}


@pytest.mark.parametrize(("trainer", "calibration"), [(name, None) for name in SMALL] + [("lightgbm", "platt")])
def test_every_graph_gives_the_probabilities_of_the_model(
    of_kind: Callable[..., ModelSpec],
    change: Callable[..., ModelSpec],
    labelled: Callable[[ModelSpec], Any],
    trainer: str,
    calibration: str | None,
) -> None:
    training = {"parameters": SMALL[trainer], "calibration": calibration}
    spec = change(of_kind("multilabel", trainer), training=training)
    rows = labelled(spec)
    pipeline = recipe.fit(spec, rows.train)
    table = rows.holdout.table
    label = label_type(spec)
    expected = label.predict(pipeline, model_inputs(spec, table))
    assert expected.shape == (table.num_rows, 3)
    graphs = held_graphs(spec, pipeline, rows)
    for name in ("fp32", "codes"):
        scores = OnnxGraph(spec, graphs.body(name)).score(table)
        assert np.abs(scores - expected).max() < 1e-5
    metrics = label.metrics(rows.holdout.labels, expected)
    assert not floors(spec, metrics)
    assert metrics["roc_auc"] > 0.8


@pytest.fixture
def many(of_kind: Callable[..., ModelSpec]) -> ModelSpec:
    return of_kind("multilabel")


def test_sets_come_as_texts_or_lists_and_are_numbers_inside(many: ModelSpec) -> None:
    label = label_type(many)
    one, two, three = many.label.classes
    texts = label.cast(pa.array([f"{two}| {one}", "", None, f"{three}|{three}"]), "here")
    assert texts.to_pylist() == [f"{two}|{one}", "", None, three]
    lists = label.cast(pa.array([[two, one], [], None, [three]]), "here")
    assert lists.to_pylist() == texts.to_pylist()
    targets = label.as_targets(texts)
    assert np.array_equal(targets, [3, 0, np.nan, 4], equal_nan=True)
    assert label.indicators(targets[[0, 1, 3]]).tolist() == [[1, 1, 0], [0, 0, 0], [0, 0, 1]]
    assert label.text_of(5.0) == repr(f"{one}|{three}")


def test_a_word_may_stand_for_none_of_them(change: Callable[..., ModelSpec], many: ModelSpec) -> None:
    label = label_type(change(many, label={"none": "-"}))
    assert label.as_targets(label.cast(pa.array(["-", many.label.classes[1]]), "here")).tolist() == [0, 2]


def test_a_class_that_the_spec_does_not_name_is_counted_and_its_rows_are_used_for_nothing(many: ModelSpec) -> None:
    label = label_type(many)
    one, *_ = many.label.classes
    texts = label.cast(pa.array([one, f"{one}|new", one, ""]), "here")
    assert label.unknown(texts) == {"new": 1}
    assert np.isnan(label.as_targets(texts)).tolist() == [False, True, False, False]
    with pytest.raises(SchemaMismatch, match=r"names new, which label\.classes lacks"):
        label.cast(pa.array(["new", one]), "here")
    with pytest.raises(SchemaMismatch, match="a multilabel label is text"):
        label.cast(pa.array([1.0, 2.0]), "here")


def test_metrics_are_those_of_scikit_learn(many: ModelSpec) -> None:
    label = label_type(many)
    random = np.random.default_rng(1)
    scores = random.random((300, 3))
    targets = random.integers(0, 8, 300).astype(float)
    truth = label.indicators(targets)
    metrics = label.metrics(targets, scores)
    assert metrics["roc_auc"] == pytest.approx(reference.roc_auc_score(truth, scores, average="macro"))
    assert metrics["f1"] == pytest.approx(reference.f1_score(truth, scores >= 0.5, average="macro"))
    assert metrics["accuracy"] == pytest.approx(reference.accuracy_score(truth, scores >= 0.5))
    losses = [reference.log_loss(truth[:, place], scores[:, place]) for place in range(3)]
    assert metrics["log_loss"] == pytest.approx(np.mean(losses))
    assert label.row_losses("log_loss", targets, scores).mean() == pytest.approx(np.mean(losses))


def test_what_is_published_reads_back(many: ModelSpec) -> None:
    label = label_type(many)
    one, two, three = many.label.classes
    scores = np.array([[0.9, 0.6, 0.1], [0.1, 0.2, 0.3], [0.1, np.nan, 0.7]], np.float32)
    names = [field.name for field in label.published_fields()]
    table = pa.table(label.published_columns(scores), names=names)
    assert table[many.predict.prediction].to_pylist() == [f"{one}|{two}", "", three]
    assert np.allclose(label.read_scores(table), scores, equal_nan=True)
    assert label.drift_values(np.vstack([scores, [[np.nan] * 3]])).to_pylist() == [f"{one}|{two}", "", three, None]
    assert label.taught(np.array([2.0, 2.0, 2.0, np.nan]), np.vstack([scores, scores[:1]])).tolist() == [
        True,
        True,
        False,
        True,
    ]


def test_a_flip_is_near_where_every_class_that_flips_is(many: ModelSpec) -> None:
    trained = np.array([[0.5000001, 0.9, 0.1], [0.9, 0.9, 0.1]])
    others = np.array([[0.4999999, 0.9, 0.1], [0.9, 0.1, 0.1]], np.float32)
    parity = ParityRows(many, pa.table({"x": [1, 2]}), trained).compare(others)
    assert (parity.near_flips, parity.label_flips) == (1, 1)


def test_the_gate_and_the_night_tell_good_scores_from_those_of_nobody(
    change: Callable[..., ModelSpec], many: ModelSpec
) -> None:
    random = np.random.default_rng(2)
    chances = random.beta(1, 2, (4_000, 3))
    has = random.random(chances.shape) < chances
    targets = (has @ [1, 2, 4]).astype(float)
    spec = change(many, gates={"slices": []})
    rows = LabelledRows(pa.table({"x": chances[:, 0]}), targets, np.repeat(np.arange(20), 200))
    shares = np.broadcast_to(has.mean(axis=0), chances.shape)
    assert not judge(spec, rows, chances, shares).objections
    assert judge(spec, rows, shares, chances).objections
    names = {row.name for row in judge(spec, rows, chances, shares).table}
    assert {"log_loss", "roc_auc"} <= names
    night = night_skill(spec, "log_loss", targets, chances, outcome_of(spec, targets).mean)
    assert night is not None
    assert night.skill > 0.05
    assert set(night.bias) == set(many.label.classes)
    assert max(map(abs, night.bias.values())) < 0.05


def test_a_class_that_hardly_a_row_has_is_not_learnt_and_the_others_are(many: ModelSpec) -> None:
    label = label_type(many)
    targets = np.array([1.0, 3.0, 3.0, 0.0, 5.0])
    assert label.scarce_classes(targets) == [many.label.classes[0], many.label.classes[2]]
    assert label.scarce_classes(np.array([1.0, 1.0, 0.0, 0.0])) == list(many.label.classes[1:])


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"classes": ["a"]}, "two or more"),
        ({"classes": ["a", "a"]}, "each once"),
        ({"classes": ["a", "b|c"]}, "has the separator"),
        ({"classes": ["a", " b"]}, "has blanks at its edges"),
        ({"classes": ["a", "b"], "none": "a"}, "means none"),
        ({"classes": [str(number) for number in range(51)]}, "allowed for a multilabel label: 50"),
    ],
)
def test_classes_of_a_set_can_be_told_apart(changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        Label.model_validate({"column": "y", "type": "multilabel", "delay_days": 1, **changes})

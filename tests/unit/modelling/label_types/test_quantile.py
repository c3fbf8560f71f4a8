"""Quantile forecasts: learnt, in order, judged by pinball loss, watched by coverage."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pydantic import ValidationError

from nightshift.errors import OtherLabel
from nightshift.modelling.gate import floors, judge
from nightshift.modelling.holdout import LabelledRows
from nightshift.modelling.inputs import model_inputs
from nightshift.modelling.label_types import label_type
from nightshift.modelling.label_types.quantile import in_order
from nightshift.modelling.metrics import quantile_metrics
from nightshift.modelling.night_skill import night_skill, outcome_of
from nightshift.optimization.ordered import ordered
from nightshift.optimization.search import held_graphs
from nightshift.scoring.graph import OnnxGraph
from nightshift.spec import ModelSpec
from nightshift.spec.label import Label
from nightshift.training import recipe
from nightshift.training.trained_file import digest_of, dumped, read_pipeline

LEVELS = np.array([0.1, 0.5, 0.9])
SMALL: dict[str, dict[str, Any]] = {
    "hist_gradient_boosting": {},
    "lightgbm": {"n_estimators": 20, "num_leaves": 7, "min_child_samples": 5},
    "xgboost": {"n_estimators": 20, "max_leaves": 7},
}


@pytest.mark.parametrize("trainer", SMALL)
def test_every_graph_gives_the_quantiles_of_the_model(
    of_kind: Callable[..., ModelSpec],
    change: Callable[..., ModelSpec],
    labelled: Callable[[ModelSpec], Any],
    trainer: str,
) -> None:
    spec = change(of_kind("quantile", trainer), training={"parameters": SMALL[trainer]})
    rows = labelled(spec)
    pipeline = recipe.fit(spec, rows.train)
    table = rows.holdout.table
    label = label_type(spec)
    frame = model_inputs(spec, table)
    expected = label.predict(pipeline, frame)
    assert expected.shape == (table.num_rows, 3)
    assert (np.diff(expected, axis=1) >= 0).all()
    graphs = held_graphs(spec, pipeline, rows)
    for name in ("fp32", "codes"):
        scores = OnnxGraph(spec, graphs.body(name)).score(table)
        assert np.allclose(scores, expected, rtol=1e-5)
    metrics = label.metrics(rows.holdout.labels, expected)
    assert not floors(spec, metrics)
    assert metrics["pinball_skill"] > 0.5
    body = dumped(pipeline)
    again = read_pipeline(spec, body, digest_of(body), "a file")
    assert np.array_equal(label.predict(again, frame), expected)


def test_more_outcomes_are_below_a_higher_quantile(fitted: Callable[..., Any], change: Callable[..., Any]) -> None:
    """A mean for all three would have half of them below each."""
    made = fitted("quantile")
    rows = made.rows.train
    noisy = np.random.default_rng(5).gumbel(0, 20, len(rows.labels))
    rows = replace(rows, labels=rows.labels + noisy)
    spec = change(made.spec, training={"parameters": {"max_iter": 40, "min_samples_leaf": 40}})
    scores = label_type(spec).predict(recipe.fit(spec, rows), model_inputs(spec, rows.table))
    shares = (rows.labels[:, None] <= scores).mean(axis=0)
    assert np.abs(shares - LEVELS).max() < 0.08


def test_quantiles_that_cross_are_put_in_order_around_the_middle_one() -> None:
    crossed = np.array([[3.0, 2.0, 1.0], [1.0, 2.0, 3.0]])
    assert in_order(crossed, 1).tolist() == [[2, 2, 2], [1, 2, 3]]
    assert in_order(crossed, 0).tolist() == [[3, 3, 3], [1, 2, 3]]
    assert in_order(crossed[:, :1], 0).tolist() == [[3], [1]]


@pytest.mark.parametrize(("width", "middle"), [(1, 0), (2, 0), (3, 1), (5, 2), (4, 3)])
def test_a_graph_puts_them_in_order_as_the_model_does(width: int, middle: int) -> None:
    random = np.random.default_rng(width)
    crossed = random.normal(size=(50, width)).astype(np.float32)
    assert np.array_equal(_run(ordered(_identity(width), middle), crossed), in_order(crossed, middle))


def test_metrics_are_those_of_the_definitions() -> None:
    from sklearn.metrics import mean_pinball_loss

    random = np.random.default_rng(1)
    labels = random.normal(size=500)
    scores = np.broadcast_to([-1.0, 0.2, 1.5], (500, 3))
    metrics = quantile_metrics(labels, scores, LEVELS, 1)
    losses = [mean_pinball_loss(labels, scores[:, place], alpha=level) for place, level in enumerate(LEVELS)]
    assert metrics["pinball"] == pytest.approx(np.mean(losses))
    assert metrics["coverage"] == pytest.approx(((labels >= -1) & (labels <= 1.5)).mean())
    shares = (labels[:, None] <= scores).mean(axis=0)
    assert metrics["coverage_error"] == pytest.approx(np.abs(shares - LEVELS).max())
    own = np.broadcast_to(np.quantile(labels, LEVELS), (500, 3))
    assert quantile_metrics(labels, own, LEVELS, 1)["pinball_skill"] == pytest.approx(0)


def test_the_gate_prefers_the_smaller_pinball_loss(of_kind: Callable[..., ModelSpec]) -> None:
    spec = of_kind("quantile", gates={"slices": []})
    rows, _ = _world()
    good = _said(rows, spread=1.0)
    bad = _said(rows, spread=0.1)
    assert not judge(spec, rows, good, bad).objections
    assert judge(spec, rows, bad, good).objections
    (row, *_) = judge(spec, rows, good, bad).table
    assert row.name == "pinball"


def test_the_gate_asks_for_coverage_where_it_is_told_to(of_kind: Callable[..., ModelSpec]) -> None:
    spec = of_kind("quantile", gates={"slices": [], "calibration": 0.05})
    rows, _ = _world()
    good = _said(rows, spread=1.0)
    narrow = _said(rows, spread=0.3)
    fine = judge(spec, rows, good, narrow)
    assert {row.name for row in fine.table} >= {"coverage q10", "coverage q50", "coverage q90"}
    assert not fine.objections
    off = judge(spec, rows, narrow, good).objections
    assert any("q10" in objection for objection in off)
    assert any("q90" in objection for objection in off)


def test_a_night_that_is_not_covered_is_seen_in_its_record(of_kind: Callable[..., ModelSpec]) -> None:
    spec = of_kind("quantile")
    rows, _ = _world()
    forecast = outcome_of(spec, rows.labels).mean
    good = night_skill(spec, "pinball", rows.labels, _said(rows, spread=1.0), forecast)
    narrow = night_skill(spec, "pinball", rows.labels, _said(rows, spread=0.3), forecast)
    assert good is not None
    assert narrow is not None
    assert good.skill > narrow.skill > 0
    assert max(map(abs, good.bias.values())) < 0.03
    assert narrow.bias["q10"] == pytest.approx(-0.25, abs=0.05)
    assert narrow.bias["q90"] == pytest.approx(0.25, abs=0.05)
    assert good.rank is not None


def test_a_graph_of_other_quantiles_is_not_opened(fitted: Callable[..., Any], change: Callable[..., Any]) -> None:
    from nightshift.optimization.export import to_onnx

    made = fitted("quantile")
    body = to_onnx(made.spec, made.pipeline)
    with pytest.raises(OtherLabel):
        OnnxGraph(change(made.spec, label={"quantiles": [0.1, 0.5, 0.95]}), body)


def test_published_are_each_quantile_and_the_one_nearest_to_the_median(of_kind: Callable[..., ModelSpec]) -> None:
    spec = of_kind("quantile")
    label = label_type(spec)
    names = [field.name for field in label.published_fields()]
    prediction = spec.predict.prediction
    score = spec.predict.score
    assert names == [f"{score}_q10", f"{score}_q50", f"{score}_q90", prediction]
    scores = np.array([[1, 2, 3], [4, 5, 6]], np.float32)
    table = pa.table(label.published_columns(scores), names=names)
    assert table[prediction].to_pylist() == [2, 5]
    assert np.array_equal(label.read_scores(table), scores)
    assert label.drift_values(scores).to_pylist() == [2, 5]
    assert not label.invalid(scores)
    assert "do not rise" in label.invalid(scores[:, ::-1])


def test_names_and_the_middle_follow_from_the_quantiles() -> None:
    label = Label.model_validate({
        "column": "y", "type": "quantile", "quantiles": [0.025, 0.29, 0.6, 0.975], "delay_days": 1,
    })  # fmt: skip
    assert label.quantile_names == ("q2_5", "q29", "q60", "q97_5")
    assert label.middle == 2


@pytest.mark.parametrize(
    ("quantiles", "reason"),
    [([], "given for a quantile label"), ([0.5, 0.1], "rising"), ([0.5, 0.5], "rising"), ([0.0, 0.5], "greater than")],
)
def test_quantiles_rise_between_none_and_all(quantiles: list[float], reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        Label.model_validate({"column": "y", "type": "quantile", "quantiles": quantiles, "delay_days": 1})


def _world() -> tuple[LabelledRows, np.ndarray]:
    """Nights of outcomes around a mean that is known, (n,)."""
    random = np.random.default_rng(3)
    means = random.normal(size=6_000)
    labels = means + random.normal(size=6_000)
    nights = np.repeat(np.arange(20), 300)
    return LabelledRows(pa.table({"mean": means}), labels, nights), means


def _said(rows: LabelledRows, spread: float) -> np.ndarray:
    """The quantiles that are right for a spread of 1."""
    means = rows.table["mean"].to_numpy()
    return means[:, None] + spread * np.array([-1.2816, 0.0, 1.2816])


def _identity(width: int) -> bytes:
    from onnx import TensorProto, helper

    given = helper.make_tensor_value_info("given", TensorProto.FLOAT, [None, width])
    score = helper.make_tensor_value_info("score", TensorProto.FLOAT, [None, width])
    node = helper.make_node("Identity", ["given"], ["score"], name="score")
    graph = helper.make_graph([node], "a", [given], [score])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    return bytes(model.SerializeToString())


def _run(body: bytes, scores: np.ndarray) -> np.ndarray:
    import onnxruntime as ort

    (result,) = ort.InferenceSession(body).run(["score"], {"given": scores})
    return np.asarray(result)

"""Calibrated scores: every graph says what the trained model says, whatever trained it and however it is laid out."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from nightshift.errors import ModelError
from nightshift.modelling.inputs import model_inputs
from nightshift.modelling.label_types import label_type
from nightshift.optimization.search import held_graphs
from nightshift.scoring.graph import OnnxGraph
from nightshift.spec import ModelSpec
from nightshift.training import recipe
from nightshift.training.calibration import learn
from nightshift.training.calibration.maps import Isotonic
from nightshift.training.calibration.pipeline import calibration_of_pipeline
from nightshift.training.trained_file import digest_of, dumped, read_pipeline

OF_TREES = ["truncated_half"]
WAYS = [
    ("binary", "hist_gradient_boosting", "platt"),
    ("binary", "logistic_regression", "isotonic"),
    ("binary", "neural_network", "isotonic"),
    ("multiclass", "hist_gradient_boosting", "isotonic"),
    ("multiclass", "logistic_regression", "platt"),
]


@pytest.fixture(autouse=True)
def _few_rows_will_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(learn, "ISOTONIC_ROWS", 50)
    monkeypatch.setattr(learn, "PART_ROWS", 20)


@pytest.mark.parametrize(("kind", "trainer", "method"), WAYS)
def test_an_exact_graph_is_calibrated_as_the_model_is(
    fitted: Callable[..., Any], kind: str, trainer: str, method: str
) -> None:
    made = fitted(kind, trainer)
    spec = with_calibration(made.spec, method)
    pipeline = recipe.fit(spec, made.rows.train)
    table = made.rows.holdout.table
    frame = model_inputs(spec, table)
    label = label_type(spec)
    expected = label.predict(pipeline, frame)
    graphs = held_graphs(spec, pipeline, made.rows)
    assert np.abs(expected - label.predict(made.pipeline, frame)).max() > 0.001
    for name in ("fp32", "codes"):
        graph = OnnxGraph(spec, graphs.body(name))
        assert np.abs(graph.score(table) - expected).max() < 2e-6
    calibration = calibration_of_pipeline(pipeline)
    assert calibration is not None
    assert all(isinstance(one, Isotonic) == (method == "isotonic") for one in calibration.maps)


@pytest.mark.parametrize("trainer", ["hist_gradient_boosting", "neural_network"])
def test_an_approximate_graph_is_calibrated_once(fitted: Callable[..., Any], trainer: str) -> None:
    """A student learns what is calibrated; truncated trees and rounded weights learn nothing, and are calibrated."""
    variants = [*OF_TREES, "codes"] if trainer == "hist_gradient_boosting" else ["pruned", "int8_dynamic"]
    made = fitted("binary", trainer, optimize={"max_metric_loss": 1.0, "variants": variants})
    # Far from what the model says: whoever misses it, or does it twice, is far away.
    twice_as_sure = learn.Platt(slope=1.0, shift=-1.5, highest=1 - 1e-7)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(learn, "platt", lambda *_: twice_as_sure)
        spec = with_calibration(made.spec, "platt")
        pipeline = recipe.fit(spec, made.rows.train)
    table = made.rows.holdout.table
    expected = label_type(spec).predict(pipeline, model_inputs(spec, table))
    graphs = held_graphs(spec, pipeline, made.rows)
    assert len(graphs.files) == 1 + len(variants)
    for name, body in graphs.files.items():
        scores = OnnxGraph(spec, body).score(table)
        assert abs(float(scores.mean() - expected.mean())) < 0.06, name


def test_a_calibrated_model_is_kept_without_pickle_and_read_by_specs_that_ask_for_it(
    fitted: Callable[..., Any],
) -> None:
    made = fitted("binary")
    spec = with_calibration(made.spec, "platt")
    pipeline = recipe.fit(spec, made.rows.train)
    body = dumped(pipeline)
    frame = model_inputs(spec, made.rows.holdout.table)
    again = read_pipeline(spec, body, digest_of(body), "a file")
    assert np.array_equal(again.predict_proba(frame), pipeline.predict_proba(frame))
    assert np.allclose(again.predict_proba(frame).sum(axis=1), 1)
    with pytest.raises(ModelError, match="made of types that"):
        read_pipeline(made.spec, body, digest_of(body), "a file")


def test_what_calibrates_never_saw_the_nights_that_judge(
    fitted: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor did the fit whose scores it is learnt from see the nights that it is learnt on."""
    made = fitted("binary")
    spec = with_calibration(made.spec, "platt")
    fits = []
    fitted_on = recipe._fitted
    monkeypatch.setattr(recipe, "_fitted", lambda spec, rows, _: fits.append(rows) or fitted_on(spec, rows, None))
    learnt = []
    calibrate = recipe._calibrated
    monkeypatch.setattr(
        recipe, "_calibrated", lambda *arguments: learnt.append(arguments[-1].rows) or calibrate(*arguments)
    )
    recipe.fit(spec, made.rows.train)
    whole, earlier = fits
    (held_back,) = learnt
    assert whole is made.rows.train
    assert earlier.nights.max() < held_back.nights.min()
    assert held_back.nights.max() == whole.nights.max()


def with_calibration(spec: ModelSpec, method: str) -> ModelSpec:
    training = spec.training.model_copy(update={"calibration": method})
    return spec.model_copy(update={"training": training})

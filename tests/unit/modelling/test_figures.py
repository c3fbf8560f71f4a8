"""The figures of a training run, by kind of label."""

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from nightshift.modelling.figures import training_figures
from nightshift.modelling.holdout import LabelledRows
from nightshift.modelling.inputs import model_inputs
from nightshift.modelling.label_types import label_type
from nightshift.modelling.plots import binary, multiclass
from nightshift.modelling.plots.figure import laid_out, new_figure
from nightshift.modelling.plots.gate import gate_figure
from nightshift.spec import ModelSpec

NAMES = {
    "binary": {"roc", "precision_recall", "calibration", "confusion", "importance"},
    "multiclass": {"confusion", "confidence", "importance"},
    "regression": {"predicted_actual", "residuals", "importance"},
}


@pytest.mark.parametrize("kind", NAMES)
def test_every_figure_of_a_kind_is_drawn(fitted: Callable[..., Any], kind: str) -> None:
    made = fitted(kind)
    scores = label_type(made.spec).predict(made.pipeline, model_inputs(made.spec, made.rows.holdout.table))
    found = training_figures(made.spec, made.pipeline, made.rows.holdout, made.rows.holdout.labels, scores)
    assert set(found) == NAMES[kind]
    for figure in found.values():
        drawn = io.BytesIO()
        figure.savefig(drawn, format="png")
        assert len(drawn.getvalue()) > 5_000


def test_the_feature_that_decides_is_the_most_important(fitted: Callable[..., Any]) -> None:
    made = fitted("regression")
    scores = label_type(made.spec).predict(made.pipeline, model_inputs(made.spec, made.rows.holdout.table))
    holdout = made.rows.holdout
    (axes,) = training_figures(made.spec, made.pipeline, holdout, holdout.labels, scores)["importance"].axes
    assert axes.get_yticklabels()[-1].get_text() == "items"
    assert axes.get_xlabel() == "squared error added when shuffled"


def test_a_holdout_without_one_of_the_classes_has_its_figures(fitted: Callable[..., Any]) -> None:
    made = fitted("multiclass")
    some = made.rows.holdout.labels > 0
    rows = LabelledRows(made.rows.holdout.table.filter(some), made.rows.holdout.labels[some], np.arange(some.sum()))
    scores = label_type(made.spec).predict(made.pipeline, model_inputs(made.spec, rows.table))
    assert set(training_figures(made.spec, made.pipeline, rows, rows.labels, scores)) == NAMES["multiclass"]


def test_the_confusion_of_two_outcomes_is_counted_at_the_threshold(
    of_kind: Callable[..., ModelSpec], change: Callable[..., ModelSpec]
) -> None:
    spec = change(of_kind("binary"), predict={"threshold": 0.7})
    labels = np.array([0.0, 0.0, 1.0, 1.0, 1.0])
    drawn = binary.figures(spec, labels, np.array([0.1, 0.9, 0.69, 0.7, 0.8]))["confusion"]
    (axes,) = drawn.axes
    assert [text.get_text() for text in axes.texts] == ["1", "1", "1", "2"]
    assert axes.get_xlabel() == "predicted, yes from a score of 0.7"


SLICES = [
    {"name": "log_loss", "estimate": -0.01, "low": -0.02, "high": 0.0, "verdict": "inconclusive"},
    {"name": "roc_auc", "estimate": 0.01, "low": 0.0, "high": 0.1, "verdict": "for information"},
    {"name": "site $A$ to $B$", "estimate": 0.1, "low": 0.05, "high": 0.2, "verdict": "worse"},
    {"name": "3 small slices", "estimate": None, "low": None, "high": None, "verdict": "not judged"},
]


def test_the_gate_is_drawn_with_its_slices_and_without_other_units(spec: ModelSpec) -> None:
    drawn = gate_figure(spec, SLICES)
    drawn.savefig(io.BytesIO(), format="png")
    (axes,) = drawn.axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["log_loss", "site $A$ to $B$"]
    ends = [line.get_xdata() for line in axes.lines if len(line.get_xdata()) == 2]
    assert [list(pair) for pair in ends[:2]] == [[-0.02, 0.0], [0.05, 0.2]]
    assert gate_figure(spec, SLICES[3:]) is None
    assert gate_figure(spec, []) is None


def test_classes_with_signs_of_formulas_are_drawn_as_they_are(
    of_kind: Callable[..., ModelSpec], change: Callable[..., ModelSpec]
) -> None:
    spec = change(of_kind("multiclass"), label={"classes": ["$ 1 to $ 5", "$\\frac$", "_more"]})
    figures = multiclass.figures(spec, np.array([0.0, 1.0, 2.0]), np.eye(3))
    for figure in figures.values():
        figure.savefig(io.BytesIO(), format="png")
    (axes,) = figures["confusion"].axes
    assert [label.get_text() for label in axes.get_xticklabels()] == ["$ 1 to $ 5", "$\\frac$", "_more"]


def test_a_figure_that_is_laid_out_is_laid_out_once(monkeypatch: pytest.MonkeyPatch) -> None:
    figure, axes = new_figure("title", "across", "a name beside the axes that needs room")
    axes.plot([0, 1000], [0, 1000])
    times = []
    engine = type(figure.get_layout_engine())
    execute = engine.execute
    monkeypatch.setattr(engine, "execute", lambda *of: times.append(1) or execute(*of))
    laid_out(figure).savefig(io.BytesIO(), format="png")
    assert times == [1]
    left, _, right, _ = axes.get_tightbbox().extents
    assert left >= 0
    assert right <= figure.bbox.width

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
from nightshift.modelling.plots import multiclass
from nightshift.spec import ModelSpec

NAMES = {
    "binary": {"roc", "precision_recall", "calibration", "importance"},
    "multiclass": {"confusion", "confidence", "importance"},
    "regression": {"predicted_actual", "residuals", "importance"},
}


@pytest.mark.parametrize("kind", NAMES)
def test_every_figure_of_a_kind_is_drawn(fitted: Callable[..., Any], kind: str) -> None:
    made = fitted(kind)
    scores = label_type(made.spec).predict(made.pipeline, model_inputs(made.spec, made.rows.holdout.table))
    found = training_figures(made.spec, made.pipeline, made.rows.holdout, scores)
    assert set(found) == NAMES[kind]
    for figure in found.values():
        drawn = io.BytesIO()
        figure.savefig(drawn, format="png")
        assert len(drawn.getvalue()) > 5_000


def test_the_feature_that_decides_is_the_most_important(fitted: Callable[..., Any]) -> None:
    made = fitted("regression")
    scores = label_type(made.spec).predict(made.pipeline, model_inputs(made.spec, made.rows.holdout.table))
    (axes,) = training_figures(made.spec, made.pipeline, made.rows.holdout, scores)["importance"].axes
    assert axes.get_yticklabels()[-1].get_text() == "items"
    assert axes.get_xlabel() == "squared error added when shuffled"


def test_a_holdout_without_one_of_the_classes_has_its_figures(fitted: Callable[..., Any]) -> None:
    made = fitted("multiclass")
    some = made.rows.holdout.labels > 0
    rows = LabelledRows(made.rows.holdout.table.filter(some), made.rows.holdout.labels[some], np.arange(some.sum()))
    scores = label_type(made.spec).predict(made.pipeline, model_inputs(made.spec, rows.table))
    assert set(training_figures(made.spec, made.pipeline, rows, scores)) == NAMES["multiclass"]


def test_classes_with_signs_of_formulas_are_drawn_as_they_are(
    of_kind: Callable[..., ModelSpec], change: Callable[..., ModelSpec]
) -> None:
    spec = change(of_kind("multiclass"), label={"classes": ["$ 1 to $ 5", "$\\frac$", "_more"]})
    figures = multiclass.figures(spec, np.array([0.0, 1.0, 2.0]), np.eye(3))
    for figure in figures.values():
        figure.savefig(io.BytesIO(), format="png")
    (axes,) = figures["confusion"].axes
    assert [label.get_text() for label in axes.get_xticklabels()] == ["$ 1 to $ 5", "$\\frac$", "_more"]

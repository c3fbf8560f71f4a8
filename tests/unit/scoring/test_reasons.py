"""The reasons of a score: they add up to it, they are those of a model that is known, and their error is honest."""

import numpy as np
import pytest

from nightshift.modelling.label_types import label_type
from nightshift.optimization.export import to_onnx
from nightshift.scoring import reasons as module
from nightshift.scoring.graph import OnnxGraph
from nightshift.scoring.reasons import reasons

KINDS = ["binary", "multiclass", "regression", "quantile", "multilabel"]


@pytest.fixture
def explained(fitted):
    """``explained("binary")``: a graph, one row that it was not fitted on, and the others as a background."""

    def make(kind, trainer="hist_gradient_boosting"):
        made = fitted(kind, trainer)
        graph = OnnxGraph(made.spec, to_onnx(made.spec, made.pipeline))
        rows = made.rows.holdout.table
        return graph, rows.slice(0, 1), rows.slice(1)

    return make


@pytest.mark.parametrize("most", [50_000, 3_000])
@pytest.mark.parametrize("kind", KINDS)
def test_parts_add_up_to_the_score_less_the_usual_one(explained, monkeypatch, kind, most):
    monkeypatch.setattr(module, "MOST_SCORED", most)
    graph, row, background = explained(kind)
    told = reasons(graph, row, background, seed=7)
    assert told.is_exact is (most == 50_000)
    assert told.added.sum(axis=0) == pytest.approx(told.score - told.usual, abs=1e-6)
    assert told.score == pytest.approx(graph.score(row).reshape(-1), abs=1e-6)
    scores = graph.score(background.slice(0, told.background_rows))
    assert told.usual == pytest.approx(scores.reshape(len(scores), -1).mean(axis=0), rel=1e-5)
    again = reasons(graph, row, background, seed=7)
    assert np.array_equal(told.added, again.added)


def test_a_straight_line_is_explained_by_its_slopes(explained, monkeypatch):
    graph, row, background = explained("regression", "ridge")
    exact = reasons(graph, row, background, seed=1)
    monkeypatch.setattr(module, "MOST_SCORED", 3_000)
    drawn = reasons(graph, row, background, seed=1)
    # Features that act alone are told exactly by any order and its reverse: all that is left is float32.
    assert drawn.errors.max() < 1e-4 * abs(exact.score[0])
    used = background.slice(0, exact.background_rows)
    for place, name in enumerate(exact.features):
        alone = used.set_column(used.schema.get_field_index(name), name, row[name].take([0] * used.num_rows))
        slope = graph.score(alone).astype(float).mean() - graph.score(used).astype(float).mean()
        assert exact.added[place, 0] == pytest.approx(slope, abs=2e-4)


def test_the_standard_error_is_that_of_the_drawing(explained, monkeypatch):
    graph, row, background = explained("binary")
    monkeypatch.setattr(module, "BACKGROUND_ROWS", 10)
    exact = reasons(graph, row, background, seed=0)
    monkeypatch.setattr(module, "MOST_SCORED", 600)
    drawn = [reasons(graph, row, background, seed) for seed in range(40)]
    away = np.stack([one.added - exact.added for one in drawn])
    stated = np.sqrt(np.mean([one.errors**2 for one in drawn], axis=0))
    matter = stated > 1e-4
    assert matter.any()
    true = np.sqrt((away**2).mean(axis=0))
    assert np.all(np.abs(true[matter] / stated[matter] - 1) < 0.45)


@pytest.mark.parametrize(
    ("kind", "scores", "columns"),
    [
        ("binary", [0.2], ["score"]),
        ("regression", [3.0], ["prediction"]),
        ("quantile", [1.0, 2.0, 3.0], ["score_q50"]),
        ("multiclass", [0.2, 0.7, 0.1], ["score_Late"]),
        ("multilabel", [0.9, 0.7, 0.1], ["score_on_time", "score_Late"]),
        ("multilabel", [0.2, 0.3, 0.1], ["score_Late"]),
    ],
)
def test_the_score_that_a_person_asks_about(of_kind, kind, scores, columns):
    spec = of_kind(kind)
    asked = label_type(spec).asked_about(np.array(scores))
    assert len(asked) == len(columns)
    assert set(asked) <= {*spec.scores, label_type(spec).drift_column}
    assert list(asked.values()) == [spec.scores.index(name) if name in spec.scores else 0 for name in asked]

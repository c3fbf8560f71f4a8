"""What one unit of rows becomes: the published columns, and its counts for drift, for every kind of label."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from nightshift.contracts import CanaryPin, Pin, Plan
from nightshift.modelling.folds import folds_of
from nightshift.modelling.inputs import model_inputs
from nightshift.modelling.label_types import label_type
from nightshift.optimization.export import to_onnx
from nightshift.optimization.variants import trees
from nightshift.optimization.variants.preprocessing import Prepared
from nightshift.profiles.profile import Profile
from nightshift.scoring.canary import canary_rows
from nightshift.scoring.engine import Engine, added, schema
from nightshift.scoring.graph import OnnxGraph
from nightshift.scoring.scorer import Scorer
from nightshift.steps.optimize import _profile
from nightshift.stores.parquet import with_dictionaries
from nightshift.training.trainers import TRAINERS

BY_PATH = [
    ("binary", "sklearn.ensemble.RandomForestClassifier"),
    ("multiclass", "sklearn.ensemble.ExtraTreesClassifier"),
    ("regression", "sklearn.linear_model.BayesianRidge"),
]
PAIRS = [(kind, name) for name in TRAINERS for kind in sorted(TRAINERS[name].labels)] + BY_PATH
OTHERS = {"binary": "logistic_regression", "multiclass": "logistic_regression", "regression": "ridge"}
COLUMNS = {
    "binary": ["score", "prediction"],
    "multiclass": ["score_on_time", "score_late", "score_late_2", "prediction"],
    "regression": ["prediction"],
}


@pytest.fixture
def unit(fitted: Callable[..., Any]) -> Callable[..., tuple[Any, ...]]:
    def score(kind: str, trainer: str = "hist_gradient_boosting") -> tuple[Any, ...]:
        made = fitted(kind, trainer)
        pin = Pin(made.spec.name, "3", "run", "ab" * 32, "key", "5f.dir", "2024-01-10")
        plan = Plan(made.spec.name, "2024-01-11", pin, "g", "d", 1, None, [])
        graph = OnnxGraph(made.spec, to_onnx(made.spec, made.pipeline))
        body = _profile(made.spec, made.rows, folds_of(made.spec, made.rows)[-1:], [graph])
        engine = Engine(made.spec, plan, graph, Profile.from_json(body, "here"))
        (rows,) = made.rows.holdout.table.combine_chunks().to_batches()
        return (made, engine, *engine.score_unit(rows))

    return score


@pytest.mark.parametrize("kind", COLUMNS)
def test_a_unit_has_the_columns_of_its_label(unit: Callable[..., Any], kind: str) -> None:
    made, _, found, *_ = unit(kind)
    names = ["site", "number", *COLUMNS[kind], "model_version", "run_id"]
    assert schema(made.spec).names == found.schema.names == names
    assert found.schema == with_dictionaries(schema(made.spec))
    assert set(found["model_version"].to_pylist()) == {"3"}


@pytest.mark.parametrize(("kind", "trainer"), PAIRS)
def test_a_unit_says_what_was_trained_whatever_trained_it(unit: Callable[..., Any], kind: str, trainer: str) -> None:
    made, _, found, *_ = unit(kind, trainer)
    label, frame = label_type(made.spec), model_inputs(made.spec, made.rows.holdout.table)
    expected = label.predict(made.pipeline, frame)
    assert label.read_scores(pa.Table.from_batches([found])) == pytest.approx(expected, rel=1e-6, abs=1e-6)
    predicted = made.pipeline.predict(frame)
    if kind == "multiclass":
        assert found["prediction"].to_pylist() == [made.spec.label.classes[int(place)] for place in predicted]
    elif kind == "binary":
        assert found["prediction"].to_pylist() == (expected >= 0.5).tolist()


@pytest.mark.parametrize("kind", COLUMNS)
def test_every_row_of_a_unit_is_counted_once_for_each_watched_column(unit: Callable[..., Any], kind: str) -> None:
    made, engine, found, counts, *_ = unit(kind)
    assert set(counts) == {"kind", "amount", "items", label_type(made.spec).drift_column}
    assert {int(np.sum(bins)) for bins in counts.values()} == {found.num_rows}
    if kind == "multiclass":
        watched = engine.profile.features[-1]
        by_class = dict(zip(watched.bins.categories, counts["prediction"], strict=False))
        assert by_class == {name: found["prediction"].to_pylist().count(name) for name in by_class}


@pytest.mark.parametrize("matrix", [False, True])
def test_rows_of_unseen_categories_are_counted_by_column(fitted: Callable[..., Any], matrix: bool) -> None:
    made = fitted("binary")
    body = to_onnx(made.spec, made.pipeline)
    if matrix:
        prepared = Prepared(made.spec, made.pipeline)
        body = trees.to_onnx(prepared, trees.forest_of(prepared))
    graph = OnnxGraph(made.spec, body)
    rows = made.rows.holdout.table.combine_chunks()
    assert graph.unseen(rows) == {}
    kinds = rows["kind"].to_pylist()
    kinds[:5] = ["a town opened tonight"] * 5
    place = rows.schema.get_field_index("kind")
    for column in (pa.array(kinds), pa.array(kinds).dictionary_encode()):
        assert graph.unseen(rows.set_column(place, "kind", column)) == {"kind": 5}


@pytest.mark.parametrize("kind", COLUMNS)
@pytest.mark.parametrize("share", [1e-9, 0.3, 1 - 1e-9])
def test_a_row_has_what_the_version_says_that_the_hash_gives_it_to(
    unit: Callable[..., Any], kind: str, share: float
) -> None:
    """Also where one of the two has none of the rows: a small unit, or a small share."""
    made, engine, by_champion, *_ = unit(kind)
    _, other, by_canary, *_ = unit(kind, OTHERS[kind])
    pin = replace(engine.plan.pin, version="4", run_id="run-4")
    canary = CanaryPin(pin, share, 7)
    scorer = Scorer(made.spec, pin, other.graph, other.profile)
    shared = Engine(made.spec, replace(engine.plan, canary=canary), engine.graph, engine.profile, scorer)
    (rows,) = made.rows.holdout.table.combine_chunks().to_batches()
    found = shared.score_unit(rows)
    is_canarys = canary_rows(canary, rows.select(list(made.spec.keys))).tolist()
    assert found.predictions["model_version"].to_pylist() == ["4" if drawn else "3" for drawn in is_canarys]
    assert found.predictions["run_id"].to_pylist() == ["run-4" if drawn else "run" for drawn in is_canarys]
    ones, others = by_champion.to_pylist(), by_canary.to_pylist()
    for name in ("site", "number", *COLUMNS[kind]):
        expected = [(mine if drawn else its)[name] for drawn, mine, its in zip(is_canarys, others, ones, strict=True)]
        assert found.predictions[name].to_pylist() == expected, name
    assert (found.tally.rows, found.canary.rows) == (is_canarys.count(False), is_canarys.count(True))
    for counts, its_rows in ((found.counts, found.tally.rows), (found.canary.counts, found.canary.rows)):
        assert {int(np.sum(bins)) for bins in counts.values()} == {its_rows}


def test_counts_of_units_add_up_and_those_of_a_graph_of_before_are_unknown() -> None:
    assert added(added(None, {"kind": 5}), {"kind": 2, "site": 1}) == {"kind": 7, "site": 1}
    assert added(None, {}) == added({}, None) == {}
    assert added(None, None) is None

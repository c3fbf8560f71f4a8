"""Parity: an honest graph passes, another model's fails, and the edge rows are where mistakes would show."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from nightshift.errors import ParityFailed
from nightshift.modelling.holdout import Split, split
from nightshift.modelling.inputs import model_inputs
from nightshift.modelling.label_types import label_type
from nightshift.optimization.export import split_values, to_onnx
from nightshift.optimization.forest_graph import floor32
from nightshift.optimization.parity import Parity, ParityRows, edge_rows, parity_rows
from nightshift.scoring.graph import OnnxGraph
from nightshift.spec import ModelSpec
from nightshift.training.trainers import TRAINERS, trainer_of
from nightshift.training.unseen import UNSEEN

PAIRS = [(kind, name) for name in TRAINERS for kind in sorted(TRAINERS[name].labels)]

Change = Callable[..., ModelSpec]


@pytest.fixture
def rows(spec: ModelSpec, small_rows: Callable[..., pa.Table]) -> Split:
    return split(spec, small_rows(spec))


def fit(spec: ModelSpec, rows: Split) -> Any:
    return trainer_of(spec).pipeline(spec).fit(model_inputs(spec, rows.train.table), rows.train.labels)


def check_parity(spec: ModelSpec, pipeline: Any, graph: OnnxGraph, holdout: pa.Table) -> Parity:
    held = parity_rows(spec, pipeline, holdout)
    return held.require(graph.score(held.rows))


@pytest.mark.parametrize(("kind", "trainer"), PAIRS)
def test_an_honest_graph_passes(fitted: Callable[..., Any], kind: str, trainer: str) -> None:
    made = fitted(kind, trainer)
    graph, holdout = OnnxGraph(made.spec, to_onnx(made.spec, made.pipeline)), made.rows.holdout.table
    found = check_parity(made.spec, made.pipeline, graph, holdout)
    assert found.rows > holdout.num_rows
    # XGBoost says float32, as the graph does: of labels near 1,000 they may round to two neighbours, 0.0001 apart.
    is_rounded = (kind, trainer) == ("quantile", "xgboost")
    assert found.max_difference < (made.spec.optimize.max_abs_difference if is_rounded else 1e-6)
    assert found.label_flips == 0


def test_a_moved_class_is_a_flip_and_a_moved_number_is_a_share_of_the_spread(fitted: Callable[..., Any]) -> None:
    classes = fitted("multiclass")
    held = parity_rows(classes.spec, classes.pipeline, classes.rows.holdout.table)
    assert held.compare(np.roll(held.trained, 1, axis=1).astype(np.float32)).label_flips == len(held.trained)
    numbers = fitted("regression")
    held = parity_rows(numbers.spec, numbers.pipeline, numbers.rows.holdout.table)
    spread = held.trained[: numbers.rows.holdout.table.num_rows].std()
    found = held.compare((held.trained + spread).astype(np.float32))
    assert found.label_flips == 0
    assert found.mean_difference == pytest.approx(1.0, rel=1e-3)
    with pytest.raises(ParityFailed):
        held.require((held.trained + 0.001 * spread).astype(np.float32))


@pytest.mark.parametrize("trainer", ["hist_gradient_boosting", "logistic_regression"])
def test_decimals_and_dates_are_the_same_to_the_graph_and_to_the_trained_model(
    spec: ModelSpec, rows: Split, change: Change, trainer: str
) -> None:
    types = {
        "amount": {"type": "decimal", "min": None, "max": None},
        "items": {"type": "date", "min": None, "max": None},
    }
    spec = change(spec, columns=types, training={"trainer": trainer, "parameters": {}})
    kinds = {"amount": pa.decimal128(38, 2), "items": pa.date32()}

    def typed(table: pa.Table) -> pa.Table:
        amount = pc.round(table["amount"].cast(pa.float64()), 2).cast(kinds["amount"])
        table = table.set_column(table.schema.get_field_index("amount"), "amount", amount)
        days = table["items"].cast(pa.int32()).cast(kinds["items"])
        return table.set_column(table.schema.get_field_index("items"), "items", days)

    train, holdout = typed(rows.train.table), typed(rows.holdout.table)
    pipeline = trainer_of(spec).pipeline(spec).fit(model_inputs(spec, train), rows.train.labels)
    edges = edge_rows(spec, pipeline, holdout)
    assert {name: edges.schema.field(name).type for name in kinds} == kinds
    if trainer == "hist_gradient_boosting":
        assert not set(edges["amount"].to_pylist()) <= {*holdout["amount"].to_pylist(), None}
    found = check_parity(spec, pipeline, OnnxGraph(spec, to_onnx(spec, pipeline)), holdout)
    assert found.max_difference < 1e-5
    assert found.label_flips == 0


def test_the_graph_of_another_model_fails_and_the_farthest_row_is_shown(
    spec: ModelSpec, rows: Split, change: Change
) -> None:
    other = fit(change(spec, training={"parameters": {"max_iter": 3}}), rows)
    with pytest.raises(ParityFailed, match=r"the ONNX graph is up to .* flipped predictions .* farthest: ") as error:
        check_parity(spec, fit(spec, rows), OnnxGraph(spec, to_onnx(spec, other)), rows.holdout.table)
    assert "'weight': " in str(error.value)
    assert "nothing was promoted" in str(error.value.fix)


def test_thresholds_rounded_to_the_nearest_float32_are_caught(
    spec: ModelSpec, small_rows: Callable[..., pa.Table], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rows on a split go the other way: only the edge rows show it."""
    rows = split(spec, small_rows(spec, nights=5))
    pipeline = fit(spec, rows)
    monkeypatch.setattr("nightshift.optimization.export.float32_thresholds", lambda unchanged: unchanged)
    rounded = OnnxGraph(spec, to_onnx(spec, pipeline))
    trained = pipeline.predict_proba(model_inputs(spec, rows.holdout.table))[:, 1]
    assert np.abs(rounded.score(rows.holdout.table) - trained).max() < 1e-6
    with pytest.raises(ParityFailed):
        check_parity(spec, pipeline, rounded, rows.holdout.table)


@pytest.mark.parametrize(
    ("allowed", "passes"),
    [
        ({"max_abs_difference": 1.0, "max_mean_difference": 1.0, "max_label_flips": 10**6}, True),
        ({"max_abs_difference": 1.0, "max_mean_difference": 1e-6, "max_label_flips": 10**6}, False),
        ({"max_abs_difference": 1e-5, "max_mean_difference": 1.0, "max_label_flips": 10**6}, False),
    ],
)
def test_each_tolerance_counts(
    spec: ModelSpec, rows: Split, change: Change, allowed: dict[str, float], passes: bool
) -> None:
    tolerant = change(spec, optimize=allowed)
    graph = OnnxGraph(spec, to_onnx(spec, fit(change(spec, training={"parameters": {"max_iter": 3}}), rows)))
    if passes:
        parity = check_parity(tolerant, fit(spec, rows), graph, rows.holdout.table)
        assert (parity.label_flips, parity.near_flips > 0) == (0, True)
    else:
        with pytest.raises(ParityFailed):
            check_parity(tolerant, fit(spec, rows), graph, rows.holdout.table)


@pytest.mark.parametrize(
    "predict",
    [{"threshold": 0.5}, {"threshold": 0.2, "costs": {"false_alarm": 1, "miss": 4}}, {"threshold": None, "share": 0.3}],
)
def test_a_score_that_rounds_to_the_other_side_of_the_threshold_is_no_flip(
    fitted: Callable[..., Any], change: Change, predict: dict[str, Any]
) -> None:
    """One training in fifteen failed by that alone with a million rows, and every new one would fail alike."""
    made = fitted("binary")
    given = parity_rows(made.spec, made.pipeline, made.rows.holdout.table)
    spec = change(made.spec, predict=predict)
    threshold = label_type(spec).threshold_for(np.zeros(len(given.trained)), given.trained) or spec.predict.decides_from
    trained = given.trained.copy()
    trained[:3] = threshold
    held = replace(given, spec=spec.with_threshold(threshold), trained=trained)
    scores = trained.astype(np.float32)
    scores[:3] = np.nextafter(np.float32(threshold), np.float32(0)) - np.float32(1e-7)
    parity = held.require(scores)
    assert (parity.label_flips, parity.near_flips) == (0, 3)
    scores[3] = trained[3] < threshold
    with pytest.raises(ParityFailed, match=r"with 1 flipped predictions \(allowed 0\) and 3 within that") as error:
        held.require(scores)
    assert "train the same again" in str(error.value.fix)


def test_classes_that_are_as_likely_as_each_other_may_change_places(fitted: Callable[..., Any]) -> None:
    made = fitted("multiclass")
    given = parity_rows(made.spec, made.pipeline, made.rows.holdout.table)
    trained = given.trained.copy()
    # The first two of three tie; then the last is ahead of the first by as much as rounding may make good.
    trained[0] = [0.4, 0.4 - 1e-8, 0.2]
    trained[1] = [0.4 - 1e-8, 0.2, 0.4]
    held = replace(given, trained=trained)
    scores = trained.astype(np.float32)
    scores[0] = [0.4 - 1e-7, 0.4, 0.2]
    scores[1] = [0.4, 0.2, 0.4 - 1e-7]
    parity = held.require(scores)
    assert (parity.label_flips, parity.near_flips) == (0, 2)
    scores[1] = [0.3, 0.4, 0.3]
    assert held.compare(scores).label_flips == 1


def test_a_million_rows_of_an_honest_graph_are_parity_whatever_the_threshold(spec: ModelSpec, change: Change) -> None:
    """Scores all over, thresholds at scores: rounding turns some, and none of them counts."""
    rng = np.random.default_rng(0)
    trained = rng.uniform(0.01, 0.99, 1_000_000)
    scores = (trained + rng.normal(0, 1e-7, len(trained))).astype(np.float32)
    held = ParityRows(spec, pa.table({}), trained)
    near = 0
    for place in range(20):
        parity = replace(held, spec=change(spec, predict={"threshold": float(trained[place])})).compare(scores)
        assert parity.label_flips == 0
        near += parity.near_flips
    assert near > 0


def test_edge_rows_keep_the_schema(spec: ModelSpec, rows: Split) -> None:
    edges = edge_rows(spec, fit(spec, rows), rows.holdout.table)
    assert edges.schema == rows.holdout.table.select(list(spec.features)).schema


def test_edge_rows_hold_nulls_wherever_there_may_be_some_and_unseen_categories(spec: ModelSpec, rows: Split) -> None:
    edges = edge_rows(spec, fit(spec, rows), rows.holdout.table)
    whole = edges.to_pylist()
    for name in ("kind", "amount"):
        assert any(row[name] is None and row["weight"] is not None for row in whole)
    assert dict.fromkeys(spec.features) in whole
    for name in ("site", "kind"):
        assert UNSEEN in edges[name].to_pylist()


def test_edge_rows_stand_on_and_beside_every_split(spec: ModelSpec, rows: Split) -> None:
    pipeline = fit(spec, rows)
    weights = set(edge_rows(spec, pipeline, rows.holdout.table)["weight"].to_pylist())
    at = floor32(split_values(spec, pipeline)[3]).astype(np.float32)
    for edge in (at, np.nextafter(at, np.float32(np.inf)), np.nextafter(at, np.float32(-np.inf))):
        assert {float(value) for value in edge} <= weights


def test_edges_of_a_whole_numbered_column_are_the_whole_numbers_beside_its_splits(
    spec: ModelSpec, rows: Split, change: Change
) -> None:
    for kind, scale in (("int16", 1), ("int32", 100_000)):
        wide = change(spec, columns={"items": {"type": kind, "max": 2_000_000}})
        index = rows.train.table.schema.get_field_index("items")

        def scaled(table: pa.Table, kind: str = kind, scale: int = scale, index: int = index) -> pa.Table:
            values = pa.array([v * scale for v in table["items"].to_pylist()], pa.type_for_alias(kind))
            return table.set_column(index, "items", values)

        table = scaled(rows.train.table)
        pipeline = trainer_of(wide).pipeline(wide).fit(model_inputs(wide, table), rows.train.labels)
        items = set(edge_rows(wide, pipeline, scaled(rows.holdout.table))["items"].to_pylist())
        splits = split_values(spec, pipeline)[4]
        assert len(splits) > 1
        assert {int(np.floor(s)) for s in splits} | {int(np.ceil(s)) for s in splits} <= items


def test_edges_of_a_boolean_are_booleans(spec: ModelSpec, rows: Split) -> None:
    pipeline = fit(spec, rows)
    assert 5 in split_values(spec, pipeline), "the trees should split on express"
    assert {True, False} <= set(edge_rows(spec, pipeline, rows.holdout.table)["express"].to_pylist())

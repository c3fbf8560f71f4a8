"""Trees of every library come out of the export as they are: every kind of objective, null and threshold."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from nightshift.errors import ModelError
from nightshift.modelling.holdout import Split, split
from nightshift.modelling.inputs import model_inputs
from nightshift.modelling.label_types import label_type
from nightshift.optimization.export import to_onnx, trained_forest
from nightshift.optimization.parity import parity_rows
from nightshift.optimization.variants.catalogue import build_all
from nightshift.optimization.variants.inputs import VariantInputs
from nightshift.scoring.graph import OnnxGraph
from nightshift.spec import ModelSpec
from nightshift.training.forest import NODE, Forest
from nightshift.training.trainers import trainer_of
from tests.training import as_rows

FOREST = "sklearn.ensemble.RandomForestClassifier"
MORE = "sklearn.ensemble.ExtraTreesRegressor"
BOOSTED = "sklearn.ensemble.GradientBoosting"
FEW = {"n_estimators": 12}


@pytest.mark.parametrize(
    ("kind", "trainer", "parameters"),
    [
        ("binary", "lightgbm", {"boosting_type": "dart", "sigmoid": 2.0}),
        ("binary", "lightgbm", {"boosting_type": "rf", "subsample": 0.7, "subsample_freq": 1, "use_missing": False}),
        ("multiclass", "lightgbm", {"class_weight": {"late": 3}, "num_leaves": 5}),
        ("regression", "lightgbm", {"objective": "poisson"}),
        ("regression", "lightgbm", {"objective": "tweedie", "tweedie_variance_power": 1.4}),
        ("regression", "lightgbm", {"objective": "gamma"}),
        ("regression", "lightgbm", {"objective": "quantile", "alpha": 0.8}),
        ("binary", "xgboost", {"booster": "dart", "rate_drop": 0.3, "base_score": 0.2}),
        ("binary", "xgboost", {"num_parallel_tree": 3, "subsample": 0.7, "scale_pos_weight": 2.0}),
        ("multiclass", "xgboost", {"num_parallel_tree": 2, "subsample": 0.7}),
        ("regression", "xgboost", {"objective": "count:poisson"}),
        ("regression", "xgboost", {"objective": "reg:tweedie", "tweedie_variance_power": 1.4}),
        ("regression", "xgboost", {"objective": "reg:gamma"}),
        ("regression", "xgboost", {"objective": "reg:absoluteerror"}),
        ("regression", "xgboost", {"n_estimators": 150}),
        ("regression", "hist_gradient_boosting", {"loss": "poisson", "max_iter": 12}),
        ("regression", "hist_gradient_boosting", {"loss": "gamma", "max_iter": 12}),
        ("binary", FOREST, {"monotonic_cst": {"items": 1}}),
        ("multiclass", FOREST, {"class_weight": {"late": 3}}),
        ("regression", MORE, {}),
        ("binary", f"{BOOSTED}Classifier", {"loss": "exponential"}),
        ("multiclass", f"{BOOSTED}Classifier", {}),
        ("regression", f"{BOOSTED}Regressor", {"loss": "huber"}),
        ("regression", "sklearn.tree.DecisionTreeRegressor", {"max_depth": 6}),
        ("regression", "sklearn.linear_model.GammaRegressor", {}),
        ("regression", "tweedie", {}),
        ("regression", "tweedie", {"power": 1.5}),
    ],
)
def test_graphs_say_what_was_trained_on_every_edge(
    of_kind: Callable[..., ModelSpec],
    change: Callable[..., ModelSpec],
    labelled: Callable[[ModelSpec], Split],
    kind: str,
    trainer: str,
    parameters: dict[str, Any],
) -> None:
    spec = change(
        of_kind(kind, trainer),
        training={"parameters": few(trainer) | parameters},
        optimize={"variants": ["codes", "codes_mirrored"]},
    )
    rows = labelled(spec)
    # XGBoost itself says numbers around 1000 to seven digits, and their logarithm worse.
    is_near = trainer == "xgboost" and "objective" in parameters
    targets = rows.train.labels - (990 if is_near else 0)
    pipeline = trainer_of(spec).fit(spec, as_rows(model_inputs(spec, rows.train.table), targets))
    held = parity_rows(spec, pipeline, rows.holdout.table)
    exact = to_onnx(spec, pipeline)
    held.require(OnnxGraph(spec, exact).score(held.rows))
    files, refusals = build_all(VariantInputs(spec, pipeline, rows.train, exact))
    for body in files.values():
        held.require(OnnxGraph(spec, body).score(held.rows))
    is_plain = trained_forest(spec, pipeline) is not None and BOOSTED not in trainer
    assert len(files) == (2 if is_plain else len(files)), refusals


def few(trainer: str) -> dict[str, Any]:
    return FEW if trainer.startswith(("lightgbm", "xgboost", "sklearn.ensemble")) else {}


def test_labels_far_from_zero_are_exported_to_the_last_step(
    of_kind: Callable[..., ModelSpec], change: Callable[..., ModelSpec], labelled: Callable[[ModelSpec], Split]
) -> None:
    """A library that keeps the label's mean in its leaves, or adds float32 to it, would round around it."""
    for trainer in ("lightgbm", "xgboost", MORE):
        spec = change(of_kind("regression", trainer), training={"parameters": {"n_estimators": 30, "max_depth": 4}})
        rows = labelled(spec)
        far = rows.train.labels + 1e6
        pipeline = trainer_of(spec).fit(spec, as_rows(model_inputs(spec, rows.train.table), far))
        held = parity_rows(spec, pipeline, rows.holdout.table)
        held.require(OnnxGraph(spec, to_onnx(spec, pipeline)).score(held.rows))


def test_a_sum_of_shares_is_a_probability_however_it_rounds(
    spec: ModelSpec, change: Callable[..., ModelSpec], small_rows: Callable[..., pa.Table]
) -> None:
    """Of a hundred trees that are all sure, float32 makes a little more than 1: no night may end of that."""
    sure = change(spec, training={"trainer": FOREST, "parameters": {"n_estimators": 97}})
    table = split(sure, small_rows(sure)).train.table
    labels = np.asarray(table["express"].to_pylist(), np.float64)
    pipeline = trainer_of(sure).fit(sure, as_rows(model_inputs(sure, table), labels))
    scores = OnnxGraph(sure, to_onnx(sure, pipeline)).score(table)
    expected = label_type(sure).predict(pipeline, model_inputs(sure, table))
    assert scores == pytest.approx(expected, abs=1e-6)
    assert scores.max() <= 1


def test_sets_of_categories_and_leaves_of_lines_are_refused_by_the_reader(
    of_kind: Callable[..., ModelSpec], labelled: Callable[[ModelSpec], Split]
) -> None:
    from lightgbm import LGBMClassifier

    spec = of_kind("binary", "lightgbm")
    rows = labelled(spec)
    pipeline = trainer_of(spec).fit(spec, as_rows(model_inputs(spec, rows.train.table), rows.train.labels))
    matrix = pipeline[:-1].transform(model_inputs(spec, rows.train.table))
    for parameters, reason in (
        ({}, "sets of categories"),
        ({"linear_tree": True}, "linear model in each leaf"),
        ({"zero_as_missing": True}, "a zero is missing"),
    ):
        other = LGBMClassifier(n_estimators=3, verbosity=-1, min_data_per_group=1, cat_smooth=1, **parameters)
        columns = "auto" if parameters else [0, 1]
        other.fit(np.nan_to_num(matrix, nan=1.0), rows.train.labels, categorical_feature=columns)
        pipeline.steps[-1] = ("classify", other)
        with pytest.raises(ModelError, match=f"has no ONNX form: trees .*{reason}"):
            to_onnx(spec, pipeline)


def test_a_forest_is_read_by_turns_and_rounds_where_it_splits() -> None:
    nodes = np.zeros(3, NODE)
    nodes["num_threshold"][0] = 0.1
    nodes["left"][0], nodes["right"][0] = 1, 2
    nodes["is_leaf"][1:] = True
    nodes["value"][1:] = [1.0, 5.0]
    forest = Forest([nodes, nodes, nodes, nodes], base=(10.0, 20.0), slope=2.0)
    matrix = np.array([[0.0], [1.0], [np.nan]], np.float32)
    assert forest.raw(matrix, 4).tolist() == [[14, 24], [30, 40], [30, 40]]
    assert forest.raw(matrix, 1).tolist() == [[12, 20], [20, 20], [20, 20]]
    assert forest.splits()[0].tolist() == [0.1]


def test_a_log_link_refuses_absurd_values_with_one_error_that_says_what_keeps_them_out(
    of_kind: Callable[..., ModelSpec], labelled: Callable[[ModelSpec], Split]
) -> None:
    spec = of_kind("regression", "tweedie")
    rows = labelled(spec)
    pipeline = trainer_of(spec).fit(spec, as_rows(model_inputs(spec, rows.train.table), rows.train.labels))
    graph = OnnxGraph(spec, to_onnx(spec, pipeline))
    usual = rows.holdout.table.slice(0, 2)
    assert np.isfinite(graph.score(usual)).all()
    place = usual.column_names.index("weight")
    absurd = usual.set_column(place, "weight", pa.array([1e30, -1e30]))
    with pytest.raises(ModelError, match="1 predictions that are not finite") as error:
        graph.score(absurd)
    assert "min and max of columns" in str(error.value)

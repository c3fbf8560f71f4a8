"""The only thing that production loads: which graphs are refused, and what comes out of the others."""

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
import pyarrow as pa
import pytest
from onnx import TensorProto, helper

from nightshift.errors import ModelError, OtherLabel, UnsafeGraph
from nightshift.modelling.inputs import model_inputs
from nightshift.modelling.label_types import label_type
from nightshift.optimization.export import to_onnx, with_label_identity
from nightshift.scoring.graph import OnnxGraph
from nightshift.spec import ModelSpec

X = helper.make_tensor_value_info("weight", TensorProto.FLOAT, [None, 1])
Y = helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, [None, 2])
OK = helper.make_node("Concat", ["weight", "weight"], ["probabilities"], axis=1)


def model(*nodes: onnx.NodeProto) -> onnx.ModelProto:
    """A graph whose probabilities are its only feature, weight, twice; the nodes come before."""
    graph = helper.make_graph([*nodes, OK], "g", [X], [Y])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)


@pytest.fixture
def lean(spec: ModelSpec, change: Callable[..., ModelSpec]) -> ModelSpec:
    """A spec whose only feature is weight, as the graphs above have it."""
    hidden = {name: {"feature": False} for name in spec.columns if name != "weight"}
    return change(spec, columns=hidden, drift={"features": []})


def test_a_graph_is_inspected_before_it_can_be_used(lean: ModelSpec) -> None:
    unknown = helper.make_node("Run", ["weight"], ["c"], domain="evil.ops")
    with pytest.raises(UnsafeGraph):
        OnnxGraph(lean, model(unknown).SerializeToString())


def test_what_onnx_runtime_refuses_is_an_unsafe_graph(lean: ModelSpec) -> None:
    graph = OnnxGraph(lean, model(helper.make_node("Cast", ["weight"], ["c"], to=99)).SerializeToString())
    with pytest.raises(UnsafeGraph, match="ONNX Runtime refuses the file"):
        graph.score(pa.table({"weight": [0.5]}))


def test_a_graph_of_other_features_says_which(spec: ModelSpec, small_rows: Callable[..., pa.Table]) -> None:
    graph = OnnxGraph(spec, model().SerializeToString())
    with pytest.raises(
        ModelError, match=r"was trained on weight; the features of model\.yaml are now amount, "
    ) as error:
        graph.score(small_rows(spec, nights=1))
    assert ".train" in str(error.value.fix)


@pytest.mark.parametrize("bad", [1.5, -0.1, float("nan"), float("inf")])
def test_scores_outside_zero_to_one_are_refused(lean: ModelSpec, bad: float) -> None:
    graph = OnnxGraph(lean, model().SerializeToString())
    assert graph.score(pa.table({"weight": [0.0, 0.25, 1.0]})).tolist() == [0.0, 0.25, 1.0]
    with pytest.raises(ModelError, match=r"1 scores outside \[0, 1\]"):
        graph.score(pa.table({"weight": [0.5, bad]}))


def test_many_rows_are_scored_in_order_and_none_as_none(lean: ModelSpec) -> None:
    graph = OnnxGraph(lean, model().SerializeToString())
    weights = np.linspace(0, 1, 20_001, dtype=np.float32)
    assert np.array_equal(graph.score(pa.table({"weight": weights})), weights)
    assert graph.score(pa.table({"weight": pa.array([], pa.float64())})).shape == (0,)


@pytest.mark.parametrize("kind", ["binary", "multiclass", "regression"])
def test_a_graph_scores_as_its_pipeline_does(fitted: Callable[..., Any], kind: str) -> None:
    made = fitted(kind)
    table = made.rows.holdout.table
    expected = label_type(made.spec).predict(made.pipeline, model_inputs(made.spec, table))
    found = OnnxGraph(made.spec, to_onnx(made.spec, made.pipeline)).score(table)
    assert found.dtype == np.float32
    assert found.shape == expected.shape
    assert found == pytest.approx(expected, rel=1e-6, abs=1e-6)


def test_classes_in_another_order_are_another_label(
    fitted: Callable[..., Any], change: Callable[..., ModelSpec]
) -> None:
    """The columns of a graph mean classes by their order alone: scored silently, they would all be swapped."""
    made = fitted("multiclass")
    moved = change(made.spec, label={"classes": ["late", "on time", "Late"]})
    with pytest.raises(OtherLabel, match=r'was trained for .*\["on time", .*is now .*\["late", ') as error:
        OnnxGraph(moved, to_onnx(made.spec, made.pipeline))
    assert ".train" in str(error.value.fix)


@pytest.mark.parametrize(("of", "read_as"), [("binary", "regression"), ("regression", "binary")])
def test_a_graph_of_another_kind_of_label_is_refused(
    fitted: Callable[..., Any], of_kind: Callable[..., ModelSpec], of: str, read_as: str
) -> None:
    made = fitted(of)
    with pytest.raises(ModelError, match=r"the graph was trained for .* label in model\.yaml is now"):
        OnnxGraph(of_kind(read_as), to_onnx(made.spec, made.pipeline))


def test_a_prediction_that_is_not_finite_is_refused(lean: ModelSpec, change: Callable[..., ModelSpec]) -> None:
    spec = change(lean, label={"type": "regression"})
    body = model()
    body.graph.output[0].name = body.graph.node[0].output[0] = "variable"
    graph = OnnxGraph(spec, with_label_identity(label_type(spec), body.SerializeToString()))
    assert graph.score(pa.table({"weight": [0.0, -7.5]})).tolist() == [0.0, -7.5]
    with pytest.raises(ModelError, match="1 predictions that are not finite"):
        graph.score(pa.table({"weight": [1.0, float("inf")]}))

"""The only thing that production loads: what is refused before it is opened, and what it is fed."""

import pickle
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
from nightshift.scoring.graph import MAX_BYTES, OnnxGraph, inspect
from nightshift.spec import ModelSpec

X = helper.make_tensor_value_info("weight", TensorProto.FLOAT, [None, 1])
Y = helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, [None, 2])
OK = helper.make_node("Concat", ["weight", "weight"], ["probabilities"], axis=1)
LIST = helper.make_tensor("w", TensorProto.FLOAT, [2], [1.0, 2.0])


def model(
    *nodes: onnx.NodeProto, initializers: tuple[onnx.TensorProto, ...] = (), domain: str = "", **more: object
) -> onnx.ModelProto:
    graph = helper.make_graph([*nodes, OK], "g", [X], [Y], initializer=initializers)
    opsets = [helper.make_opsetid("", 18), *([helper.make_opsetid(domain, 1)] if domain else [])]
    return helper.make_model(graph, opset_imports=opsets, ir_version=9, **more)


def external() -> onnx.TensorProto:
    tensor = helper.make_tensor("w", TensorProto.FLOAT, [2], np.zeros(2, np.float32).tobytes(), raw=True)
    onnx.external_data_helper.set_external_data(tensor, "/etc/passwd")
    return tensor


def huge() -> onnx.TensorProto:
    return TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[MAX_BYTES // 4, 4])


def sparse() -> onnx.SparseTensorProto:
    return helper.make_sparse_tensor(LIST, helper.make_tensor("i", TensorProto.INT64, [2], [0, 1]), [4])


def with_sparse_initializer() -> onnx.ModelProto:
    made = model()
    made.graph.sparse_initializer.append(sparse())
    return made


def constant(**value: object) -> onnx.NodeProto:
    return helper.make_node("Constant", [], ["c"], **value)


def nested(inner: onnx.NodeProto, deep: bool = False) -> onnx.ModelProto:
    """The node inside a branch, or inside a branch of a branch."""
    out = helper.make_tensor_value_info("c", TensorProto.FLOAT, None)
    branch = helper.make_graph([inner], "branch", [], [out])
    node = helper.make_node("If", ["weight"], ["c"], then_branch=branch, else_branch=branch)
    return nested(node) if deep else model(node)


def with_function() -> onnx.ModelProto:
    function = helper.make_function("", "Mine", ["a"], ["b"], [helper.make_node("Neg", ["a"], ["b"])], [])
    return model(functions=[function])


def with_tensors_attribute() -> onnx.ModelProto:
    node = helper.make_node("Constant", [], ["c"])
    node.attribute.append(onnx.AttributeProto(name="many", type=onnx.AttributeProto.TENSORS, tensors=[external()]))
    return model(node)


BAD = helper.make_node("Run", ["weight"], ["c"], domain="evil.ops")


@pytest.mark.parametrize(
    ("body", "why"),
    [
        pytest.param(b"", "not an ONNX file", id="empty"),
        pytest.param(b"PK\x03\x04 not it at all", "not an ONNX file", id="other bytes"),
        pytest.param(pickle.dumps({"a": 1}), "not an ONNX file", id="pickle"),
        pytest.param(model(initializers=(external(),)), "points to another file", id="external initializer"),
        pytest.param(model(constant(value=external())), "points to another file", id="external constant"),
        pytest.param(with_tensors_attribute(), "points to another file", id="external in a list of tensors"),
        pytest.param(model(initializers=(huge(),)), "is larger than", id="oversized initializer"),
        pytest.param(model(constant(value=huge())), "is larger than", id="oversized constant"),
        pytest.param(with_sparse_initializer(), "sparse initialisers are not allowed", id="sparse initializer"),
        pytest.param(model(constant(sparse_value=sparse())), "operator .Constant is not allowed", id="sparse constant"),
        pytest.param(model(BAD, domain="evil.ops"), r"operator domains \['', 'evil.ops'\]", id="imported domain"),
        pytest.param(model(BAD), "operator evil.ops.Run is not allowed", id="node of another domain"),
        pytest.param(with_function(), "no functions", id="function"),
        pytest.param(nested(BAD), "operator evil.ops.Run is not allowed", id="bad node in a branch"),
        pytest.param(nested(BAD, deep=True), "operator evil.ops.Run is not allowed", id="bad node two branches deep"),
        pytest.param(nested(constant(value=external())), "points to another file", id="external in a branch"),
    ],
)
def test_inspection_refuses(body: bytes | onnx.ModelProto, why: str) -> None:
    content = body if isinstance(body, bytes) else body.SerializeToString()
    with pytest.raises(UnsafeGraph, match=f"^m: .*{why}"):
        inspect(content, "m")


def test_inspection_refuses_a_file_that_is_too_large() -> None:
    with pytest.raises(UnsafeGraph, match="has 536,870,913 bytes, allowed 536,870,912"):
        inspect(bytes(MAX_BYTES + 1), "m")


def test_inspection_passes_a_plain_graph_and_honest_branches() -> None:
    inspect(model().SerializeToString(), "m")
    inspect(nested(constant(value=LIST), deep=True).SerializeToString(), "m")


@pytest.fixture
def lean(spec: ModelSpec, change: Callable[..., ModelSpec]) -> ModelSpec:
    """A spec whose only feature is weight, as the graphs above have it."""
    hidden = {name: {"feature": False} for name in spec.columns if name != "weight"}
    return change(spec, columns=hidden, drift={"features": []})


def test_a_graph_is_inspected_before_it_can_be_used(lean: ModelSpec) -> None:
    with pytest.raises(UnsafeGraph):
        OnnxGraph(lean, model(BAD).SerializeToString())


def test_what_onnx_runtime_refuses_is_an_unsafe_graph(lean: ModelSpec) -> None:
    graph = OnnxGraph(lean, model(helper.make_node("NoSuchOperator", ["weight"], ["c"])).SerializeToString())
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

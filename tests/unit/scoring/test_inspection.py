"""What is refused before ONNX Runtime opens it, and what passes."""

import pickle

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from nightshift.errors import UnsafeGraph
from nightshift.scoring.inspection import MAX_BYTES, inspect

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


def nested(inner: onnx.NodeProto) -> onnx.ModelProto:
    """The node inside a branch of an operator that may be there."""
    out = helper.make_tensor_value_info("c", TensorProto.FLOAT, None)
    branch = helper.make_graph([inner], "branch", [], [out])
    return model(helper.make_node("Neg", ["weight"], ["c"], then_branch=branch))


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
        pytest.param(nested(BAD), "operator .Neg is not allowed to hold a graph", id="branch"),
        pytest.param(nested(constant(value=external())), "is not allowed to hold a graph", id="external in a branch"),
        pytest.param(model(constant(value=LIST)), "operator .Constant is not allowed", id="constant"),
    ],
)
def test_inspection_refuses(body: bytes | onnx.ModelProto, why: str) -> None:
    content = body if isinstance(body, bytes) else body.SerializeToString()
    with pytest.raises(UnsafeGraph, match=f"^m: .*{why}"):
        inspect(content, "m")


def test_inspection_refuses_a_file_that_is_too_large() -> None:
    with pytest.raises(UnsafeGraph, match="has 536,870,913 bytes, allowed 536,870,912"):
        inspect(bytes(MAX_BYTES + 1), "m")


def test_inspection_passes_a_plain_graph_and_says_how_many_rows_a_call_may_have() -> None:
    inspected = inspect(model().SerializeToString(), "m")
    assert (inspected.metadata, inspected.rows_per_call) == ({}, 2048)

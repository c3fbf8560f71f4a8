"""Graphs that somebody made to harm: small files, each of another kind."""

from collections.abc import Sequence

import numpy as np
from onnx import ModelProto, NodeProto, TensorProto, ValueInfoProto, helper, numpy_helper

OPSETS = [helper.make_opsetid("", 18), helper.make_opsetid("ai.onnx.ml", 3)]
ROWS = helper.make_tensor_value_info("numbers", TensorProto.FLOAT, [None, 1])
SCORE = helper.make_tensor_value_info("score", TensorProto.FLOAT, [None, 1])


def numbers(name: str, *values: float, kind: type = np.int64) -> TensorProto:
    return numpy_helper.from_array(np.array(values, kind), name)


def model(
    nodes: Sequence[NodeProto],
    tensors: Sequence[TensorProto] = (),
    given: Sequence[ValueInfoProto] = (ROWS,),
) -> bytes:
    graph = helper.make_graph(list(nodes), "g", list(given), [SCORE], list(tensors))
    made: ModelProto = helper.make_model(graph, opset_imports=OPSETS, ir_version=9)
    return bytes(made.SerializeToString())


def node(operator: str, inputs: Sequence[str] = ("numbers",), output: str = "score", **attributes: object) -> NodeProto:
    return helper.make_node(operator, list(inputs), [output], **attributes)


def loop(turns: int) -> bytes:
    """A graph inside that keeps its condition true."""
    keep = helper.make_tensor_value_info("keep", TensorProto.BOOL, [])
    turn = helper.make_tensor_value_info("turn", TensorProto.INT64, [])
    kept = helper.make_tensor_value_info("kept", TensorProto.BOOL, [])
    body = helper.make_graph([node("Identity", ["keep"], "kept")], "body", [turn, keep], [kept])
    again = helper.make_node("Loop", ["turns", ""], [], body=body)
    return model([again, node("Identity")], [numbers("turns", turns)])


def doubled(times: int) -> bytes:
    """A column beside itself, and that beside itself, and so on."""
    nodes = [node("Identity", ["numbers"], "x0")]
    for place in range(times):
        nodes.append(node("Concat", [f"x{place}"] * 2, f"x{place + 1}", axis=1))
    return model([*nodes, node("Identity", [f"x{times}"])])


def squared(times: int) -> bytes:
    """Rows by rows, laid out as one column, by itself again."""
    nodes = [node("Identity", ["numbers"], "x0")]
    for place in range(times):
        nodes.append(node("Reshape", [f"x{place}", "line"], f"line{place}"))
        nodes.append(node("Reshape", [f"x{place}", "column"], f"column{place}"))
        nodes.append(node("Mul", [f"line{place}", f"column{place}"], f"x{place + 1}"))
    return model([*nodes, node("Identity", [f"x{times}"])], [numbers("line", 1, -1), numbers("column", -1, 1)])


def constants_doubled(times: int) -> bytes:
    """Nothing of it needs a row: all would be made when the file is opened."""
    nodes = [node("Identity", ["seed"], "x0")]
    for place in range(times):
        nodes.append(node("Concat", [f"x{place}"] * 2, f"x{place + 1}", axis=0))
    return model([*nodes, node("Identity")], [numbers("seed", 1.0, kind=np.float32)])


def multiplied(layers: int, width: int = 1500) -> bytes:
    """Hours of work on one small matrix."""
    nodes = [node("Gather", ["numbers", "again"], "x0", axis=1)]
    for place in range(layers):
        nodes.append(node("MatMul", [f"x{place}", "w"], f"x{place + 1}"))
    tensors = [numbers("again", *([0] * width)), numpy_helper.from_array(np.eye(width, dtype=np.float32), "w")]
    return model([*nodes, node("Gather", [f"x{layers}", "first"], axis=1)], [*tensors, numbers("first", 0)])


def squashed(times: int, width: int = 4_000) -> bytes:
    """The same matrix of numbers again and again, for minutes."""
    nodes = [node("Gather", ["numbers", "again"], "x0", axis=1)]
    for place in range(times):
        nodes.append(node("Sigmoid", [f"x{place}"], f"x{place + 1}"))
    return model(
        [*nodes, node("Gather", [f"x{times}", "first"], axis=1)],
        [numbers("again", *([0] * width)), numbers("first", 0)],
    )


def entries(count: int) -> bytes:
    """A graph of so many empty nodes, two bytes each."""
    nodes = b"\x0a\x00" * count
    length = len(nodes)
    size = bytearray()
    while length > 127:
        size.append(length & 127 | 128)
        length >>= 7
    size.append(length)
    return b"\x3a" + bytes(size) + nodes

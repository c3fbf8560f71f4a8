"""A network's nodes as a list that a few lines of any library can follow: what they do, by names, and the constants."""

import io
import json
from typing import Any

import numpy as np

from nightshift.errors import ModelError

KNOWN = frozenset({
    "Add", "Cast", "Clip", "Concat", "Div", "Equal", "Exp", "Gather", "Gemm", "Identity", "Log", "MatMul",
    "Max", "Min", "Mul", "Not", "Relu", "Sigmoid", "Softmax", "Sub", "Where",
})  # fmt: skip
"""Operators that every library which is written for can say."""
ELSEWHERE = "export it to a target of any graph; or let optimize.variants of model.yaml be [student] and train again"
FLOAT = 1
PLAIN = {"Cast": {"to": FLOAT}, "Concat": {"axis": 1}, "Softmax": {"axis": -1}}
"""The only attributes that these have in our networks; a Gather's axis differs."""


def require_known(graph: Any, model: str) -> None:
    """Raises ``ModelError`` for a network with anything else in it, such as weights of 8 bits."""
    strange = sorted({node.op_type for node in graph.node if node.domain or not _is_known(node)})
    if strange:
        raise ModelError(
            f"{model}: the network has {', '.join(strange)} in a form that no target of networks alone is written for",
            fix=ELSEWHERE,
        )


def _is_known(node: Any) -> bool:
    if node.op_type not in KNOWN:
        return False
    attributes = _attributes(node)
    if node.op_type == "Gather":
        return set(attributes) <= {"axis"}
    return all(PLAIN.get(node.op_type, {}).get(name) == value for name, value in attributes.items())


def _attributes(node: Any) -> dict[str, Any]:
    from onnx import helper

    return {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}


def operations(body: bytes) -> tuple[str, bytes]:
    """Nodes and inputs as JSON, constants as numpy's archive: what a program in another environment is given."""
    import onnx
    from onnx import numpy_helper

    graph = onnx.load_model_from_string(body).graph
    nodes = []
    for node in graph.node:
        nodes.append({
            "operator": node.op_type,
            "inputs": list(node.input),
            "output": node.output[0],
            "axis": _attributes(node).get("axis", 0),
        })
    inputs = {value.name: value.type.tensor_type.shape.dim[1].dim_value for value in graph.input}
    (output,) = graph.output
    plan = json.dumps({"inputs": inputs, "output": output.name, "nodes": nodes})
    packed = io.BytesIO()
    constants = {constant.name: numpy_helper.to_array(constant) for constant in graph.initializer}
    np.savez(packed, **constants)
    return plan, packed.getvalue()

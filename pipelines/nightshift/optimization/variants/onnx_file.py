"""The bytes of an ONNX graph that is fed matrices: the same nodes give the same bytes, always."""

from typing import TYPE_CHECKING, Any

import numpy as np

from nightshift.modelling.arrays import Array
from nightshift.scoring.feeds import METADATA, Matrix

if TYPE_CHECKING:
    from onnx import NodeProto, TensorProto

OPSET = {"": 18, "ai.onnx.ml": 3}
IR_VERSION = 9


def build(feeds: Matrix, nodes: "list[NodeProto]", constants: "list[TensorProto]", name: str, width: int = 1) -> bytes:
    """A graph from ``numbers`` (n, k) and, where there are any, ``codes`` (n, c) to ``score`` (n, width)."""
    from onnx import TensorProto, helper

    numbers = _rows_of("numbers", TensorProto.FLOAT, len(feeds.numbers))
    codes = _rows_of("codes", TensorProto.INT64, len(feeds.codes))
    score = _rows_of("score", TensorProto.FLOAT, width)
    inputs = [numbers, codes] if feeds.codes else [numbers]
    model = built(name, inputs, score, nodes, constants)
    helper.set_model_props(model, {METADATA: feeds.model_dump_json()})
    return serialized(model)


def built(name: str, inputs: list[Any], score: Any, nodes: "list[NodeProto]", constants: "list[TensorProto]") -> Any:
    """A graph of these nodes."""
    from onnx import helper

    graph = helper.make_graph(nodes, name, inputs, [score], constants)
    opsets = [helper.make_opsetid(domain, version) for domain, version in OPSET.items()]
    return helper.make_model(
        graph,
        opset_imports=opsets,
        ir_version=IR_VERSION,
        producer_name="nightshift",
    )


def serialized(model: Any) -> bytes:
    """Protobuf promises the same bytes for the same content only when asked."""
    return bytes(model.SerializeToString(deterministic=True))


def _rows_of(name: str, element_type: int, columns: int) -> Any:
    from onnx import helper

    return helper.make_tensor_value_info(name, element_type, [None, columns])


def constant(name: str, values: Array) -> "TensorProto":
    """A tensor that is part of the file; floats as float32."""
    from onnx import numpy_helper

    if values.dtype.kind == "f":
        values = values.astype(np.float32)
    return numpy_helper.from_array(values, name)

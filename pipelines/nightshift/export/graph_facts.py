"""What a graph file says of itself: its inputs, its outputs, and what kind of model it is."""

from collections.abc import Mapping
from typing import Any

from nightshift.errors import ModelError
from nightshift.export.record import Datatype, ExportedInput, ExportedOutput, GraphKind

DATATYPES: dict[int, Datatype] = {1: "FP32", 7: "INT64", 8: "BYTES"}
"""By the number that ONNX gives to a type of element."""
CODES_ONLY = frozenset({"LabelEncoder"})
ML = "ai.onnx.ml"


def parsed(body: bytes) -> Any:
    """The graph of a file that was inspected before."""
    import onnx

    return onnx.load_model_from_string(body).graph


def kind_of(graph: Any) -> GraphKind:
    """Trees, a linear model in operators of its own, or a network: operators of the standard domain alone."""
    operators = {node.op_type for node in graph.node if node.domain == ML}
    if any(operator.startswith("TreeEnsemble") for operator in operators):
        return "trees"
    return "linear" if operators - CODES_ONLY else "network"


def inputs_of(graph: Any, columns: Mapping[str, tuple[str, ...]]) -> tuple[ExportedInput, ...]:
    """Its inputs; ``columns`` are those that each holds. Raises ``ModelError`` for a type that no target is told of."""
    return tuple(
        ExportedInput(
            name=value.name,
            datatype=_datatype(value),
            shape=_shape(value),
            columns=columns[value.name],
        )
        for value in graph.input
    )


def output_of(graph: Any, name: str, columns: tuple[str, ...]) -> ExportedOutput:
    """The output of that name. Raises ``ModelError`` for a graph without it."""
    for value in graph.output:
        if value.name == name:
            return ExportedOutput(name=name, shape=_shape(value), columns=columns)
    raise ModelError(f"the graph has no output {name}")


def _datatype(value: Any) -> Datatype:
    number = value.type.tensor_type.elem_type
    if number not in DATATYPES:
        raise ModelError(f"the graph's input {value.name} has elements of ONNX's type {number}")
    return DATATYPES[number]


def _shape(value: Any) -> tuple[int, ...]:
    sizes = []
    for place, size in enumerate(value.type.tensor_type.shape.dim):
        is_known = place > 0 and size.HasField("dim_value")
        sizes.append(size.dim_value if is_known else -1)
    return tuple(sizes)

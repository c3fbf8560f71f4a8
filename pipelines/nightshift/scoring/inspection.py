"""What an ONNX file may be: checked before anything opens it.

A file that could read other files, run unknown code, run without end or exhaust memory is refused.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from nightshift.errors import UnsafeGraph
from nightshift.scoring.demand import largest_call
from nightshift.scoring.shapes import rule_of
from nightshift.scoring.structure import require_few_entries

DOMAINS = frozenset({"", "ai.onnx", "ai.onnx.ml"})
MAX_BYTES = 512 * 2**20
MAX_ELEMENT_BYTES = 8
INNER_GRAPHS = frozenset({"GRAPH", "GRAPHS"})
PLAIN = frozenset({"FLOAT", "INT", "STRING", "FLOATS", "INTS", "STRINGS"})
"""Types of the attributes that allowed operators have."""


@dataclass(frozen=True)
class Inspected:
    """A file that may be opened: its metadata, and how many rows a call of it may have."""

    metadata: dict[str, str]
    rows_per_call: int


def inspect(body: bytes, name: str) -> Inspected:
    """What a file that may be opened says of itself; ``name`` is the model's, for messages. Raises ``UnsafeGraph``."""
    model = _parse(body, name)
    if not model.graph.node:
        raise UnsafeGraph(f"{name}: not an ONNX file, or one without a graph")
    domains = {entry.domain for entry in model.opset_import}
    if model.functions or not domains <= DOMAINS:
        raise UnsafeGraph(f"{name}: operator domains {sorted(domains)}, allowed {sorted(DOMAINS)}, no functions")
    if model.training_info:
        raise UnsafeGraph(f"{name}: graphs for training are not allowed")
    _inspect_graph(model.graph, name)
    metadata = {entry.key: entry.value for entry in model.metadata_props}
    return Inspected(metadata, largest_call(model.graph, name))


def _parse(body: bytes, name: str) -> Any:
    import onnx
    from google.protobuf.message import DecodeError

    if len(body) > MAX_BYTES:
        raise UnsafeGraph(f"{name}: the ONNX file has {len(body):,} bytes, allowed {MAX_BYTES:,}")
    require_few_entries(body, name)
    try:
        return onnx.load_model_from_string(body)
    except DecodeError as error:
        raise UnsafeGraph(f"{name}: not an ONNX file") from error


def _inspect_graph(graph: Any, name: str) -> None:
    if graph.sparse_initializer:
        raise UnsafeGraph(f"{name}: sparse initialisers are not allowed")
    for tensor in _tensors(graph):
        _inspect_tensor(tensor, name)
    for node in graph.node:
        _inspect_node(node, name)


def _inspect_node(node: Any, name: str) -> None:
    operator = f"{node.domain}.{node.op_type}"
    if rule_of(node.domain, node.op_type) is None:
        raise UnsafeGraph(f"{name}: operator {operator} is not allowed", fix=f"nightshift rollback {name}")
    for attribute in node.attribute:
        kind = attribute.AttributeType.Name(attribute.type)
        if attribute.HasField("g") or attribute.graphs or kind in INNER_GRAPHS:
            raise UnsafeGraph(f"{name}: operator {operator} is not allowed to hold a graph")
        if kind not in PLAIN or _is_sparse(attribute):
            raise UnsafeGraph(f"{name}: operator {operator} is not allowed to hold a {kind.lower()}")


def _inspect_tensor(tensor: Any, name: str) -> None:
    import onnx

    if tensor.external_data or tensor.data_location == onnx.TensorProto.EXTERNAL:
        raise UnsafeGraph(f"{name}: tensor {tensor.name!r} points to another file")
    # Floats, since a product of whole numbers could overflow to a small one.
    elements = np.prod([float(size) for size in tensor.dims])
    if elements * MAX_ELEMENT_BYTES > MAX_BYTES:
        raise UnsafeGraph(f"{name}: tensor {tensor.name!r} is larger than {MAX_BYTES:,} bytes")


def _tensors(graph: Any) -> Iterator[Any]:
    """The constants of a graph, in its initialisers and in its nodes."""
    yield from graph.initializer
    for node in graph.node:
        for attribute in node.attribute:
            yield attribute.t
            yield from attribute.tensors


def _is_sparse(attribute: Any) -> bool:
    return bool(attribute.HasField("sparse_tensor") or attribute.sparse_tensors)

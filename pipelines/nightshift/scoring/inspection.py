"""What an ONNX file may be: checked before anything opens it.

A file that could read other files, run unknown code or exhaust memory is refused.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

from nightshift.errors import UnsafeGraph

DOMAINS = frozenset({"", "ai.onnx", "ai.onnx.ml"})
MAX_BYTES = 512 * 2**20
MAX_ELEMENT_BYTES = 8


def inspect(body: bytes, name: str) -> dict[str, str]:
    """The metadata of a file that may be opened; ``name`` is the model's, for messages. Raises ``UnsafeGraph``."""
    model = _parse(body, name)
    if not model.graph.node:
        raise UnsafeGraph(f"{name}: not an ONNX file, or one without a graph")
    domains = {entry.domain for entry in model.opset_import}
    if model.functions or not domains <= DOMAINS:
        raise UnsafeGraph(f"{name}: operator domains {sorted(domains)}, allowed {sorted(DOMAINS)}, no functions")
    for graph in _graphs(model.graph):
        _inspect_graph(graph, name)
    return {entry.key: entry.value for entry in model.metadata_props}


def _parse(body: bytes, name: str) -> Any:
    import onnx
    from google.protobuf.message import DecodeError

    if len(body) > MAX_BYTES:
        raise UnsafeGraph(f"{name}: the ONNX file has {len(body):,} bytes, allowed {MAX_BYTES:,}")
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
        sparse = any(_is_sparse(attribute) for attribute in node.attribute)
        if sparse or node.domain not in DOMAINS:
            raise UnsafeGraph(f"{name}: operator {node.domain}.{node.op_type} is not allowed")


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


def _graphs(graph: Any) -> Iterator[Any]:
    """The graph, and those inside its branches and loops."""
    yield graph
    for node in graph.node:
        for attribute in node.attribute:
            for inner in _subgraphs(attribute):
                yield from _graphs(inner)


def _subgraphs(attribute: Any) -> Iterator[Any]:
    if attribute.HasField("g"):
        yield attribute.g
    yield from attribute.graphs

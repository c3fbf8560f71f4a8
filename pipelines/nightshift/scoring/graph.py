"""ONNX graphs: read, check, then open. The only thing that production loads.

Scoring never unpickles and never runs code that an artifact names. A file is taken by its sha256,
inspected, and only then given to ONNX Runtime.
"""

import hashlib
from collections.abc import Iterator
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pydantic import ValidationError

from nightshift.errors import MissingPartition, ModelError, OtherLabel, UnsafeGraph
from nightshift.modelling.label_types import label_type
from nightshift.scoring.feeds import METADATA, Columns, Feeds, Matrix
from nightshift.scoring.providers import open_session
from nightshift.spec import ModelSpec
from nightshift.stores import Stores

DOMAINS = frozenset({"", "ai.onnx", "ai.onnx.ml"})
LABEL = "nightshift.label"
"""Metadata of a graph: the label it was trained for."""
MAX_BYTES = 512 * 2**20
# Trees are as fast at any batch beyond 128 rows; activations of a small network stay in cache up to this.
ROWS_PER_CALL = 2048


class OnnxGraph:
    """An opened graph: features of n rows in, scores (n,) out, or (n, k) for k classes.

    One session of one thread, which any number of threads may call at once: rows are what is divided
    among cores, since an operator of a few thousand rows is too small to be. It runs on the spec's
    provider unless another is given. Raises ``UnsafeGraph``, ``OtherLabel``.
    """

    def __init__(self, spec: ModelSpec, body: bytes, provider: str | None = None) -> None:
        metadata = inspect(body, spec.name)
        self._spec = spec
        self._body = body
        self._provider = provider or spec.optimize.provider
        self.feeds = _feeds(spec, metadata)
        self._label = label_type(spec)
        self._check_label(metadata.get(LABEL))

    @property
    def features(self) -> tuple[str, ...]:
        """What it was trained on, whatever the spec says now."""
        if isinstance(self.feeds, Matrix):
            return self.feeds.columns
        return tuple(given.name for given in self._session.get_inputs())

    def as_trained(self) -> "OnnxGraph":
        """The same graph, fed with the features that it was trained on."""
        return OnnxGraph(self._spec.with_features(self.features), self._body, self._provider)

    @cached_property
    def _session(self) -> Any:
        return open_session(self._body, self._provider, self._spec.name)

    def _check_features(self) -> None:
        if sorted(self.features) != sorted(self._spec.features):
            raise ModelError(
                f"{self._spec.name}: the graph was trained on {', '.join(sorted(self.features))};"
                f" the features of model.yaml are now {', '.join(sorted(self._spec.features))}",
                fix=f"trigger {self._spec.name}.train, or take the change of model.yaml back",
            )

    def _check_label(self, trained_for: str | None) -> None:
        # Columns of scores mean classes by their order, so a class moved in model.yaml is another label.
        if trained_for != self._label.identity:
            raise OtherLabel(
                f"{self._spec.name}: the graph was trained for {trained_for or 'a binary label'};"
                f" label in model.yaml is now {self._label.identity or 'binary'}",
                fix=f"trigger {self._spec.name}.train, or take the change of model.yaml back",
            )

    def score(self, rows: pa.Table | pa.RecordBatch) -> NDArray[np.float32]:
        """Each row's P(label), or P(class) of every class, or predicted number: float32.

        Raises ``ModelError`` for a score that is no probability, or no finite number.
        """
        self._check_features()
        return self.run(self.feeds(rows), rows.num_rows)

    def run(self, inputs: dict[str, NDArray[Any]], rows: int) -> NDArray[np.float32]:
        """``score`` of inputs as ``feeds`` makes them."""
        scores = self._label.empty_scores(rows)
        for start in range(0, rows, ROWS_PER_CALL):
            end = start + ROWS_PER_CALL
            few = {name: np.ascontiguousarray(values[start:end]) for name, values in inputs.items()}
            (found,) = self._session.run(self._output, few)
            scores[start:end] = found if scores.ndim == 2 else found[:, -1]
        if wrong := self._label.invalid(scores):
            raise ModelError(f"{self._spec.name}: {wrong}")
        return scores

    @cached_property
    def _output(self) -> list[str]:
        return ["score" if isinstance(self.feeds, Matrix) else self._label.output]


def _feeds(spec: ModelSpec, metadata: dict[str, str]) -> Feeds:
    if METADATA not in metadata:
        return Columns(spec)
    try:
        return Matrix.model_validate_json(metadata[METADATA])
    except ValidationError as error:
        raise UnsafeGraph(
            f"{spec.name}: the graph's {METADATA} is not of format 1: {error.errors()[0]['msg']}"
        ) from error


def fetch(spec: ModelSpec, key: str, sha256: str, stores: Stores) -> OnnxGraph:
    """A graph from the lake.

    Raises ``MissingPartition``, ``UnsafeGraph`` when its bytes are not the pinned ones, ``OtherLabel``.
    """
    found = stores.lake.objects.get(key)
    where = f"{stores.lake.objects.uri}/{key}"
    if found is None:
        raise MissingPartition(f"the graph {where} is not there", fix=f"nightshift rollback {spec.name}")
    got = hashlib.sha256(found[0]).hexdigest()
    if got != sha256:
        raise UnsafeGraph(f"{where} has sha256 {got}, pinned is {sha256}", fix=f"nightshift rollback {spec.name}")
    return OnnxGraph(spec, found[0])


def inspect(body: bytes, name: str) -> dict[str, str]:
    """Refuse a file that could read other files, run unknown code or exhaust memory; its metadata otherwise.

    Raises ``UnsafeGraph``.
    """
    import onnx
    from google.protobuf.message import DecodeError

    if len(body) > MAX_BYTES:
        raise UnsafeGraph(f"{name}: the ONNX file has {len(body):,} bytes, allowed {MAX_BYTES:,}")
    try:
        model = onnx.load_model_from_string(body)
    except DecodeError as error:
        raise UnsafeGraph(f"{name}: not an ONNX file") from error
    if not model.graph.node:
        raise UnsafeGraph(f"{name}: not an ONNX file, or one without a graph")
    domains = {entry.domain for entry in model.opset_import}
    if model.functions or not domains <= DOMAINS:
        raise UnsafeGraph(f"{name}: operator domains {sorted(domains)}, allowed {sorted(DOMAINS)}, no functions")
    for graph in _graphs(model.graph):
        _inspect_graph(graph, name)
    return {entry.key: entry.value for entry in model.metadata_props}


def _inspect_graph(graph: Any, name: str) -> None:
    import onnx

    if graph.sparse_initializer:
        raise UnsafeGraph(f"{name}: sparse initialisers are not allowed")
    tensors = [*graph.initializer, *(t for n in graph.node for a in n.attribute for t in (a.t, *a.tensors))]
    for tensor in tensors:
        if tensor.external_data or tensor.data_location == onnx.TensorProto.EXTERNAL:
            raise UnsafeGraph(f"{name}: tensor {tensor.name!r} points to another file")
        if np.prod([float(size) for size in tensor.dims]) * 8 > MAX_BYTES:
            raise UnsafeGraph(f"{name}: tensor {tensor.name!r} is larger than {MAX_BYTES:,} bytes")
    for node in graph.node:
        if node.domain not in DOMAINS or any(a.HasField("sparse_tensor") or a.sparse_tensors for a in node.attribute):
            raise UnsafeGraph(f"{name}: operator {node.domain}.{node.op_type} is not allowed")


def _graphs(graph: Any) -> Iterator[Any]:
    yield graph
    for node in graph.node:
        for attribute in node.attribute:
            for inner in (*([attribute.g] if attribute.HasField("g") else []), *attribute.graphs):
                yield from _graphs(inner)

"""Triton Inference Server: a model repository of one model."""

import json
from pathlib import Path

from nightshift.export.exported import Export
from nightshift.export.record import Datatype
from nightshift.export.target import ANY_GRAPH

TYPES: dict[Datatype, str] = {"FP32": "TYPE_FP32", "INT64": "TYPE_INT64", "BYTES": "TYPE_STRING"}
MOST_ROWS = 1024
"""Of one request. Trees gain nothing by more than 128 at once, small networks nothing by more than a thousand."""


class Triton:
    """``<model>/config.pbtxt`` and ``<model>/<version>/model.onnx``."""

    name = "triton"
    takes = ANY_GRAPH

    def write(self, export: Export, folder: Path) -> str:
        """One intra-op thread, since two change the last bits of trees; no dynamic batching, since batches may."""
        repository = folder / export.model
        of_version = repository / export.version
        of_version.mkdir(parents=True)
        graph = of_version / "model.onnx"
        graph.write_bytes(export.graph)
        (repository / "config.pbtxt").write_text(_config(export), encoding="utf-8")
        return graph.relative_to(folder).as_posix()


def _config(export: Export) -> str:
    facts = export.facts
    inputs = [_value(given.name, given.datatype, given.shape) for given in facts.inputs]
    output = _value(facts.output.name, "FP32", facts.output.shape)
    return "\n".join([
        f"name: {json.dumps(facts.model)}",
        'platform: "onnxruntime_onnx"',
        f"max_batch_size: {MOST_ROWS}",
        f"input [\n{','.join(inputs)}\n]",
        f"output [\n{output}\n]",
        "instance_group [\n  { kind: KIND_CPU count: 1 }\n]",
        _parameter("intra_op_thread_count", "1"),
        _parameter("inter_op_thread_count", "1"),
        _parameter("nightshift_graph_sha256", facts.graph_sha256),
        "",
    ])


def _value(name: str, datatype: Datatype, shape: tuple[int, ...]) -> str:
    """An input or output, without the rows that ``max_batch_size`` stands for."""
    sizes = ", ".join(map(str, shape[1:]))
    return f"  {{ name: {json.dumps(name)} data_type: {TYPES[datatype]} dims: [ {sizes} ] }}"


def _parameter(key: str, value: str) -> str:
    return f'parameters {{ key: "{key}" value: {{ string_value: "{value}" }} }}'


TARGET = Triton()

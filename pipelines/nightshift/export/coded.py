"""A network as others load it: without the lookup of texts, from numbers and codes to scores.

What comes before is cut off, so the codes are the client's to make: the place of a text among the categories in
``nightshift.json``, -1 for one that is not there.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nightshift.errors import ModelError
from nightshift.export.comparison import compare, outputs_as_scores
from nightshift.export.exported import CPU, Export
from nightshift.export.graph_facts import inputs_of
from nightshift.export.operations import ELSEWHERE, require_known
from nightshift.export.record import ExportRecord
from nightshift.export.tensors import as_tensors, from_tensor
from nightshift.scoring.feeds import COLUMNS, METADATA, GraphInputs, Matrix
from nightshift.scoring.providers import open_session, refusals

MATRICES = ("numbers", "codes")
LOOKED_UP = "LabelEncoder"
KNOWN_CODES = "known_codes"
NEVER_SEEN = -1
ML = "ai.onnx.ml"


def as_codes(export: Export) -> Export:
    """The same version, fed ``numbers`` (n, k) and ``codes`` (n, c), with golden rows to match.

    Raises ``ModelError`` for a network that is not of our form, ``ParityFailed`` where the cut changes a bit.
    """
    import onnx

    facts = export.facts
    model = onnx.load_model_from_string(export.graph)
    columns = _columns(model.graph, facts)
    _cut(model.graph, columns, facts)
    require_known(model.graph, facts.model)
    _say(model, columns, facts)
    body = bytes(model.SerializeToString(deterministic=True))
    inputs = _golden_inputs(facts, columns)
    _require_same_bits(facts, body, inputs)
    golden = facts.golden.model_copy(update={"inputs": as_tensors(inputs), "champion_inputs": {}})
    changed = {"inputs": inputs_of(model.graph, columns), "golden": golden}
    return replace(export, graph=body, facts=facts.model_copy(update=changed))


def _columns(graph: Any, facts: ExportRecord) -> dict[str, tuple[str, ...]]:
    """The columns of each matrix, by the values that are put side by side in it."""
    makers = {name: node for node in graph.node for name in node.output}
    by_input = {given.name: given.columns[0] for given in facts.inputs}
    columns = {}
    for matrix in MATRICES:
        if matrix in makers:
            parts = [_source(name, makers, allowed=matrix == "codes") for name in makers[matrix].input]
            columns[matrix] = tuple(by_input[name] for name in parts if name in by_input)
            if len(columns[matrix]) != len(parts) or makers[matrix].op_type != "Concat":
                raise _strange(facts)
    if not columns:
        raise _strange(facts)
    return columns


def _source(name: str, makers: Mapping[str, Any], *, allowed: bool) -> str:
    """The input behind a part of a matrix, which for codes is looked up."""
    node = makers.get(name)
    if allowed and node is not None and node.op_type == LOOKED_UP:
        return str(node.input[0])
    return name


def _strange(facts: ExportRecord) -> ModelError:
    return ModelError(
        f"{facts.model} version {facts.version}: its network does not take numbers and codes, as ours do",
        fix=ELSEWHERE,
    )


def _cut(graph: Any, columns: Mapping[str, tuple[str, ...]], facts: ExportRecord) -> None:
    """Leave what scores need of the matrices, which are inputs from now on."""
    from onnx import TensorProto, helper

    before = [node for node in graph.node if not columns.keys() & set(node.output)]
    needed = {value.name for value in graph.output}
    kept: list[Any] = []
    for node in reversed(before):
        if needed & set(node.output):
            needed |= set(node.input)
            kept.insert(0, node)
    constants = [constant for constant in graph.initializer if constant.name in needed]
    del graph.node[:], graph.initializer[:], graph.input[:]
    graph.initializer.extend(constants)
    types = {"numbers": TensorProto.FLOAT, "codes": TensorProto.INT64}
    for matrix, names in columns.items():
        graph.input.append(helper.make_tensor_value_info(matrix, types[matrix], [None, len(names)]))
    if "codes" in columns:
        _count_from_the_front(graph, kept, columns["codes"], facts)
    graph.node.extend(kept)


def _count_from_the_front(graph: Any, kept: list[Any], columns: tuple[str, ...], facts: ExportRecord) -> None:
    """A code of -1 reads a table's last row. Others count no indices from the end, so the row is named before."""
    from onnx import helper, numpy_helper

    for node in kept:
        node.input[:] = [KNOWN_CODES if name == "codes" else name for name in node.input]
    last_rows = np.array([[len(facts.columns[name].categories) for name in columns]], np.int64)
    graph.initializer.append(numpy_helper.from_array(last_rows, "last_rows"))
    graph.initializer.append(numpy_helper.from_array(np.array(NEVER_SEEN, np.int64), "no_code"))
    kept.insert(0, helper.make_node("Equal", ["codes", "no_code"], ["never_seen"]))
    kept.insert(1, helper.make_node("Where", ["never_seen", "last_rows", "codes"], [KNOWN_CODES]))


def _say(model: Any, columns: Mapping[str, tuple[str, ...]], facts: ExportRecord) -> None:
    """What it says of its inputs; and no operators of a domain that it has none of."""
    codes = columns.get("codes", ())
    feeds = Matrix(
        numbers=columns.get("numbers", ()),
        codes=codes,
        categories={name: facts.columns[name].categories for name in codes},
    )
    kept = {entry.key: entry.value for entry in model.metadata_props if entry.key not in {COLUMNS, METADATA}}
    del model.metadata_props[:]
    for key, value in {**kept, METADATA: feeds.model_dump_json()}.items():
        entry = model.metadata_props.add()
        entry.key = key
        entry.value = value
    opsets = [opset for opset in model.opset_import if opset.domain != ML]
    del model.opset_import[:]
    model.opset_import.extend(opsets)


def _golden_inputs(facts: ExportRecord, columns: Mapping[str, tuple[str, ...]]) -> GraphInputs:
    by_column = {given.columns[0]: from_tensor(facts.golden.inputs[given.name]) for given in facts.inputs}
    inputs: GraphInputs = {}
    for matrix, names in columns.items():
        parts = [by_column[name] for name in names]
        if matrix == "codes":
            parts = [_codes(part, facts.columns[name].categories) for part, name in zip(parts, names, strict=True)]
        inputs[matrix] = np.hstack(parts)
    return inputs


def _codes(texts: NDArray[Any], categories: tuple[str, ...]) -> NDArray[np.int64]:
    places = {text: place for place, text in enumerate(categories)}
    codes = [places.get(text, NEVER_SEEN) for text in texts.reshape(-1).tolist()]
    return np.array(codes, np.int64).reshape(-1, 1)


def _require_same_bits(facts: ExportRecord, body: bytes, inputs: GraphInputs) -> None:
    session = open_session(body, CPU, facts.model)
    with refusals(facts.model):
        (output,) = session.run([facts.output.name], inputs)
    scores = outputs_as_scores(facts, output)
    compare(facts, "the network without its lookup of texts", scores, range(len(scores)), allowed=0.0)

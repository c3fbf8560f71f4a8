"""A graph that is fed matrices with categories as codes, as one that takes an input per column, texts as they are.

A foreign server has no code of ours to make the codes with. The nodes that are put before the graph look texts up in
the list that its feeds would, so every number that reaches it is the same, and so is every bit of its scores.
"""

from typing import Any

from nightshift.errors import ModelError
from nightshift.modelling.label_types import LabelType
from nightshift.scoring.feeds import COLUMNS, METADATA, InputNames, Matrix, input_name

ML = "ai.onnx.ml"
ML_OPSET = 3
NEVER_SEEN = -1
NAMES_OF_OURS = "column_"


def with_columns(body: bytes, feeds: Matrix, label: LabelType) -> bytes:
    """The graph with an input (n, 1) per column, and its scores under the name that plain exports give them.

    Raises ``ModelError`` for a graph that has such names already.
    """
    import onnx

    model = onnx.load_model_from_string(body)
    graph = model.graph
    columns = feeds.columns
    inputs = {name: input_name(place) for place, name in enumerate(columns)}
    _require_free(graph, set(inputs.values()), label)
    before = _nodes(feeds, inputs)
    nodes = [*before, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)
    del graph.input[:]
    graph.input.extend(_input(inputs[name], is_text=name in feeds.categories) for name in columns)
    _rename_scores(graph, label.output)
    _require_opset(model)
    _say(model, InputNames(columns=columns, categories=feeds.categories))
    return bytes(model.SerializeToString(deterministic=True))


def _require_free(graph: Any, names: set[str], label: LabelType) -> None:
    (score,) = graph.output
    wanted = names | ({label.output} - {score.name})
    taken = {name for node in graph.node for name in node.output}
    taken.update(constant.name for constant in graph.initializer)
    clash = {name for name in taken if name in wanted or name.startswith(NAMES_OF_OURS)}
    if clash:
        raise ModelError(f"the graph calls values {', '.join(sorted(clash))}: no input can be put before it")


def _nodes(feeds: Matrix, inputs: dict[str, str]) -> list[Any]:
    """From inputs to the matrices that the graph takes."""
    nodes: list[Any] = []
    for matrix, columns in feeds.inputs.items():
        values = []
        for name in columns:
            made, value = _value(feeds, name, inputs[name], matrix)
            nodes += made
            values.append(value)
        nodes.append(_node("Concat", values, matrix, axis=1))
    return nodes


def _value(feeds: Matrix, column: str, given: str, matrix: str) -> tuple[list[Any], str]:
    """The nodes from an input to its place in a matrix, and the value that goes there."""
    if column not in feeds.categories:
        return [], given
    code = f"{NAMES_OF_OURS}{given}_code"
    lookup = _lookup(feeds.categories[column], given, code)
    if matrix == "codes":
        return [lookup], code
    number = f"{NAMES_OF_OURS}{given}_number"
    return [lookup, _node("Cast", [code], number, to=1)], number


def _lookup(texts: tuple[str, ...], given: str, output: str) -> Any:
    # An attribute has at least one value: where training has seen no text, the empty one is unknown too.
    keys = texts or ("",)
    codes = range(len(texts)) if texts else [NEVER_SEEN]
    return _node(
        "LabelEncoder",
        [given],
        output,
        domain=ML,
        keys_strings=list(keys),
        values_int64s=list(codes),
        default_int64=NEVER_SEEN,
    )


def _node(operator: str, inputs: list[str], output: str, **attributes: Any) -> Any:
    from onnx import helper

    return helper.make_node(operator, inputs, [output], **attributes)


def _input(name: str, *, is_text: bool) -> Any:
    from onnx import TensorProto, helper

    element_type = TensorProto.STRING if is_text else TensorProto.FLOAT
    return helper.make_tensor_value_info(name, element_type, [None, 1])


def _rename_scores(graph: Any, name: str) -> None:
    (score,) = graph.output
    for node in graph.node:
        renamed = [name if output == score.name else output for output in node.output]
        node.output[:] = renamed
        read = [name if value == score.name else value for value in node.input]
        node.input[:] = read
    score.name = name


def _require_opset(model: Any) -> None:
    from onnx import helper

    if all(opset.domain != ML for opset in model.opset_import):
        model.opset_import.append(helper.make_opsetid(ML, ML_OPSET))


def _say(model: Any, names: InputNames) -> None:
    """What the graph says of its inputs, in place of what it said before."""
    kept = {entry.key: entry.value for entry in model.metadata_props if entry.key != METADATA}
    del model.metadata_props[:]
    for key, value in {**kept, COLUMNS: names.model_dump_json()}.items():
        entry = model.metadata_props.add()
        entry.key = key
        entry.value = value

"""A trained network for tables as a ``Network``, and its plain graph, which takes one input per feature."""

from typing import TYPE_CHECKING, Any

import numpy as np

from nightshift.modelling.arrays import Float32s
from nightshift.modelling.label_types import label_type
from nightshift.modelling.label_types.base import Link
from nightshift.optimization.variants.network import GraphWriter, Network, Scaling
from nightshift.optimization.variants.onnx_file import built
from nightshift.scoring.feeds import Matrix, input_name
from nightshift.spec import ModelSpec
from nightshift.training.networks.estimator import TabularNetwork
from nightshift.training.networks.scaling import BOUND

if TYPE_CHECKING:
    from onnx import ModelProto

NEVER_SEEN = -1


def learnt_network(estimator: TabularNetwork, feeds: Matrix, link: Link) -> Network:
    """What it has learnt, array by array; its tables have a row for each value that the encoder knows."""
    learnt = estimator.network
    tables = []
    for name, table in zip(feeds.codes, learnt.tables, strict=True):
        values = len(feeds.categories[name])
        tables.append(_with_rows(table, values + 1))
    scaling = Scaling(
        centre=estimator.scaling.centre,
        width=np.asarray(1 / estimator.scaling.per_width, np.float32),
        clipped=False,
        bound=BOUND,
    )
    return Network(
        feeds=feeds,
        scaling=scaling,
        tables=tuple(tables),
        weights=tuple(learnt.weights),
        biases=tuple(learnt.biases),
        link=link,
    )


def _with_rows(table: Float32s, rows: int) -> Float32s:
    """So many: a value that no row had as it learnt is like one never seen, the last row."""
    missing = rows - len(table)
    unseen = np.repeat(table[-1:], missing, axis=0)
    return np.vstack([table, unseen])


def plain_graph(spec: ModelSpec, estimator: TabularNetwork, categories: dict[str, tuple[str, ...]]) -> "ModelProto":
    """An input (n, 1) for each feature, numbers and texts, and the scores as scikit-learn's exports call them."""
    from onnx import TensorProto, helper

    label = label_type(spec)
    feeds = Matrix(
        numbers=tuple(name for name in spec.features if spec.columns[name].numeric),
        codes=tuple(categories),
        categories=categories,
    )
    network = learnt_network(estimator, feeds, label.link)
    names = {name: input_name(place) for place, name in enumerate(spec.features)}
    inputs = [_input(spec, name, names[name]) for name in spec.features]
    writer = GraphWriter([], [])
    _together(writer, [names[name] for name in feeds.numbers], "numbers")
    encoded = [_encoded(writer, names[name], categories[name]) for name in feeds.codes]
    _together(writer, encoded, "codes")
    writer.network(network, label.output)
    outputs = len(network.biases[-1])
    score = helper.make_tensor_value_info(label.output, TensorProto.FLOAT, [None, outputs])
    return built(spec.name, inputs, score, writer.nodes, writer.constants)


def _input(spec: ModelSpec, feature: str, name: str) -> Any:
    from onnx import TensorProto, helper

    is_number = spec.columns[feature].numeric
    element_type = TensorProto.FLOAT if is_number else TensorProto.STRING
    return helper.make_tensor_value_info(name, element_type, [None, 1])


def _encoded(writer: GraphWriter, name: str, values: tuple[str, ...]) -> str:
    """The place of each text among these."""
    return writer.node(
        "LabelEncoder",
        [name],
        f"code_of_{name}",
        domain="ai.onnx.ml",
        keys_strings=list(values),
        values_int64s=list(range(len(values))),
        default_int64=NEVER_SEEN,
    )


def _together(writer: GraphWriter, columns: list[str], name: str) -> None:
    """Columns side by side, where there are any."""
    if columns:
        writer.node("Concat", columns, name, axis=1)

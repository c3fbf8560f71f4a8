"""A forest as an operator of ONNX: one node of the graph, whose lists have every node of every tree."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from nightshift.modelling.arrays import Array, Float64s
from nightshift.modelling.label_types import LabelType
from nightshift.training.forest import Forest, Nodes

if TYPE_CHECKING:
    from onnx import NodeProto, TensorProto


def floor32(values: Float64s) -> Float64s:
    """The largest float32 not above each value, as float64.

    Features are float32, trained thresholds are float64, ONNX stores float32. For a float32 x, ``x <= t`` is
    ``x <= t'`` with t' the largest float32 not above t; rounding t to the nearest instead sends the rows on the
    boundary the other way.
    """
    nearest = values.astype(np.float32)
    below = np.nextafter(nearest, np.float32(-np.inf))
    too_large = nearest.astype(np.float64) > values
    floored = np.where(too_large, below, nearest)
    return floored.astype(np.float64)


def forest_node(forest: Forest, matrix: str, raw: str, mirrors: Mapping[int, int] | None = None) -> "NodeProto":
    """The operator from a matrix (n, columns) to raw scores (n, outputs).

    With ``mirrors``, the place of a negated column for each whose nulls go left, no node says which way a null goes.
    """
    from onnx import helper

    return helper.make_node(
        "TreeEnsembleRegressor",
        [matrix],
        [raw],
        domain="ai.onnx.ml",
        n_targets=len(forest.base),
        base_values=_base_values(forest),
        aggregate_function="SUM",
        post_transform="NONE",
        **_lay_out(forest, mirrors or {}, tracked=mirrors is None),
    )


def _base_values(forest: Forest) -> list[float]:
    """What the operator adds itself."""
    if forest.link == "Exp":
        return [0.0] * len(forest.base)
    if forest.link == "Clip":
        return [value / forest.slope for value in forest.base]
    return list(forest.base)


def link_nodes(forest: Forest, raw: str, scores: str) -> "tuple[list[NodeProto], list[TensorProto]]":
    """What makes scores of raw ones, and its constants."""
    from onnx import helper

    link = forest.link
    if link == "Exp":
        return exp_nodes(forest.base, raw, scores)
    if link == "Clip":
        # Whole numbers add up exactly, their hundredths do not: half of the trees is to be a half, and all of them no
        # more than 1.
        nodes = [
            helper.make_node("Div", [raw, "trees"], ["mean"]),
            helper.make_node("Clip", ["mean", "lowest", "highest"], [scores]),
        ]
        return nodes, [_number("trees", 1 / forest.slope), _number("lowest", 0.0), _number("highest", 1.0)]
    return [helper.make_node(link, [raw], [scores])], []


def exp_nodes(base: Sequence[float], raw: str, scores: str) -> "tuple[list[NodeProto], list[TensorProto]]":
    """The exponential of raw scores and their base, in float64: a step of float32 there is many in the scores."""
    from onnx import TensorProto, helper, numpy_helper

    nodes = [
        helper.make_node("Cast", [raw], ["raw64"], to=TensorProto.DOUBLE),
        helper.make_node("Add", ["raw64", "base64"], ["logarithm"]),
        helper.make_node("Exp", ["logarithm"], ["exponential"]),
        helper.make_node("Cast", ["exponential"], [scores], to=TensorProto.FLOAT),
    ]
    return nodes, [numpy_helper.from_array(np.asarray(base, np.float64), "base64")]


def plain_scores(label: LabelType, forest: Forest, raw: str) -> "tuple[list[NodeProto], list[TensorProto]]":
    """What makes the scores of a plain export: P(no) and P(yes), P(class) of each, or a number; and its constants."""
    from onnx import helper

    if not label.has_threshold:
        return link_nodes(forest, raw, label.output)
    nodes, constants = link_nodes(forest, raw, "yes")
    both = [
        helper.make_node("Sub", ["one", "yes"], ["no"]),
        helper.make_node("Concat", ["no", "yes"], [label.output], axis=1),
    ]
    return [*nodes, *both], [*constants, _number("one", 1.0)]


def _number(name: str, value: float) -> "TensorProto":
    from onnx import numpy_helper

    return numpy_helper.from_array(np.array(value, np.float32), name)


def _lay_out(forest: Forest, mirrors: Mapping[int, int], *, tracked: bool) -> dict[str, list[Any]]:
    """The attributes of a TreeEnsembleRegressor: of all nodes, tree by tree, and of all leaves."""
    columns: defaultdict[str, list[Array]] = defaultdict(list)
    for tree in range(len(forest.trees)):
        of_tree = _nodes(forest.trees[tree], mirrors, tracked=tracked) | _targets(forest, tree)
        of_tree["nodes_treeids"] = np.full_like(of_tree["nodes_nodeids"], tree)
        of_tree["target_treeids"] = np.full_like(of_tree["target_nodeids"], tree)
        for name, values in of_tree.items():
            columns[name].append(values)
    attributes = {}
    for name, parts in columns.items():
        attributes[name] = np.concatenate(parts).tolist()
    return attributes


def _nodes(nodes: Nodes, mirrors: Mapping[int, int], *, tracked: bool) -> dict[str, Array]:
    """What is said of each node of a tree; of a leaf, zeros."""
    leaf = nodes["is_leaf"].astype(bool)
    null_left = nodes["missing_go_to_left"].astype(bool) & ~leaf
    columns = np.where(leaf, 0, nodes["feature_idx"]).astype(np.int64)
    splits = np.where(leaf, 0.0, nodes["num_threshold"])
    thresholds = floor32(splits).astype(np.float32)
    if_true = np.where(leaf, 0, nodes["left"]).astype(np.int64)
    if_false = np.where(leaf, 0, nodes["right"]).astype(np.int64)
    if not tracked:
        below = np.nextafter(-thresholds, np.float32(-np.inf))
        mirrored = np.array([mirrors.get(column, column) for column in columns.tolist()], np.int64)
        columns = np.where(null_left, mirrored, columns)
        thresholds = np.where(null_left, below, thresholds)
        if_true, if_false = np.where(null_left, [if_false, if_true], [if_true, if_false])
    of_nodes = {
        "nodes_nodeids": np.arange(len(nodes)),
        "nodes_modes": np.where(leaf, "LEAF", "BRANCH_LEQ"),
        "nodes_featureids": columns,
        "nodes_values": thresholds.astype(np.float64),
        "nodes_truenodeids": if_true,
        "nodes_falsenodeids": if_false,
    }
    if tracked:
        of_nodes["nodes_missing_value_tracks_true"] = null_left.astype(np.int64)
    return of_nodes


def _targets(forest: Forest, tree: int) -> dict[str, Array]:
    """What each leaf of a tree adds to which raw score."""
    nodes = forest.trees[tree]
    places = np.flatnonzero(nodes["is_leaf"])
    slope = 1.0 if forest.link == "Clip" else forest.slope
    outputs = len(forest.base)
    if forest.leaves:
        every = np.arange(outputs)
        return {
            "target_nodeids": np.repeat(places, outputs),
            "target_ids": np.tile(every, len(places)),
            "target_weights": forest.leaves[tree][places].ravel() * slope,
        }
    return {
        "target_nodeids": places,
        "target_ids": np.full_like(places, tree % outputs),
        "target_weights": nodes["value"][places] * slope,
    }

"""Boosted trees over one matrix, with categories as codes: no strings and no concatenation inside the graph."""

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from nightshift.errors import VariantRefused
from nightshift.modelling.label_types import label_type
from nightshift.modelling.label_types.base import Link
from nightshift.optimization.export import floor32, tree_nodes
from nightshift.optimization.variants.onnx_file import build, constant
from nightshift.optimization.variants.preprocessing import Prepared

if TYPE_CHECKING:
    from onnx import NodeProto, TensorProto

IDENTITY_LOSSES = ("squared_error", "absolute_error", "quantile")


@dataclass(frozen=True)
class Ensemble:
    """Raw scores = ``base`` + ``slope`` * (sum of the trees), one for each class by turns where there are several.

    A tree is scikit-learn's array of nodes; ``link`` is the operator that makes scores of raw ones.
    """

    trees: list[Any]
    base: tuple[float, ...]
    slope: float = 1.0
    link: Link = "Sigmoid"


def ensemble(prepared: Prepared) -> Ensemble:
    """The trees of a trained pipeline. Raises ``VariantRefused`` when it has none that can be laid out here."""
    estimator = prepared.pipeline[-1]
    link = label_type(prepared.spec).link
    trees = tree_nodes(estimator)
    if not trees:
        raise VariantRefused(f"{prepared.spec.training.trainer} has no trees")
    categorical = [nodes for nodes in trees if nodes["is_categorical"].any()]
    if categorical:
        raise VariantRefused("trees that split on sets of categories have no such layout")
    if link == "Identity" and estimator.loss not in IDENTITY_LOSSES:
        raise VariantRefused(f"the layout is for the losses {', '.join(IDENTITY_LOSSES)}, not {estimator.loss}")
    base = tuple(map(float, estimator._baseline_prediction.ravel()))
    return Ensemble(trees, base, link=link)


def to_onnx(prepared: Prepared, forest: Ensemble, *, mirrored: bool = False) -> bytes:
    """The graph; ``mirrored`` gives the columns whose nulls go left a second, negated column.

    ONNX Runtime is slower per node once any node says which way a null goes. It need not say so: no
    comparison holds for NaN, so a null always takes the false branch. Where it should go left, the
    question is turned round: ``x > t`` is ``-x <= t'`` with t' the float32 below -t, and its true branch
    is the right one.
    """
    from onnx import helper

    feeds = prepared.one_matrix()
    columns = _go_left(forest) if mirrored else []
    mirrors = {column: len(feeds.columns) + place for place, column in enumerate(columns)}
    nodes, constants = _mirror(columns) if columns else ([], [])
    trees = helper.make_node(
        "TreeEnsembleRegressor",
        ["both" if columns else "numbers"],
        ["raw"],
        domain="ai.onnx.ml",
        n_targets=len(forest.base),
        base_values=list(forest.base),
        aggregate_function="SUM",
        post_transform="NONE",
        **_lay_out(forest, mirrors, tracked=not mirrored),
    )
    link = helper.make_node(forest.link, ["raw"], ["score"])
    return build(feeds, [*nodes, trees, link], constants, prepared.spec.name, width=len(forest.base))


def _go_left(forest: Ensemble) -> list[int]:
    """Columns with a split that sends nulls to the left."""
    columns: set[int] = set()
    for nodes in forest.trees:
        leaf = nodes["is_leaf"].astype(bool)
        null_left = nodes["missing_go_to_left"].astype(bool)
        splits = nodes[~leaf & null_left]
        columns.update(map(int, splits["feature_idx"]))
    return sorted(columns)


def _mirror(columns: list[int]) -> "tuple[list[NodeProto], list[TensorProto]]":
    from onnx import helper

    nodes = [
        helper.make_node("Gather", ["numbers", "mirrors"], ["some"], axis=1),
        helper.make_node("Neg", ["some"], ["negated"]),
        helper.make_node("Concat", ["numbers", "negated"], ["both"], axis=1),
    ]
    return nodes, [constant("mirrors", np.array(columns, np.int64))]


def _lay_out(forest: Ensemble, mirrors: dict[int, int], *, tracked: bool) -> dict[str, list[Any]]:
    """The attributes of a TreeEnsembleRegressor, node by node."""
    attributes: defaultdict[str, list[Any]] = defaultdict(list)

    def add(**values: Any) -> None:
        for name, value in values.items():
            attributes[name].append(value)

    for tree, nodes in enumerate(forest.trees):
        for place, node in enumerate(nodes):
            add(nodes_treeids=tree, nodes_nodeids=place)
            if node["is_leaf"]:
                weight = float(node["value"]) * forest.slope
                add(target_treeids=tree, target_nodeids=place, target_ids=tree % len(forest.base))
                add(target_weights=weight)
                add(**_leaf(tracked=tracked))
            else:
                add(**_split(node, mirrors, tracked=tracked))
    return dict(attributes)


def _leaf(*, tracked: bool) -> dict[str, Any]:
    leaf = {
        "nodes_modes": "LEAF",
        "nodes_featureids": 0,
        "nodes_values": 0.0,
        "nodes_truenodeids": 0,
        "nodes_falsenodeids": 0,
    }
    return leaf | _tracked(False) if tracked else leaf


def _split(node: Any, mirrors: dict[int, int], *, tracked: bool) -> dict[str, Any]:
    null_left = bool(node["missing_go_to_left"])
    column = int(node["feature_idx"])
    threshold = np.float32(floor32(node["num_threshold"]))
    if_true = int(node["left"])
    if_false = int(node["right"])
    if null_left and not tracked:
        column = mirrors[column]
        threshold = np.nextafter(-threshold, np.float32(-np.inf))
        if_true, if_false = if_false, if_true
    split = {
        "nodes_modes": "BRANCH_LEQ",
        "nodes_featureids": column,
        "nodes_values": float(threshold),
        "nodes_truenodeids": if_true,
        "nodes_falsenodeids": if_false,
    }
    return split | _tracked(null_left) if tracked else split


def _tracked(null_left: bool) -> dict[str, Any]:
    tracks_true = int(null_left)
    return {"nodes_missing_value_tracks_true": tracks_true}

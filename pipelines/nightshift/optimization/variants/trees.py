"""Boosted trees over one matrix, with categories as codes: no strings and no concatenation inside the graph."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from nightshift.errors import VariantRefused
from nightshift.optimization.export import floor32
from nightshift.optimization.variants.onnx_file import LINKS, Link, build, constant
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
    classifier = prepared.pipeline[-1]
    trees = [tree.nodes for stage in getattr(classifier, "_predictors", ()) for tree in stage]
    if not trees:
        raise VariantRefused(f"{prepared.spec.training.trainer} has no trees")
    if any(nodes["is_categorical"].any() for nodes in trees):
        raise VariantRefused("trees that split on sets of categories have no such layout")
    if prepared.spec.label.type == "regression" and classifier.loss not in IDENTITY_LOSSES:
        raise VariantRefused(f"the layout is for the losses {', '.join(IDENTITY_LOSSES)}, not {classifier.loss}")
    base = tuple(map(float, classifier._baseline_prediction.ravel()))
    return Ensemble(trees, base, link=LINKS[prepared.spec.label.type])


def to_onnx(prepared: Prepared, given: Ensemble, *, mirrored: bool = False) -> bytes:
    """The graph; ``mirrored`` gives the columns whose nulls go left a second, negated column.

    ONNX Runtime is slower per node once any node says which way a null goes. It need not say so: no
    comparison holds for NaN, so a null always takes the false branch. Where it should go left, the
    question is turned round: ``x > t`` is ``-x <= t'`` with t' the float32 below -t, and its true branch
    is the right one.
    """
    from onnx import helper

    feeds = prepared.one_matrix()
    mirrors = _go_left(given) if mirrored else []
    places = {column: len(feeds.columns) + place for place, column in enumerate(mirrors)}
    nodes, constants = _mirror(mirrors) if mirrors else ([], [])
    layout = _lay_out(given, places, tracked=not mirrored)
    nodes.append(
        helper.make_node(
            "TreeEnsembleRegressor", ["both" if mirrors else "numbers"], ["raw"], domain="ai.onnx.ml",
            n_targets=len(given.base), base_values=list(given.base), aggregate_function="SUM", post_transform="NONE",
            **layout,
        )
    )  # fmt: skip
    nodes.append(helper.make_node(given.link, ["raw"], ["score"]))
    return build(feeds, nodes, constants, prepared.spec.name, width=len(given.base))


def _go_left(given: Ensemble) -> list[int]:
    """Columns with a split that sends nulls to the left."""
    inner = [nodes[~nodes["is_leaf"].astype(bool) & nodes["missing_go_to_left"].astype(bool)] for nodes in given.trees]
    return [int(column) for column in np.unique(np.concatenate([nodes["feature_idx"] for nodes in inner]))]


def _mirror(columns: list[int]) -> "tuple[list[NodeProto], list[TensorProto]]":
    from onnx import helper

    nodes = [
        helper.make_node("Gather", ["numbers", "mirrors"], ["some"], axis=1),
        helper.make_node("Neg", ["some"], ["negated"]),
        helper.make_node("Concat", ["numbers", "negated"], ["both"], axis=1),
    ]
    return nodes, [constant("mirrors", np.array(columns, np.int64))]


@dataclass
class _Columns:
    """The attributes of a TreeEnsembleRegressor, node by node."""

    found: dict[str, list[Any]] = field(default_factory=dict)

    def add(self, **values: Any) -> None:
        for name, value in values.items():
            self.found.setdefault(name, []).append(value)


def _lay_out(given: Ensemble, mirrors: dict[int, int], *, tracked: bool) -> dict[str, list[Any]]:
    found = _Columns()
    for tree, nodes in enumerate(given.trees):
        for place, node in enumerate(nodes):
            found.add(nodes_treeids=tree, nodes_nodeids=place)
            if node["is_leaf"]:
                found.add(target_treeids=tree, target_nodeids=place, target_ids=tree % len(given.base))
                found.add(target_weights=float(node["value"]) * given.slope)
            found.add(**_split(node, mirrors, tracked=tracked))
    return found.found


def _split(node: Any, mirrors: dict[int, int], *, tracked: bool) -> dict[str, Any]:
    null_left = bool(node["missing_go_to_left"])
    column, threshold = int(node["feature_idx"]), np.float32(floor32(np.array([node["num_threshold"]]))[0])
    left, right = int(node["left"]), int(node["right"])
    if node["is_leaf"]:
        mode, column, threshold, left, right, null_left = "LEAF", 0, np.float32(0), 0, 0, False
    elif null_left and not tracked:
        column, threshold = mirrors[column], np.nextafter(-threshold, np.float32(-np.inf))
        mode, left, right = "BRANCH_LEQ", right, left
    else:
        mode = "BRANCH_LEQ"
    found = {"nodes_modes": mode, "nodes_featureids": column, "nodes_values": float(threshold)}
    found |= {"nodes_truenodeids": left, "nodes_falsenodeids": right}
    return found | ({"nodes_missing_value_tracks_true": int(null_left)} if tracked else {})

"""The trees of scikit-learn's forests and of its older gradient boosting, as tables of nodes."""

from typing import Any

import numpy as np

from nightshift.modelling.arrays import Float64s
from nightshift.modelling.label_types.base import Link
from nightshift.training.forest import NODE, Forest, Nodes, NoTable, centred

AVERAGED = ("BaseForest", "BaseDecisionTree")
SUMMED = ("BaseGradientBoosting",)
TREES = (*AVERAGED, *SUMMED)
"""Classes of scikit-learn whose children split numbers: those may not be moved by a scaling."""


def is_child_of(estimator: type, parents: tuple[str, ...]) -> bool:
    """Whether a class is of one of these names, or comes from one."""
    names = {parent.__name__ for parent in estimator.__mro__}
    return not names.isdisjoint(parents)


def trees_of(estimator: Any) -> Forest | None:
    """Those of a fitted estimator; None for one that is no such trees. Raises ``NoTable``."""
    kind = type(estimator)
    if is_child_of(kind, AVERAGED):
        return _averaged(estimator)
    return _summed(estimator) if is_child_of(kind, SUMMED) else None


def _averaged(estimator: Any) -> Forest:
    trees = [tree.tree_ for tree in getattr(estimator, "estimators_", [estimator])]
    classes = len(getattr(estimator, "classes_", ()))
    if classes > 2:
        shares = [tree.value[:, 0, :] for tree in trees]
        tables = [_nodes(tree, np.zeros(tree.node_count)) for tree in trees]
        return Forest(tables, (0.0,) * classes, 1 / len(trees), "Clip", leaves=shares)
    # Of two classes, the share of the second: P(yes).
    tables = [_nodes(tree, tree.value[:, 0, -1]) for tree in trees]
    if classes:
        return Forest(tables, (0.0,), 1 / len(trees), "Clip")
    return centred(Forest(tables, (0.0,), 1 / len(trees), "Identity"), first=len(tables))


def _summed(estimator: Any) -> Forest:
    trees = [_nodes(tree.tree_, tree.tree_.value[:, 0, 0]) for tree in estimator.estimators_.ravel()]
    nothing = np.zeros((1, estimator.n_features_in_), np.float32)
    base = estimator._raw_predict_init(nothing)[0].tolist()
    if estimator.init is not None:
        raise NoTable("it begins with another estimator")
    slope = float(estimator.learning_rate)
    link: Link = "Identity"
    if hasattr(estimator, "classes_"):
        link = "Sigmoid" if len(base) == 1 else "Softmax"
    if estimator.loss == "exponential":
        base = [2 * value for value in base]
        slope *= 2
    return Forest(trees, tuple(base), slope, link)


def _nodes(tree: Any, values: Float64s) -> Nodes:
    nodes = np.zeros(tree.node_count, NODE)
    nodes["left"] = tree.children_left
    nodes["right"] = tree.children_right
    nodes["is_leaf"] = nodes["left"] < 0
    nodes["feature_idx"] = np.maximum(tree.feature, 0)
    nodes["num_threshold"] = tree.threshold
    nodes["missing_go_to_left"] = tree.missing_go_to_left
    nodes["value"] = np.where(nodes["is_leaf"], values, 0.0)
    return nodes

"""Boosted trees as tables of nodes: who reads a trained model need not know which library grew it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from nightshift.modelling.arrays import Array, Float64s, Int64s
from nightshift.modelling.label_types.base import Link

NODE = np.dtype([
    ("is_leaf", np.bool_),
    ("feature_idx", np.int64),
    ("num_threshold", np.float64),
    ("missing_go_to_left", np.bool_),
    ("left", np.int64),
    ("right", np.int64),
    ("value", np.float64),
    ("is_categorical", np.bool_),
])
"""As scikit-learn names them. A row goes left where its number is at most the threshold."""
Nodes = NDArray[np.void]
NOTHING: Nodes = np.array([(True, 0, 0.0, False, 0, 0, 0.0, False)], NODE)
"""A leaf of 0."""


class NoTable(Exception):
    """Trees that are no such tables, or whose sums are made scores by what no operator here does."""


@dataclass(frozen=True)
class Forest:
    """Raw scores = ``base`` + ``slope`` * (sum of the trees), one for each class by turns where there are several.

    A tree is an array of nodes, of ``NODE`` or scikit-learn's own; the first is the root. ``link`` is the operator that
    makes scores of raw ones. With ``leaves`` every tree speaks of all classes: of each tree a value for each node and
    class, (nodes, classes).
    """

    trees: Sequence[Nodes]
    base: tuple[float, ...]
    slope: float = 1.0
    link: Link = "Sigmoid"
    leaves: Sequence[Float64s] = ()

    def raw(self, matrix: Array, count: int) -> Float64s:
        """Raw scores of n rows (n, columns) by the first ``count`` trees, (n, outputs)."""
        outputs = len(self.base)
        sums = np.zeros((len(matrix), outputs))
        for place, nodes in enumerate(self.trees[:count]):
            reached = _reached(nodes, matrix)
            if self.leaves:
                sums += self.leaves[place][reached]
            else:
                sums[:, place % outputs] += nodes["value"][reached]
        return np.asarray(self.base) + self.slope * sums

    def splits(self) -> dict[int, Float64s]:
        """The thresholds of each column that is split, by its place; in their order."""
        thresholds: dict[int, list[float]] = {}
        for nodes in self.trees:
            leaf = nodes["is_leaf"].astype(bool)
            splits = nodes[~leaf]
            for feature, threshold in zip(splits["feature_idx"], splits["num_threshold"], strict=True):
                of_feature = thresholds.setdefault(int(feature), [])
                of_feature.append(float(threshold))
        return {feature: np.unique(values) for feature, values in thresholds.items()}


def side_by_side(forests: Sequence[Forest]) -> Forest:
    """Forests of one output each as one of several; a tree of nothing stands where one has fewer than another."""
    most = max(len(forest.trees) for forest in forests)
    trees = []
    for place in range(most):
        for forest in forests:
            nodes = forest.trees[place] if place < len(forest.trees) else NOTHING
            trees.append(_scaled(nodes, forest.slope))
    bases = [forest.base[0] for forest in forests]
    return Forest(trees, tuple(bases), link=forests[0].link)


def _scaled(nodes: Nodes, slope: float) -> Nodes:
    if slope == 1.0:
        return nodes
    scaled = nodes.copy()
    scaled["value"] = nodes["value"] * slope
    return scaled


def centred(forest: Forest, first: int | None = None) -> Forest:
    """The same forest with the ``first`` trees around 0, by default one for each score, and the rest in its ``base``.

    Some libraries keep the label's mean in the leaves: sums of float32 would round around it.
    """
    moved = list(forest.trees)
    bases = list(forest.base)
    outputs = len(bases)
    for place, nodes in enumerate(moved[: first or outputs]):
        around_zero = nodes.copy()
        leaf = nodes["is_leaf"].astype(bool)
        centre = float(nodes["value"][leaf].mean())
        around_zero["value"] -= centre
        moved[place] = around_zero
        bases[place % outputs] += forest.slope * centre
    return replace(forest, trees=moved, base=tuple(bases))


def _reached(nodes: Nodes, matrix: Array) -> Int64s:
    """The leaf that each row comes to, by its place, (n,)."""
    rows = np.arange(len(matrix))
    places = np.zeros(len(matrix), np.int64)
    while True:
        reached = nodes[places]
        is_leaf = reached["is_leaf"].astype(bool)
        if is_leaf.all():
            return places
        values = matrix[rows, reached["feature_idx"]]
        is_low = values <= reached["num_threshold"]
        goes_left = np.where(np.isnan(values), reached["missing_go_to_left"].astype(bool), is_low)
        below = np.where(goes_left, reached["left"], reached["right"])
        places = np.where(is_leaf, places, below).astype(np.int64)

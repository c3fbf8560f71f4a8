"""Boosted trees over one matrix, with categories as codes: no strings and no concatenation inside the graph."""

from typing import TYPE_CHECKING

import numpy as np

from nightshift.errors import VariantRefused
from nightshift.optimization.forest_graph import forest_node, link_nodes
from nightshift.optimization.variants.onnx_file import build, constant
from nightshift.optimization.variants.preprocessing import Prepared
from nightshift.training.forest import Forest, NoTable
from nightshift.training.trainers import trainer_of

if TYPE_CHECKING:
    from onnx import NodeProto, TensorProto


def forest_of(prepared: Prepared) -> Forest:
    """The trees of a trained pipeline. Raises ``VariantRefused`` when it has none that can be laid out here."""
    trainer = trainer_of(prepared.spec)
    numbers = prepared.pipeline["prepare"].named_transformers_["numbers"]
    if hasattr(numbers, "statistics_"):
        raise VariantRefused("nulls are filled before the trees")
    try:
        forest = trainer.trees(prepared.pipeline[-1])
    except NoTable as error:
        raise VariantRefused(str(error)) from error
    if forest is None:
        raise VariantRefused(f"{prepared.spec.training.trainer} has no boosted trees")
    return forest


def to_onnx(prepared: Prepared, forest: Forest, *, mirrored: bool = False) -> bytes:
    """The graph; ``mirrored`` gives the columns whose nulls go left a second, negated column.

    ONNX Runtime is slower per node once any node says which way a null goes. It need not say so: no
    comparison holds for NaN, so a null always takes the false branch. Where it should go left, the
    question is turned round: ``x > t`` is ``-x <= t'`` with t' the float32 below -t, and its true branch
    is the right one.
    """
    feeds = prepared.one_matrix()
    columns = _go_left(forest) if mirrored else []
    mirrors = {column: len(feeds.columns) + place for place, column in enumerate(columns)}
    nodes, constants = _mirror(columns) if columns else ([], [])
    matrix = "both" if columns else "numbers"
    trees = forest_node(forest, matrix, "raw", mirrors if mirrored else None)
    links, ends = link_nodes(forest, "raw", "score")
    return build(
        feeds,
        [*nodes, trees, *links],
        [*constants, *ends],
        prepared.spec.name,
        width=len(forest.base),
    )


def _go_left(forest: Forest) -> list[int]:
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

"""The trained model's own weights as a ``Network``: exact, for linear models and networks."""

from typing import Any

import numpy as np

from nightshift.errors import VariantRefused
from nightshift.modelling.arrays import Booleans, Float32s, Float64s
from nightshift.modelling.label_types import label_type
from nightshift.optimization.export import has_log_link
from nightshift.optimization.variants.network import Network, Scaling
from nightshift.optimization.variants.preprocessing import Prepared
from nightshift.optimization.variants.tabular import learnt_network
from nightshift.training.networks.estimator import TabularNetwork


def trained_network(prepared: Prepared) -> Network:
    """What scikit-learn trained, array by array. Raises ``VariantRefused`` for what is no such model."""
    if not prepared.numbers:
        raise VariantRefused("the model has no numeric feature")
    estimator = prepared.pipeline[-1]
    link = label_type(prepared.spec).link
    if isinstance(estimator, TabularNetwork):
        return learnt_network(estimator, prepared.two_matrices(), link)
    if has_log_link(estimator):
        raise VariantRefused("the layout is for scores that are sums, not their exponential")
    weights, biases = _layers(estimator)
    one_hot, dense = _by_input(prepared, weights[0])
    counts = np.asarray(dense.any(axis=1), np.bool_)
    scaling, null = _scaling(prepared, counts)
    tables = []
    of_tables = []
    for rows in one_hot:
        table, of_table = _table(rows)
        tables.append(table)
        of_tables.append(of_table)
    first = np.vstack([dense, null[:, None] * dense, *of_tables])
    narrowed = [weight.astype(np.float32) for weight in (first, *weights[1:])]
    return Network(
        feeds=prepared.two_matrices(),
        scaling=scaling,
        tables=tuple(tables),
        weights=tuple(narrowed),
        biases=tuple(np.asarray(bias, np.float32) for bias in biases),
        link=link,
    )


def _layers(estimator: Any) -> tuple[list[Float64s], list[Float64s]]:
    if hasattr(estimator, "coefs_"):
        if estimator.activation != "relu":
            raise VariantRefused(f"the layout is for activation relu, not {estimator.activation}")
        # With another loss the regressor's last layer has an activation of its own.
        if estimator.out_activation_ == "exp":
            raise VariantRefused(f"the layout is for squared_error, not {estimator.loss}")
        return estimator.coefs_, estimator.intercepts_
    if hasattr(estimator, "coef_"):
        weights = np.atleast_2d(estimator.coef_)
        biases = np.atleast_1d(estimator.intercept_)
        return [weights.T], [biases]
    raise VariantRefused(f"{type(estimator).__name__} has no layers")


def _by_input(prepared: Prepared, first: Float64s) -> tuple[list[Float64s], Float64s]:
    """The first layer's weights of each category's one-hot columns, (v, h), and of the numbers, (k, h)."""
    # One-hot columns come first, in the order of the categories, then the numbers.
    sizes = [len(prepared.categories[name]) for name in prepared.codes]
    ends = np.cumsum(sizes, dtype=int)
    *one_hot, dense = np.split(first, ends)
    return one_hot, dense


def _table(rows: Float64s) -> tuple[Float32s, Float64s]:
    """A table and its weights: the rows of one category, (v, h), looked up or multiplied, whichever is narrower.

    The encoder ignores values it never saw: their row is zero.
    """
    values, width = rows.shape
    if values < width:
        table = np.eye(values)
        weights = rows
    else:
        table = rows
        weights = np.eye(width)
    never_seen = np.zeros((1, table.shape[1]))
    with_unseen = np.vstack([table, never_seen])
    return with_unseen.astype(np.float32), weights


def _scaling(prepared: Prepared, counts: Booleans) -> tuple[Scaling, Float64s]:
    """The trained scaling, and where a null lies in it; numbers that do not count, by a mask (k,), are 0 always.

    One that was trained without has a width that nobody measured, and 8 bits would be spent on it.
    """
    steps = prepared.pipeline["prepare"].named_transformers_["numbers"]
    fill = steps["impute"].statistics_
    centre = steps["scale"].mean_
    width = np.where(counts, steps["scale"].scale_, np.inf)
    scaling = Scaling(
        centre.astype(np.float32),
        width.astype(np.float32),
        clipped=False,
    )
    return scaling, (fill - centre) / width

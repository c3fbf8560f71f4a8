"""The trained model's own weights as a ``Network``: exact, for linear models and networks."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from nightshift.errors import VariantRefused
from nightshift.optimization.variants.network import Float32s, Network, Scaling
from nightshift.optimization.variants.onnx_file import LINKS
from nightshift.optimization.variants.preprocessing import Prepared

Weights = NDArray[np.float64]


def own_network(prepared: Prepared) -> Network:
    """What scikit-learn trained, array by array. Raises ``VariantRefused`` for what is no such model."""
    weights, biases = _layers(prepared.pipeline[-1])
    if not prepared.numbers:
        raise VariantRefused("the model has no numeric feature")
    # One-hot columns come first, in the order of the categories, then the numbers.
    sizes = [len(prepared.categories[name]) for name in prepared.codes]
    *one_hot, dense = np.split(weights[0], np.cumsum(sizes)) if sizes else [weights[0]]
    scaling, null = _scaling(prepared)
    pairs = [_table(rows) for rows in one_hot]
    first = np.vstack([dense, null[:, None] * dense, *(weight for _, weight in pairs)])
    return Network(
        prepared.two_matrices(),
        scaling,
        tuple(table for table, _ in pairs),
        tuple(weight.astype(np.float32) for weight in [first, *weights[1:]]),
        tuple(np.asarray(bias, np.float32) for bias in biases),
        LINKS[prepared.spec.label.type],
    )


def _layers(classifier: Any) -> tuple[list[Weights], list[Weights]]:
    if hasattr(classifier, "coefs_"):
        if classifier.activation != "relu":
            raise VariantRefused(f"the layout is for activation relu, not {classifier.activation}")
        if classifier.out_activation_ == "exp":
            raise VariantRefused(f"the layout is for squared_error, not {classifier.loss}")
        return classifier.coefs_, classifier.intercepts_
    if hasattr(classifier, "coef_"):
        return [np.atleast_2d(classifier.coef_).T], [np.atleast_1d(classifier.intercept_)]
    raise VariantRefused(f"{type(classifier).__name__} has no layers")


def _table(rows: Weights) -> tuple[Float32s, Weights]:
    """A table and its weights: the rows of one category, (v, h), looked up or multiplied, whichever is narrower.

    The encoder ignores values it never saw: their row is zero.
    """
    values, width = rows.shape
    table, weights = (np.eye(values), rows) if values < width else (rows, np.eye(width))
    return np.vstack([table, np.zeros((1, table.shape[1]))]).astype(np.float32), weights


def _scaling(prepared: Prepared) -> tuple[Scaling, Weights]:
    """The trained scaling, and where a null lies in it."""
    steps = prepared.pipeline["prepare"].named_transformers_["numbers"]
    fill, centre, width = steps["impute"].statistics_, steps["scale"].mean_, steps["scale"].scale_
    return Scaling(centre.astype(np.float32), width.astype(np.float32), clipped=False), (fill - centre) / width

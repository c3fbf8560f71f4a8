"""The trained model's own weights as a ``Network``: exact, for linear models and networks."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.errors import VariantRefused
from pipelines.steps.variants.network import Network, Scaling
from pipelines.steps.variants.prepared import Prepared


def own_network(prepared: Prepared) -> Network:
    """What scikit-learn trained, array by array. Raises ``VariantRefused`` for what is no such model."""
    classifier = prepared.pipeline[-1]
    if not prepared.numbers:
        raise VariantRefused("the model has no numeric feature")
    weights, biases = _layers(classifier)
    # One-hot columns come first, in the order of the categories, then the numbers.
    sizes = [len(prepared.categories[name]) for name in prepared.codes]
    *one_hot, dense = np.split(weights[0], np.cumsum(sizes)) if sizes else [weights[0]]
    # The encoder ignores values it never saw: their row is zero.
    tables = [np.vstack([rows, np.zeros((1, rows.shape[1]))]).astype(np.float32) for rows in one_hot]
    return Network(
        prepared.two_matrices(),
        _scaling(prepared),
        tuple(tables),
        (dense.astype(np.float32), *(weight.astype(np.float32) for weight in weights[1:])),
        tuple(np.asarray(bias, np.float32) for bias in biases),
    )


def _layers(classifier: Any) -> tuple[list[NDArray[np.float64]], list[NDArray[np.float64]]]:
    if hasattr(classifier, "coefs_"):
        if classifier.activation != "relu":
            raise VariantRefused(f"the layout is for activation relu, not {classifier.activation}")
        return classifier.coefs_, classifier.intercepts_
    if hasattr(classifier, "coef_"):
        return [classifier.coef_.T], [classifier.intercept_]
    raise VariantRefused(f"{type(classifier).__name__} has no layers")


def _scaling(prepared: Prepared) -> Scaling:
    steps = prepared.pipeline["prepare"].named_transformers_["numbers"]
    whole = np.full(len(prepared.numbers), np.inf, np.float32)
    found = (steps["impute"].statistics_, steps["scale"].mean_, steps["scale"].scale_)
    fill, centre, width = (values.astype(np.float32) for values in found)
    return Scaling(fill, -whole, whole, centre, width)

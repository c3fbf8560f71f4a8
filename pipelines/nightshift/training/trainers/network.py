"""A network of dense layers."""

import warnings
from dataclasses import replace
from typing import Any

import numpy as np

from nightshift.modelling.arrays import Booleans
from nightshift.modelling.label_types import label_type
from nightshift.spec import ModelSpec
from nightshift.training.networks.options import WIDEST
from nightshift.training.night_stopping import only, set_apart
from nightshift.training.parameters import estimator_parameters
from nightshift.training.trainer import PipelineParts, Trainer, fit_as_it_is, one_hot_and_scaled
from nightshift.training.training_rows import FitTargets

HIDDEN_LAYERS = "64-32"
SMALLEST = 1e-15
"""A probability of 0 is told from none by this much."""
SAME = 1e-6
"""Columns are scaled to a deviation of 1, so that what differs by less is rounding."""


def _build(spec: ModelSpec) -> PipelineParts:
    from sklearn.neural_network import MLPClassifier, MLPRegressor

    estimators = {"classifier": MLPClassifier, "regressor": MLPRegressor}
    estimator = estimators[label_type(spec).estimator_type]
    parameters: dict[str, Any] = {"early_stopping": True, **estimator_parameters(spec)}
    sizes = _sizes(parameters.pop("hidden_layer_sizes", HIDDEN_LAYERS))
    return one_hot_and_scaled(estimator(hidden_layer_sizes=sizes, random_state=spec.training.seed, **parameters))


def _sizes(layers: object) -> list[int]:
    """Of layers as a list, or in a text: "64-32" is two."""
    sizes = layers if isinstance(layers, list) else str(layers).split("-")
    return [_size(size) for size in sizes]


def _size(size: object) -> int:
    """Raises ``ValueError`` for none."""
    text = str(size).strip()
    if not text.isdecimal() or not 1 <= int(text) <= WIDEST:
        raise ValueError(
            f"The 'hidden_layer_sizes' parameter of it must be whole numbers from 1 to {WIDEST}. Got {size!r} instead."
        )
    return int(text)


def _fit(network: Any, matrix: Any, rows: FitTargets) -> None:
    """Fit to standardised numbers, since a network learns hardly anything else; then its last layer says their units.

    A wrapper that scales the label has no ONNX form. A last layer without activation needs none.
    """
    if network.loss == "squared_error":
        targets = rows.targets
        centre = float(targets.mean())
        width = float(targets.std()) or 1.0
        _fit_epochs(network, matrix, replace(rows, targets=(targets - centre) / width))
        network.coefs_[-1] = network.coefs_[-1] * width
        network.intercepts_[-1] = network.intercepts_[-1] * width + centre
    else:
        _fit_epochs(network, matrix, rows)
    _forget_constants(network, matrix)


def _fit_epochs(network: Any, matrix: Any, rows: FitTargets) -> None:
    """Fit, for as many epochs as the newest nights say where it stops early."""
    from sklearn.base import is_classifier

    is_apart = None
    # Others take no epochs.
    if network.early_stopping and network.solver in {"adam", "sgd"}:
        is_apart = set_apart(rows, network.validation_fraction, are_classes=is_classifier(network))
    network.set_params(early_stopping=False)
    if is_apart is None:
        fit_as_it_is(network, matrix, rows)
        return
    epochs = _epochs(network, matrix, rows, is_apart)
    network.set_params(max_iter=epochs)
    with warnings.catch_warnings():
        # As many as were wanted are no failure to converge.
        warnings.simplefilter("ignore")
        fit_as_it_is(network, matrix, rows)


def _epochs(network: Any, matrix: Any, rows: FitTargets, is_apart: Booleans) -> int:
    """After how many epochs the nights that are set apart are told best."""
    from sklearn.base import clone

    learnt = only(rows, ~is_apart)
    apart = only(rows, is_apart)
    tried = clone(network)
    classes = {"classes": np.unique(rows.targets)} if hasattr(network, "predict_proba") else {}
    lowest = np.inf
    best = 1
    for epoch in range(1, network.max_iter + 1):
        tried.partial_fit(matrix[~is_apart], learnt.targets, sample_weight=learnt.weights, **classes)
        loss = _loss(tried, matrix[is_apart], apart)
        if loss < lowest - network.tol:
            lowest = loss
            best = epoch
        if epoch - best >= network.n_iter_no_change:
            break
    return best


def _loss(network: Any, matrix: Any, rows: FitTargets) -> float:
    """The mean loss of rows: of probabilities their log loss, of numbers that of squares."""
    if not hasattr(network, "predict_proba"):
        squares = np.square(network.predict(matrix) - rows.targets)
        return float(np.average(squares, weights=rows.weights))
    places = np.searchsorted(network.classes_, rows.targets)
    shares = network.predict_proba(matrix)[np.arange(len(places)), places]
    surprises = -np.log(np.maximum(shares, SMALLEST))
    return float(np.average(surprises, weights=rows.weights))


def _forget_constants(network: Any, matrix: Any) -> None:
    """Weights of a column that never changed are as they were drawn: what it holds later must not meet them."""
    from scipy.sparse import csr_array, issparse
    from sklearn.utils.sparsefuncs import min_max_axis

    columns = matrix if issparse(matrix) else csr_array(matrix)
    low, high = min_max_axis(columns, axis=0)
    constant = high - low < SAME
    first = network.coefs_[0]
    network.intercepts_[0] = network.intercepts_[0] + low[constant] @ first[constant]
    first[constant] = 0


TRAINER = Trainer(
    name="neural_network",
    layout="network",
    trusted=(
        "numpy.dtype",
        "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
        "sklearn.neural_network._stochastic_optimizers.SGDOptimizer",
    ),
    build=_build,
    fit_estimator=_fit,
)

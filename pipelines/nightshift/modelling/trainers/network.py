"""A network of dense layers."""

from typing import Any

from nightshift.modelling.arrays import Array
from nightshift.modelling.label_types import label_type
from nightshift.modelling.parameters import estimator_parameters
from nightshift.modelling.trainer import PipelineParts, Trainer, fit_as_it_is, one_hot_and_scaled
from nightshift.spec import ModelSpec

HIDDEN_LAYERS = "64-32"
SAME = 1e-6
"""Columns are scaled to a deviation of 1, so that what differs by less is rounding."""


def _build(spec: ModelSpec) -> PipelineParts:
    from sklearn.neural_network import MLPClassifier, MLPRegressor

    estimators = {"classifier": MLPClassifier, "regressor": MLPRegressor}
    estimator = estimators[label_type(spec).estimator_type]
    parameters: dict[str, Any] = {"early_stopping": True, **estimator_parameters(spec)}
    # YAML has no tuples: one number is one layer, and "64-32" is two.
    layers = str(parameters.pop("hidden_layer_sizes", HIDDEN_LAYERS)).split("-")
    sizes = [int(size) for size in layers]
    return one_hot_and_scaled(estimator(hidden_layer_sizes=sizes, random_state=spec.training.seed, **parameters))


def _fit(network: Any, matrix: Any, targets: Array) -> None:
    """Fit to standardised numbers, since a network learns hardly anything else; then its last layer says their units.

    A wrapper that scales the label has no ONNX form. A last layer without activation needs none.
    """
    if network.loss == "squared_error":
        centre = float(targets.mean())
        width = float(targets.std()) or 1.0
        network.fit(matrix, (targets - centre) / width)
        network.coefs_[-1] = network.coefs_[-1] * width
        network.intercepts_[-1] = network.intercepts_[-1] * width + centre
    else:
        fit_as_it_is(network, matrix, targets)
    _forget_constants(network, matrix)


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

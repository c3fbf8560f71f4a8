"""A network of dense layers."""

from typing import TYPE_CHECKING, Any

from nightshift.modelling.arrays import Array
from nightshift.modelling.label_types import label_type
from nightshift.modelling.trainer import PipelineParts, Trainer, fit_as_it_is, one_hot_and_scaled
from nightshift.spec import ModelSpec

if TYPE_CHECKING:
    import pandas as pd
    from sklearn.pipeline import Pipeline

HIDDEN_LAYERS = "64-32"


def _build(spec: ModelSpec) -> PipelineParts:
    from sklearn.neural_network import MLPClassifier, MLPRegressor

    estimators = {"classifier": MLPClassifier, "regressor": MLPRegressor}
    estimator = estimators[label_type(spec).estimator_type]
    parameters: dict[str, Any] = {"early_stopping": True, **spec.training.parameters}
    # YAML has no tuples: one number is one layer, and "64-32" is two.
    layers = str(parameters.pop("hidden_layer_sizes", HIDDEN_LAYERS)).split("-")
    sizes = [int(size) for size in layers]
    return one_hot_and_scaled(estimator(hidden_layer_sizes=sizes, random_state=spec.training.seed, **parameters))


def _fit(pipeline: "Pipeline", frame: "pd.DataFrame", targets: Array) -> "Pipeline":
    """Fit to standardised numbers, since a network learns hardly anything else; then its last layer says their units.

    A wrapper that scales the label has no ONNX form. A last layer without activation needs none.
    """
    if pipeline[-1].loss != "squared_error":
        return fit_as_it_is(pipeline, frame, targets)
    centre = float(targets.mean())
    width = float(targets.std()) or 1.0
    pipeline.fit(frame, (targets - centre) / width)
    network = pipeline[-1]
    network.coefs_[-1] = network.coefs_[-1] * width
    network.intercepts_[-1] = network.intercepts_[-1] * width + centre
    return pipeline


TRAINER = Trainer(
    name="neural_network",
    layout="network",
    trusted=(
        "numpy.dtype",
        "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
        "sklearn.neural_network._stochastic_optimizers.SGDOptimizer",
    ),
    build=_build,
    fit_pipeline=_fit,
)

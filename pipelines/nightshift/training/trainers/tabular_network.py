"""A network for tables: a vector for each category, numbers scaled with flags for nulls, layers of ReLU behind."""

from typing import Any

import numpy as np

from nightshift.extras import require
from nightshift.modelling.label_types import label_type
from nightshift.spec import ModelSpec
from nightshift.training.networks.estimator import NetworkClassifier, NetworkRegressor
from nightshift.training.networks.options import NetworkOptions
from nightshift.training.night_stopping import set_apart
from nightshift.training.parameters import estimator_parameters
from nightshift.training.trainer import PipelineParts, Trainer
from nightshift.training.training_rows import FitTargets


def _build(spec: ModelSpec) -> PipelineParts:
    require("networks", f"training {spec.name} as a network for tables")
    from sklearn.preprocessing import OrdinalEncoder

    options = NetworkOptions.of(estimator_parameters(spec))
    estimators = {"classifier": NetworkClassifier, "regressor": NetworkRegressor}
    estimator = estimators[label_type(spec).estimator_type]
    texts = [name for name in spec.features if not spec.columns[name].numeric]
    return PipelineParts(
        categories=OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1, dtype=np.float32),
        numbers="passthrough",
        estimator=estimator(
            categories=len(texts),
            outputs=max(1, len(spec.label.classes)),
            seed=spec.training.seed,
            parameters=options.as_parameters(),
        ),
    )


def _fit(network: Any, matrix: Any, rows: FitTargets) -> None:
    """Fit, with nights to stop by and a place for checkpoints."""
    options = NetworkOptions.of(network.parameters)
    is_late = None
    if options.early_stopping:
        is_late = set_apart(rows, options.validation_fraction, are_classes=False)
    network.fit(
        matrix,
        rows.targets,
        sample_weight=rows.weights,
        is_late=is_late,
        checkpoints=rows.checkpoints,
    )


TRAINER = Trainer(
    name="tabular_network",
    layout="network",
    trusted=(
        "numpy.dtype",
        "nightshift.training.networks.estimator.NetworkClassifier",
        "nightshift.training.networks.estimator.NetworkRegressor",
    ),
    build=_build,
    fit_estimator=_fit,
)

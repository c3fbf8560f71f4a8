"""Gradient boosted trees over histograms: nulls, categories as codes and numbers as they are."""

import numpy as np

from nightshift.modelling.label_types import label_type
from nightshift.modelling.trainer import PipelineParts, Trainer
from nightshift.spec import ModelSpec


def _build(spec: ModelSpec) -> PipelineParts:
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
    from sklearn.preprocessing import OrdinalEncoder

    estimators = {"classifier": HistGradientBoostingClassifier, "regressor": HistGradientBoostingRegressor}
    estimator = estimators[label_type(spec).estimator_type]
    parameters = {"early_stopping": False, **spec.training.parameters}
    return PipelineParts(
        categories=OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1, dtype=np.float32),
        numbers="passthrough",
        estimator=estimator(random_state=spec.training.seed, **parameters),
    )


TRAINER = Trainer(
    name="hist_gradient_boosting",
    layout="trees",
    trusted=("numpy.dtype", "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor"),
    build=_build,
)

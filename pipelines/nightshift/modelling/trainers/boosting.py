"""Gradient boosted trees over histograms: nulls, categories in the order of their labels, numbers as they are."""

from typing import TYPE_CHECKING, Any

import numpy as np

from nightshift.modelling.arrays import Array
from nightshift.modelling.category_order import order_by_label
from nightshift.modelling.label_types import label_type
from nightshift.modelling.parameters import estimator_parameters
from nightshift.modelling.trainer import PipelineParts, Trainer
from nightshift.spec import ModelSpec

if TYPE_CHECKING:
    import pandas as pd

BINNED_ROWS = 200_000
RARE_SHARE = 2e-4
"""Of more rows than are drawn for the bins: with a larger share, a column is surely among them with a value."""


def _build(spec: ModelSpec) -> PipelineParts:
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
    from sklearn.preprocessing import OrdinalEncoder

    estimators = {"classifier": HistGradientBoostingClassifier, "regressor": HistGradientBoostingRegressor}
    estimator = estimators[label_type(spec).estimator_type]
    parameters = {"early_stopping": False, **estimator_parameters(spec)}
    return PipelineParts(
        categories=OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1, dtype=np.float32),
        numbers="passthrough",
        estimator=estimator(random_state=spec.training.seed, **parameters),
    )


def _order(spec: ModelSpec, encoder: Any, texts: "pd.DataFrame", targets: Array) -> None:
    """Number the categories by the labels of their rows."""
    are_classes = label_type(spec).estimator_type == "classifier"
    codes = encoder.transform(texts).astype(np.int64)
    for place, categories in enumerate(encoder.categories_):
        order = order_by_label(codes[:, place], targets, are_classes=are_classes)
        encoder.categories_[place] = categories[order]


def _fit(estimator: Any, matrix: Array, targets: Array) -> None:
    """Fit; a column with hardly a value is trained on as one of zeros, which no tree splits.

    scikit-learn draws some rows to cut its bins from, and stops where a column has no value in them.
    """
    values = (~np.isnan(matrix)).sum(axis=0)
    rare = values < _fewest(estimator, len(matrix))
    filled = np.where(rare, np.float32(0), matrix)
    estimator.fit(filled, targets)


def _fewest(estimator: Any, rows: int) -> float:
    """How many values a column needs: as many as a leaf, since no split could tell fewer from nulls."""
    least = estimator.min_samples_leaf
    of_leaf = least if isinstance(least, int) else 1
    return max(1, of_leaf, RARE_SHARE * rows if rows > BINNED_ROWS else 0)


TRAINER = Trainer(
    name="hist_gradient_boosting",
    layout="trees",
    trusted=("numpy.dtype", "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor"),
    build=_build,
    fit_estimator=_fit,
    fit_categories=_order,
)

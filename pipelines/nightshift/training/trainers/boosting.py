"""Gradient boosted trees over histograms: nulls, categories in the order of their labels, numbers as they are."""

from typing import Any

import numpy as np

from nightshift.concurrency import openmp_for
from nightshift.modelling.arrays import Array
from nightshift.modelling.label_types import label_type
from nightshift.modelling.label_types.base import Link
from nightshift.spec import ModelSpec
from nightshift.training.coded import coded, in_order_of_labels
from nightshift.training.forest import Forest, NoTable
from nightshift.training.night_stopping import SHARE, only, set_apart
from nightshift.training.parameters import estimator_parameters
from nightshift.training.trainer import PipelineParts, Trainer
from nightshift.training.training_rows import FitTargets

BINNED_ROWS = 200_000
RARE_SHARE = 2e-4
"""Of more rows than are drawn for the bins: with a larger share, a column is surely among them with a value."""
MANY_ROWS = 10_000
"""Of more, ``early_stopping: auto`` stops early."""
LINKS: dict[str, Link] = {
    "squared_error": "Identity",
    "absolute_error": "Identity",
    "quantile": "Identity",
    "poisson": "Exp",
    "gamma": "Exp",
}


def _build(spec: ModelSpec) -> PipelineParts:
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    estimators = {"classifier": HistGradientBoostingClassifier, "regressor": HistGradientBoostingRegressor}
    estimator = estimators[label_type(spec).estimator_type]
    parameters = {"early_stopping": False, **estimator_parameters(spec)}
    return coded(estimator(random_state=spec.training.seed, **parameters))


def _quantile(level: float) -> dict[str, Any]:
    return {"loss": "quantile", "quantile": level}


def _fit(estimator: Any, matrix: Array, rows: FitTargets) -> None:
    """Fit; a column with hardly a value is trained on as one of zeros, which no tree splits.

    scikit-learn draws some rows to cut its bins from, and stops where a column has no value in them.
    """
    values = (~np.isnan(matrix)).sum(axis=0)
    rare = values < _fewest(estimator, len(matrix))
    filled = np.where(rare, np.float32(0), matrix)
    with openmp_for(matrix.size):
        if _stops_early(estimator, len(matrix)):
            _set_rounds(estimator, filled, rows)
        estimator.fit(filled, rows.targets, sample_weight=rows.weights)


def _fewest(estimator: Any, rows: int) -> float:
    """How many values a column needs: as many as a leaf, since no split could tell fewer from nulls."""
    least = estimator.min_samples_leaf
    of_leaf = least if isinstance(least, int) else 1
    return max(1, of_leaf, RARE_SHARE * rows if rows > BINNED_ROWS else 0)


def _stops_early(estimator: Any, rows: int) -> bool:
    wanted = estimator.early_stopping
    return rows > MANY_ROWS if wanted == "auto" else wanted is True


def _set_rounds(estimator: Any, matrix: Array, rows: FitTargets) -> None:
    """Say by the newest nights how many rounds are trained, on all of them."""
    from sklearn.base import clone, is_classifier

    share = estimator.validation_fraction or SHARE
    is_apart = set_apart(rows, share if share < 1 else share / len(matrix), are_classes=is_classifier(estimator))
    rounds = estimator.max_iter
    if is_apart is not None:
        learnt = only(rows, ~is_apart)
        apart = only(rows, is_apart)
        tried = clone(estimator).set_params(early_stopping=True)
        tried.fit(
            matrix[~is_apart],
            learnt.targets,
            sample_weight=learnt.weights,
            X_val=matrix[is_apart],
            y_val=apart.targets,
            sample_weight_val=apart.weights,
        )
        # The first score is that of no round at all.
        rounds = max(1, int(np.argmax(tried.validation_score_)))
    estimator.set_params(early_stopping=False, max_iter=rounds)


def _forest(estimator: Any) -> Forest:
    trees = [tree.nodes for trees in estimator._predictors for tree in trees]
    if any(nodes["is_categorical"].any() for nodes in trees):
        raise NoTable("trees that split on sets of categories have no such layout")
    base = tuple(map(float, estimator._baseline_prediction.ravel()))
    of_classes: Link = "Sigmoid" if len(base) == 1 else "Softmax"
    return Forest(trees, base, link=LINKS.get(estimator.loss, of_classes))


TRAINER = Trainer(
    name="hist_gradient_boosting",
    layout="trees",
    trusted=("numpy.dtype", "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor"),
    build=_build,
    fit_estimator=_fit,
    fit_categories=in_order_of_labels,
    forest=_forest,
    quantile=_quantile,
)

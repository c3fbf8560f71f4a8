"""A trainer by its dotted path: a scikit-learn estimator from the modules that this installation allows.

What it may be is a question of the installation, not of a spec: to name a module is to run it. Whether it has an ONNX
form, and is read back from a file by types that are known, `nightshift check` tries.
"""

import inspect
from dataclasses import replace
from importlib import import_module
from typing import Any

from nightshift.errors import SpecError
from nightshift.modelling.label_types import label_type
from nightshift.modelling.label_types.base import EstimatorType
from nightshift.settings import settings
from nightshift.spec import ModelSpec
from nightshift.training.coded import coded, coded_and_filled, in_order_of_labels
from nightshift.training.parameters import estimator_parameters
from nightshift.training.sklearn_trees import TREES, is_child_of, trees_of
from nightshift.training.trainer import PipelineParts, Trainer, one_hot_and_scaled
from nightshift.training.training_rows import FitTargets

ROUNDS = "n_estimators"
MINE = ("BaseHistGradientBoosting",)
"""Classes that have a trainer of their own here."""
TRUSTED = (
    "numpy.dtype",
    "sklearn._loss.loss.HalfGammaLoss",
    "sklearn._loss.loss.HalfPoissonLoss",
    "sklearn._loss.loss.HalfTweedieLoss",
    "sklearn._loss.loss.HalfTweedieLossIdentity",
    "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
    "sklearn.neural_network._stochastic_optimizers.SGDOptimizer",
    "sklearn.tree._tree.Tree",
)
"""What skops may construct besides public types of scikit-learn, of whichever estimator."""


def by_path(spec: ModelSpec) -> Trainer:
    """The trainer that a spec names by its path. Raises ``SpecError``."""
    path = spec.training.trainer
    estimator = _estimator(spec)
    trainer = Trainer(
        name=path,
        layout="network",
        trusted=(*TRUSTED, f"{estimator.__module__}.{estimator.__qualname__}"),
        build=_build,
        fit_estimator=_fit,
        forest=trees_of,
        rounds=ROUNDS if ROUNDS in _names(estimator) else "",
    )
    if not is_child_of(estimator, TREES):
        return trainer
    return replace(
        trainer,
        layout="trees",
        fit_categories=in_order_of_labels,
    )


def _estimator(spec: ModelSpec) -> Any:
    """The class. Raises ``SpecError``."""
    path = spec.training.trainer
    allowed = settings().trainer_modules
    if not path.startswith(tuple(f"{module}." for module in allowed)):
        raise _refused(spec, f"is of no module that this installation allows: {', '.join(allowed)}")
    module, _, name = path.rpartition(".")
    try:
        estimator = getattr(import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise _refused(spec, f"is not there: {error}") from error
    wanted = label_type(spec).estimator_type
    if inspect.isclass(estimator) and is_child_of(estimator, MINE):
        raise _refused(spec, "is the trainer hist_gradient_boosting: give that name")
    if not _is_of_type(estimator, wanted):
        raise _refused(spec, f"is no {wanted}, which a {spec.label.type} label needs")
    return estimator


def _is_of_type(estimator: Any, wanted: EstimatorType) -> bool:
    from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin

    mixins = {"classifier": ClassifierMixin, "regressor": RegressorMixin}
    if not inspect.isclass(estimator):
        return False
    return issubclass(estimator, BaseEstimator) and issubclass(estimator, mixins[wanted])


def _build(spec: ModelSpec) -> PipelineParts:
    from sklearn.utils import get_tags

    estimator = _estimator(spec)
    names = _names(estimator)
    parameters = estimator_parameters(spec)
    _require_no_random_rows(spec, names)
    if "early_stopping" in names:
        parameters["early_stopping"] = False
    if "random_state" in names:
        parameters = {"random_state": spec.training.seed, **parameters}
    made = estimator(**parameters)
    if label_type(spec).predict_method == "predict_proba" and not hasattr(made, "predict_proba"):
        raise _refused(spec, "gives no probabilities")
    takes = get_tags(made).input_tags
    if is_child_of(estimator, TREES):
        return coded(made) if takes.allow_nan else coded_and_filled(made)
    parts = one_hot_and_scaled(made)
    parts.categories.set_params(sparse_output=takes.sparse)
    return parts


def _require_no_random_rows(spec: ModelSpec, names: set[str]) -> None:
    """Rows of a night are alike: what some of them say of others of the same nights is too good to be true."""
    parameters = spec.training.parameters
    stops = parameters.get("early_stopping")
    # Gradient boosting has no switch, only a count.
    if "early_stopping" not in names and "validation_fraction" in names:
        stops = parameters.get("n_iter_no_change")
    if stops:
        raise _refused(spec, "stops early by random rows of the nights that it learns: leave that out")
    if "cv" in names:
        raise _refused(spec, "chooses by random rows of the nights that it learns: take the estimator without CV")


def _fit(estimator: Any, matrix: Any, rows: FitTargets) -> None:
    from sklearn.utils.validation import has_fit_parameter

    if has_fit_parameter(estimator, "sample_weight"):
        estimator.fit(matrix, rows.targets, sample_weight=rows.weights)
    elif rows.weights is None:
        estimator.fit(matrix, rows.targets)
    else:
        raise ValueError("it takes no weights of rows")


def _names(estimator: Any) -> set[str]:
    """Of its parameters."""
    return set(inspect.signature(estimator.__init__).parameters) - {"self"}


def _refused(spec: ModelSpec, reason: str) -> SpecError:
    return SpecError(
        f"{spec.name}: training.trainer: {spec.training.trainer} {reason}",
        fix="name another trainer in model.yaml, then `nightshift check`",
    )

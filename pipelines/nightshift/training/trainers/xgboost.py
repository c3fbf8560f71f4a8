"""XGBoost's boosted trees: nulls, categories in the order of their labels, numbers as they are."""

import json
import math
from dataclasses import replace
from typing import Any

import numpy as np

from nightshift.extras import require
from nightshift.modelling.arrays import Array
from nightshift.modelling.label_types import label_type
from nightshift.modelling.label_types.base import Link
from nightshift.spec import ModelSpec
from nightshift.spec.parameters import CLASS_WEIGHT
from nightshift.training.coded import coded, in_order_of_labels
from nightshift.training.forest import NODE, Forest, Nodes, NoTable
from nightshift.training.night_stopping import only, set_apart
from nightshift.training.parameters import boosted_parameters, require_known
from nightshift.training.trainer import PipelineParts, Trainer
from nightshift.training.training_rows import FitTargets

STOPPING = "early_stopping_rounds"
LINKS: dict[str, Link] = {
    "binary:logistic": "Sigmoid",
    "multi:softprob": "Softmax",
    "reg:squarederror": "Identity",
    "reg:absoluteerror": "Identity",
    "reg:pseudohubererror": "Identity",
    "reg:quantileerror": "Identity",
    "count:poisson": "Exp",
    "reg:gamma": "Exp",
    "reg:tweedie": "Exp",
}
"""What makes scores of raw ones, by objective."""
BESIDE_THE_SIGNATURE = frozenset({
    "huber_slope",
    "normalize_type",
    "one_drop",
    "quantile_alpha",
    "rate_drop",
    "sample_type",
    "skip_drop",
    "tweedie_variance_power",
})
"""Parameters of the library that its signature takes as others."""
NOT_HERE = frozenset({
    "callbacks",
    "device",
    "enable_categorical",
    "feature_types",
    "feature_weights",
    "max_cat_threshold",
    "max_cat_to_onehot",
    "missing",
    "multi_strategy",
})
"""Parameters that make what a table of nodes cannot say, or that a file cannot hold."""


def _build(spec: ModelSpec) -> PipelineParts:
    require("boosting", "the trainer xgboost", "xgboost-cpu")
    from sklearn.compose import TransformedTargetRegressor
    from sklearn.preprocessing import StandardScaler
    from xgboost import XGBClassifier, XGBRegressor

    estimators = {"classifier": XGBClassifier, "regressor": XGBRegressor}
    kind = label_type(spec).estimator_type
    parameters = boosted_parameters(spec)
    weights = parameters.pop(CLASS_WEIGHT, None) if kind == "classifier" else None
    require_known(parameters, estimators[kind], BESIDE_THE_SIGNATURE, NOT_HERE)
    _write_places(parameters)
    estimator = estimators[kind](random_state=spec.training.seed, **parameters)
    # The library has weights of rows alone.
    estimator.class_weight = weights
    link = LINKS.get(parameters.get("objective", "reg:squarederror"))
    if kind == "regressor" and link == "Identity":
        # It adds float32 to float32, so a label far from 0 is learnt as its distance from the mean.
        estimator = TransformedTargetRegressor(estimator, transformer=StandardScaler(with_std=False))
    return coded(estimator)


def _write_places(parameters: dict[str, Any]) -> None:
    """Directions and groups of columns by place, as the library takes these: in a text."""
    directions = parameters.get("monotone_constraints")
    if isinstance(directions, list):
        places = ",".join(map(str, directions))
        parameters["monotone_constraints"] = f"({places})"
    groups = parameters.get("interaction_constraints")
    if isinstance(groups, list):
        parameters["interaction_constraints"] = json.dumps(groups)


def _fit(estimator: Any, matrix: Array, rows: FitTargets) -> None:
    boosted = getattr(estimator, "regressor", estimator)
    rows = _weighed(rows, vars(boosted).pop(CLASS_WEIGHT, None))
    patience = boosted.get_params().get(STOPPING)
    is_apart = set_apart(rows, are_classes=hasattr(boosted, "predict_proba")) if patience else None
    if is_apart is not None:
        rounds = _rounds(estimator, boosted, matrix, rows, is_apart)
        boosted.set_params(n_estimators=rounds)
    boosted.set_params(**{STOPPING: None})
    estimator.fit(matrix, rows.targets, sample_weight=rows.weights)


def _weighed(rows: FitTargets, class_weight: Any) -> FitTargets:
    """The rows with the weights of their classes, besides those of their own."""
    from sklearn.utils.class_weight import compute_sample_weight

    if class_weight is None:
        return rows
    of_classes = compute_sample_weight(class_weight, rows.targets)
    weights = of_classes if rows.weights is None else of_classes * rows.weights
    return replace(rows, weights=weights)


def _rounds(estimator: Any, boosted: Any, matrix: Array, rows: FitTargets, is_apart: Array) -> int:
    """After how many rounds the nights that are set apart are told best."""
    from sklearn.base import clone

    centre = 0.0 if boosted is estimator else float(rows.targets.mean())
    learnt = only(rows, ~is_apart)
    apart = only(rows, is_apart)
    tried = clone(boosted)
    tried.fit(
        matrix[~is_apart],
        learnt.targets - centre,
        sample_weight=learnt.weights,
        eval_set=[(matrix[is_apart], apart.targets - centre)],
        sample_weight_eval_set=None if apart.weights is None else [apart.weights],
        verbose=False,
    )
    return int(tried.best_iteration) + 1


def _quantile(level: float) -> dict[str, Any]:
    return {"objective": "reg:quantileerror", "quantile_alpha": level}


def _forest(estimator: Any) -> Forest:
    boosted = getattr(estimator, "regressor_", estimator)
    model = json.loads(bytes(boosted.get_booster().save_raw("json")))["learner"]
    objective = model["objective"]["name"]
    link = LINKS.get(objective)
    if link is None:
        raise NoTable(f"scores of the objective {objective} are made by no operator of a graph")
    trees, by_turns = _trees(model["gradient_booster"])
    base = [_raw(value, link) for value in json.loads(model["learner_model_param"]["base_score"])]
    if boosted is not estimator:
        base = [base[0] + float(estimator.transformer_.mean_[0])]
    return Forest(trees, tuple(base * (by_turns // len(base))), link=link)


def _raw(score: float, link: Link) -> float:
    if link == "Sigmoid":
        return math.log(score / (1 - score))
    return math.log(score) if link == "Exp" else score


def _trees(booster: Any) -> tuple[list[Nodes], int]:
    """The trees, classes by turns, and how many classes."""
    if booster["name"] == "gblinear":
        raise NoTable("linear boosting has no trees")
    weights = booster.get("weight_drop")
    model = booster["gbtree"]["model"] if weights else booster["model"]
    by_class: dict[int, list[Nodes]] = {}
    for place, (tree, of_class) in enumerate(zip(model["trees"], model["tree_info"], strict=True)):
        weight = float(weights[place]) if weights else 1.0
        by_class.setdefault(of_class, []).append(_nodes(tree, weight))
    turns = zip(*(by_class[of_class] for of_class in sorted(by_class)), strict=True)
    return [nodes for turn in turns for nodes in turn], len(by_class)


def _nodes(tree: Any, weight: float) -> Nodes:
    if any(tree["split_type"]):
        raise NoTable("trees that split on sets of categories have no such layout")
    values = np.asarray(tree["split_conditions"], np.float32)
    nodes = np.zeros(len(values), NODE)
    nodes["left"] = tree["left_children"]
    nodes["right"] = tree["right_children"]
    nodes["is_leaf"] = nodes["left"] < 0
    nodes["feature_idx"] = tree["split_indices"]
    # A row goes left where it is below the threshold: at most the number before it.
    nodes["num_threshold"] = np.nextafter(values, np.float32(-np.inf))
    nodes["missing_go_to_left"] = tree["default_left"]
    nodes["value"] = np.where(nodes["is_leaf"], values * np.float32(weight), 0)
    return nodes


TRAINER = Trainer(
    name="xgboost",
    layout="trees",
    trusted=(
        "xgboost.core.Booster",
        "xgboost.sklearn.XGBClassifier",
        "xgboost.sklearn.XGBRegressor",
    ),
    build=_build,
    fit_estimator=_fit,
    fit_categories=in_order_of_labels,
    quantile=_quantile,
    forest=_forest,
    packages=("scikit-learn", "skops", "xgboost-cpu"),
    rounds="n_estimators",
)

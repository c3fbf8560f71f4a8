"""LightGBM's boosted trees, leaf by leaf: nulls, categories in the order of their labels, numbers as they are."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from nightshift.concurrency import CELLS_OF_ONE_THREAD
from nightshift.extras import require
from nightshift.modelling.arrays import Array
from nightshift.modelling.label_types import label_type
from nightshift.modelling.label_types.base import Link
from nightshift.spec import ModelSpec
from nightshift.training.coded import coded, in_order_of_labels
from nightshift.training.forest import NODE, Forest, Nodes, NoTable, centred
from nightshift.training.night_stopping import only, set_apart
from nightshift.training.parameters import boosted_parameters, require_known
from nightshift.training.trainer import PipelineParts, Trainer
from nightshift.training.training_rows import FitTargets

STOPPING = "early_stopping_rounds"
BESIDE_THE_SIGNATURE = frozenset({
    "alpha",
    "boost_from_average",
    "data_sample_strategy",
    "drop_rate",
    "extra_trees",
    "fair_c",
    "feature_fraction_bynode",
    "interaction_constraints",
    "is_unbalance",
    "max_bin",
    "max_delta_step",
    "max_drop",
    "min_data_in_bin",
    "min_data_per_group",
    "monotone_constraints",
    "monotone_constraints_method",
    "monotone_penalty",
    "neg_bagging_fraction",
    "other_rate",
    "path_smooth",
    "pos_bagging_fraction",
    "poisson_max_delta_step",
    "scale_pos_weight",
    "sigmoid",
    "skip_drop",
    "top_rate",
    "tweedie_variance_power",
    "uniform_drop",
    "use_missing",
})
"""Parameters of the library that its signature takes as others: none of those that name files or machines."""
LINKS: dict[str, Link] = {
    "binary": "Sigmoid",
    "multiclass": "Softmax",
    "regression": "Identity",
    "regression_l1": "Identity",
    "huber": "Identity",
    "fair": "Identity",
    "quantile": "Identity",
    "mape": "Identity",
    "poisson": "Exp",
    "gamma": "Exp",
    "tweedie": "Exp",
}
"""What makes scores of raw ones, by objective."""


def _build(spec: ModelSpec) -> PipelineParts:
    require("boosting", "the trainer lightgbm", "lightgbm")
    from lightgbm import LGBMClassifier, LGBMRegressor

    estimators = {"classifier": LGBMClassifier, "regressor": LGBMRegressor}
    estimator = estimators[label_type(spec).estimator_type]
    parameters = boosted_parameters(spec)
    require_known(parameters, estimator, BESIDE_THE_SIGNATURE | {STOPPING})
    _require_plain(parameters)
    # The same trees for the same rows, however many threads there are.
    same_trees = {"deterministic": True, "force_row_wise": True, "verbosity": -1}
    return coded(estimator(random_state=spec.training.seed, **same_trees, **parameters))


def _require_plain(parameters: dict[str, Any]) -> None:
    """Raises ``ValueError`` for a text that the library would read as further parameters: files and machines, too."""
    for name, value in parameters.items():
        for text in _texts(value):
            if "=" in text or any(map(str.isspace, text)):
                raise ValueError(f"The {name!r} parameter of it must be one word. Got {text!r} instead.")


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for part in (*value, *value.values()):
            yield from _texts(part)
    elif isinstance(value, (list, tuple)):
        for part in value:
            yield from _texts(part)


def _fit(estimator: Any, matrix: Array, rows: FitTargets) -> None:
    from lightgbm.basic import LightGBMError

    threads = estimator.n_jobs
    if threads is None and matrix.size <= CELLS_OF_ONE_THREAD:
        estimator.set_params(n_jobs=1)
    try:
        _fit_rounds(estimator, matrix, rows)
    except LightGBMError as error:
        # Behind it stands where in its source the library says so.
        reason, *_ = str(error).split(" at /")
        raise ValueError(reason) from error
    finally:
        estimator.set_params(n_jobs=threads)


def _fit_rounds(estimator: Any, matrix: Array, rows: FitTargets) -> None:
    """Fit, for as many rounds as the newest nights say where it stops early."""
    from lightgbm import early_stopping

    # Trees that are weighed anew each round are not fewer of the same.
    patience = None if estimator.boosting_type == "dart" else estimator.get_params().get(STOPPING)
    estimator.set_params(**{STOPPING: None})
    is_apart = set_apart(rows, are_classes=hasattr(estimator, "predict_proba")) if patience else None
    if is_apart is not None:
        learnt = only(rows, ~is_apart)
        apart = only(rows, is_apart)
        estimator.fit(
            matrix[~is_apart],
            learnt.targets,
            sample_weight=learnt.weights,
            eval_X=matrix[is_apart],
            eval_y=apart.targets,
            eval_sample_weight=None if apart.weights is None else [apart.weights],
            callbacks=[early_stopping(patience, verbose=False)],
        )
        estimator.set_params(n_estimators=max(1, estimator.best_iteration_))
    estimator.fit(matrix, rows.targets, sample_weight=rows.weights)


def _quantile(level: float) -> dict[str, Any]:
    return {"objective": "quantile", "alpha": level}


def _forest(estimator: Any) -> Forest:
    model = estimator.booster_.dump_model()
    objective, *options = model["objective"].split()
    link = LINKS.get(objective)
    if link is None or "sqrt" in options:
        raise NoTable(f"scores of the objective {model['objective']} are made by no operator of a graph")
    trees = [_nodes(tree) for tree in model["tree_info"]]
    outputs = model["num_tree_per_iteration"]
    slope = outputs / len(trees) if model["average_output"] else 1.0
    if objective == "binary":
        slope *= _option(options, "sigmoid")
    forest = Forest(trees, (0.0,) * outputs, slope, link)
    return centred(forest)


def _option(options: list[str], name: str) -> float:
    pairs = dict(option.split(":", maxsplit=1) for option in options)
    return float(pairs.get(name, 1.0))


def _nodes(tree: Any) -> Nodes:
    """One tree as a table, the root first."""
    rows: list[dict[str, Any]] = []
    waiting = [(tree["tree_structure"], -1, "")]
    while waiting:
        node, parent, side = waiting.pop()
        place = len(rows)
        if parent >= 0:
            rows[parent][side] = place
        rows.append(_row(node))
        if "split_feature" in node:
            waiting.append((node["right_child"], place, "right"))
            waiting.append((node["left_child"], place, "left"))
    nodes = np.zeros(len(rows), NODE)
    for place, row in enumerate(rows):
        for name, value in row.items():
            nodes[place][name] = value
    return nodes


def _row(node: Any) -> dict[str, Any]:
    if "split_feature" not in node:
        if "leaf_coeff" in node:
            raise NoTable("trees with a linear model in each leaf have no such layout")
        return {"is_leaf": True, "value": node["leaf_value"]}
    if node["decision_type"] != "<=":
        raise NoTable("trees that split on sets of categories have no such layout")
    return {
        "feature_idx": node["split_feature"],
        "num_threshold": node["threshold"],
        "missing_go_to_left": _null_goes_left(node),
    }


def _null_goes_left(node: Any) -> bool:
    """Where training met no null, one counts as 0."""
    if node["missing_type"] == "NaN":
        return bool(node["default_left"])
    if node["missing_type"] == "None":
        return bool(node["threshold"] >= 0.0)
    raise NoTable("trees to which a zero is missing have no such layout")


TRAINER = Trainer(
    name="lightgbm",
    layout="trees",
    trusted=(
        "collections.OrderedDict",
        "lightgbm.basic.Booster",
        "lightgbm.sklearn.LGBMClassifier",
        "lightgbm.sklearn.LGBMRegressor",
    ),
    build=_build,
    fit_estimator=_fit,
    fit_categories=in_order_of_labels,
    quantile=_quantile,
    forest=_forest,
    packages=("scikit-learn", "skops", "lightgbm"),
    rounds="n_estimators",
)

"""What may be trained, by name or by path, and the kinds of label that each is for.

A spec is checked without a training library; the trainers themselves are in ``training.trainers``.
"""

import re
from typing import Annotated

from pydantic import AfterValidator, WithJsonSchema

from nightshift.spec.label import LabelKind

CLASSES: frozenset[LabelKind] = frozenset({"binary", "multiclass"})
NUMBERS: frozenset[LabelKind] = frozenset({"regression"})
ALL = CLASSES | NUMBERS
TREES = ALL | frozenset[LabelKind]({"quantile", "multilabel"})
"""What trees learn besides, by a fit for each part of the label."""
NAMED: dict[str, frozenset[LabelKind]] = {
    "hist_gradient_boosting": TREES,
    "logistic_regression": CLASSES,
    "ridge": NUMBERS,
    "elastic_net": NUMBERS,
    "huber": NUMBERS,
    "tweedie": NUMBERS,
    "neural_network": ALL,
    "tabular_network": ALL,
    "lightgbm": TREES,
    "xgboost": TREES,
}
PATH_PATTERN = r"^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)+$"
PATH = re.compile(PATH_PATTERN)
EXAMPLE = "sklearn.linear_model.BayesianRidge"


def labels_of(trainer: str) -> frozenset[LabelKind]:
    """The kinds of label that a trainer is for; an estimator by path says of which kind it is when it is tried."""
    return NAMED.get(trainer, ALL)


def is_path(trainer: str) -> bool:
    """Whether it is an estimator by its dotted path, none of the names."""
    return trainer not in NAMED


def _checked(text: str) -> str:
    if text in NAMED or PATH.fullmatch(text):
        return text
    names = ", ".join(map(repr, NAMED))
    raise ValueError(f"got {text!r}, allowed: {names} or an estimator by its path, as {EXAMPLE!r}")


TrainerName = Annotated[
    str,
    AfterValidator(_checked),
    WithJsonSchema({"anyOf": [{"enum": list(NAMED)}, {"type": "string", "pattern": PATH_PATTERN}]}),
]

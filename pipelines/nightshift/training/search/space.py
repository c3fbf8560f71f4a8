"""What may be tried: the candidates of model.yaml, or its own trainer over the usual ranges and a linear one."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nightshift.spec import ModelSpec
from nightshift.spec.parameters import Parameter
from nightshift.spec.search import Range, SearchCandidate, with_recipe

AS_IT_STANDS = 0
"""The number of the recipe that model.yaml has."""
RATE = Range(low=0.02, high=0.2, log=True)
USUAL: dict[str, dict[str, Range]] = {
    "hist_gradient_boosting": {
        "max_iter": Range(low=50, high=600, log=True),
        "learning_rate": RATE,
        "max_leaf_nodes": Range(low=4, high=127, log=True),
        "min_samples_leaf": Range(low=5, high=200, log=True),
        "l2_regularization": Range(low=0.001, high=100.0, log=True),
        "max_features": Range(low=0.3, high=1.0),
    },
    "lightgbm": {
        "n_estimators": Range(low=50, high=600, log=True),
        "learning_rate": RATE,
        "num_leaves": Range(low=4, high=127, log=True),
        "min_child_samples": Range(low=5, high=200, log=True),
        "reg_lambda": Range(low=0.001, high=100.0, log=True),
        "colsample_bytree": Range(low=0.3, high=1.0),
    },
    "xgboost": {
        "n_estimators": Range(low=50, high=600, log=True),
        "learning_rate": RATE,
        "max_depth": Range(low=2, high=10),
        "min_child_weight": Range(low=1.0, high=100.0, log=True),
        "reg_lambda": Range(low=0.001, high=100.0, log=True),
        "colsample_bytree": Range(low=0.3, high=1.0),
    },
    "logistic_regression": {"C": Range(low=0.001, high=100.0, log=True)},
    "ridge": {"alpha": Range(low=0.01, high=1000.0, log=True)},
    "neural_network": {
        "hidden_layer_sizes": Range(choices=("32", "64-32", "128-64")),
        "alpha": Range(low=1e-5, high=0.1, log=True),
        "learning_rate_init": Range(low=3e-4, high=0.01, log=True),
    },
    "tabular_network": {
        "hidden_layer_sizes": Range(choices=("64", "128-64", "256-128")),
        "dropout": Range(low=0.0, high=0.5),
        "weight_decay": Range(low=1e-5, high=0.1, log=True),
        "learning_rate_init": Range(low=3e-4, high=0.01, log=True),
    },
}
"""Of a trainer that is searched without ranges of its own: wide enough for small sets and large ones."""
LINEAR = {"binary": "logistic_regression", "multiclass": "logistic_regression", "regression": "ridge"}


@dataclass(frozen=True)
class SearchPoint:
    """A recipe: values for the ranges of a candidate; that of number 0 has none."""

    candidate: int
    values: dict[str, Parameter]


@dataclass(frozen=True)
class Space:
    """All recipes that a search may come to; candidates are numbered from 1."""

    spec: ModelSpec
    candidates: tuple[SearchCandidate, ...]

    @property
    def numbers(self) -> list[int]:
        """Those of the candidates."""
        last = len(self.candidates)
        return list(range(1, last + 1))

    def as_json(self) -> list[dict[str, Any]]:
        """The candidates, as a record keeps them."""
        return [candidate.model_dump(mode="json") for candidate in self.candidates]

    def ranges(self, candidate: int) -> dict[str, Range]:
        """What is searched of a candidate."""
        if candidate == AS_IT_STANDS:
            return {}
        return self.candidates[candidate - 1].ranges

    def size(self, candidate: int) -> float:
        """How many recipes it holds."""
        size = 1.0
        for allowed in self.ranges(candidate).values():
            size *= len(allowed.choices) or float("inf")
        return size

    def recipe(self, point: SearchPoint) -> ModelSpec:
        """The spec in which a point is what is trained."""
        if point.candidate == AS_IT_STANDS:
            return self.spec
        place = point.candidate - 1
        chosen = self.candidates[place]
        parameters = dict(chosen.parameters)
        parameters.update(point.values)
        return with_recipe(self.spec, chosen.trainer, parameters)

    def nearest(self, point: SearchPoint) -> SearchPoint:
        """What model.yaml has as a point of its trainer's candidate, as far as that has ranges for it; others as is."""
        training = self.spec.training
        if point.candidate != AS_IT_STANDS:
            return point
        for number, candidate in enumerate(self.candidates, start=1):
            if candidate.trainer == training.trainer:
                values = _within(candidate.ranges, training.parameters)
                return SearchPoint(number, values)
        return point

    def holds(self, point: SearchPoint) -> bool:
        """Whether a point is one of these recipes: a record in the lake may say anything."""
        if point.candidate not in [AS_IT_STANDS, *self.numbers]:
            return False
        ranges = self.ranges(point.candidate)
        if set(ranges) != set(point.values):
            return False
        for name, allowed in ranges.items():
            value = point.values[name]
            if not is_within(allowed, value):
                return False
        return True


def _within(ranges: Mapping[str, Range], parameters: Mapping[str, Parameter]) -> dict[str, Parameter]:
    """The parameters that ranges hold."""
    values = {}
    for name, allowed in ranges.items():
        if name not in parameters:
            continue
        value = parameters[name]
        if is_within(allowed, value):
            values[name] = value
    return values


def is_within(allowed: Range, value: object) -> bool:
    """Whether a value is one of a range's."""
    if allowed.choices:
        return _text(value) in map(_text, allowed.choices)
    if allowed.low is None or allowed.high is None:
        return False
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return allowed.low <= value <= allowed.high


def place_of(allowed: Range, value: object) -> int:
    """Which of a range's choices a value is."""
    text = _text(value)
    texts = []
    for choice in allowed.choices:
        texts.append(_text(choice))
    return texts.index(text)


def _text(value: object) -> str:
    """True and 1 are equal, and not the same."""
    return json.dumps(value, sort_keys=True)


def space_of(spec: ModelSpec) -> Space:
    """The candidates of a spec; where it names none, the usual ones."""
    named: tuple[SearchCandidate, ...] = ()
    if spec.search:
        named = spec.search.candidates
    candidates = named or usual_candidates(spec)
    return Space(spec, candidates)


def usual_candidates(spec: ModelSpec) -> tuple[SearchCandidate, ...]:
    """The spec's own trainer over its usual ranges, and a linear one for its kind of label."""
    own = spec.training.trainer
    ranges = USUAL.get(own, {})
    fixed = {}
    for name, value in spec.training.parameters.items():
        if name not in ranges:
            fixed[name] = value
    candidates = []
    if ranges:
        of_own = SearchCandidate(trainer=own, parameters=fixed, ranges=ranges)
        candidates.append(of_own)
    linear = LINEAR.get(spec.label.type)
    if linear and linear != own:
        straight = SearchCandidate(trainer=linear, ranges=USUAL[linear])
        candidates.append(straight)
    return tuple(candidates)

"""Parameters of a trainer that name classes and features, as scikit-learn wants them: by place.

In ``model.yaml`` they are by name: a weight for each class, a direction for each feature, groups of features that may
act together. An estimator sees no names: categories come first there, then numbers.
"""

from typing import Any

from nightshift.spec import ModelSpec
from nightshift.spec.parameters import CLASS_WEIGHT, INTERACTION, MONOTONIC, NO, YES

NO_DIRECTION = 0


def estimator_parameters(spec: ModelSpec) -> dict[str, Any]:
    """The spec's, with places for names; a class that has too few rows to be learnt has none."""
    parameters: dict[str, Any] = dict(spec.training.parameters)
    weights = parameters.get(CLASS_WEIGHT)
    if isinstance(weights, dict):
        parameters[CLASS_WEIGHT] = _by_place(weights, _class_places(spec))
    directions = parameters.get(MONOTONIC)
    if isinstance(directions, dict):
        parameters[MONOTONIC] = [directions.get(name, NO_DIRECTION) for name in _columns(spec)]
    groups = parameters.get(INTERACTION)
    if isinstance(groups, list):
        parameters[INTERACTION] = _groups(spec, groups)
    return parameters


def _columns(spec: ModelSpec) -> list[str]:
    """The features in the order in which an estimator sees them."""
    texts: list[str] = []
    numbers: list[str] = []
    for name in spec.features:
        of_kind = numbers if spec.columns[name].numeric else texts
        of_kind.append(name)
    return [*texts, *numbers]


def _groups(spec: ModelSpec, groups: list[list[str]]) -> list[list[int]]:
    columns = _columns(spec)
    places = []
    for group in groups:
        of_group = [columns.index(name) for name in group]
        places.append(of_group)
    return places


def _class_places(spec: ModelSpec) -> dict[str, int]:
    label = spec.label
    if label.classes:
        return {name: place for place, name in enumerate(label.classes)}
    places = dict.fromkeys(NO, 0) | dict.fromkeys(YES, 1)
    if label.negative is not None:
        places[label.negative] = 0
    if label.positive is not None:
        places[label.positive] = 1
    return places


def _by_place(weights: dict[str, float], places: dict[str, int]) -> dict[int, float]:
    by_place = {}
    for name, weight in weights.items():
        if name in places:
            by_place[places[name]] = weight
    return by_place

"""Parameters of a trainer that name classes and features, as scikit-learn wants them: by place.

In ``model.yaml`` they are by name: a weight for each class, a direction for each feature, groups of features that may
act together. An estimator sees no names: categories come first there, then numbers.
"""

import inspect
from collections.abc import Collection, Mapping
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
    for key in MONOTONIC:
        directions = parameters.get(key)
        if isinstance(directions, dict):
            parameters[key] = [directions.get(name, NO_DIRECTION) for name in _columns(spec)]
    for key in INTERACTION:
        groups = parameters.get(key)
        if isinstance(groups, list):
            parameters[key] = _groups(spec, groups)
    return parameters


def boosted_parameters(spec: ModelSpec) -> dict[str, Any]:
    """The same as libraries of boosted trees call them, whichever of the two names stands in the spec."""
    parameters = estimator_parameters(spec)
    for names in (MONOTONIC, INTERACTION):
        usual, of_library = names
        if usual in parameters:
            parameters[of_library] = parameters.pop(usual)
    return parameters


def require_known(
    parameters: Mapping[str, Any], estimator: Any, besides: Collection[str] = (), without: Collection[str] = ()
) -> None:
    """Raises ``TypeError`` for a parameter that a class, which takes any, does not name.

    ``besides`` are those that it takes unnamed, ``without`` those that are not for a spec.
    """
    known = {*besides}
    for parent in estimator.__mro__:
        known |= set(inspect.signature(parent.__init__).parameters)
    known -= {"self", "args", "kwargs"}
    for name in parameters:
        if name not in known.difference(without):
            raise TypeError(f"unexpected keyword argument '{name}'")


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

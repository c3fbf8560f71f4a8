"""Parameters of a trainer that name classes and features: what they may hold, and whether there is what they name."""

from collections.abc import Iterator, Mapping
from typing import TypeAlias

ParameterValue: TypeAlias = float | int | str | bool | None
Parameter: TypeAlias = ParameterValue | list[ParameterValue] | list[list[str]] | dict[str, ParameterValue]
CLASS_WEIGHT = "class_weight"
MONOTONIC = ("monotonic_cst", "monotone_constraints")
INTERACTION = ("interaction_cst", "interaction_constraints")
"""As scikit-learn calls it, and as libraries of boosted trees do."""
YES = ("1", "true")
NO = ("0", "false")


def with_texts_for_keys(parameters: object) -> object:
    """The same, with the keys of mappings as texts: YAML has 0 and true for them, and JSON has no such keys."""
    if not isinstance(parameters, dict):
        return parameters
    written = {}
    for name, value in parameters.items():
        if isinstance(value, dict):
            value = {_text(key): weight for key, weight in value.items()}
        written[name] = value
    return written


def _text(key: object) -> object:
    if isinstance(key, bool):
        return str(key).lower()
    return str(key) if isinstance(key, int) else key


def named_classes(parameters: Mapping[str, Parameter]) -> list[str]:
    """The classes that have a weight of their own."""
    weights = parameters.get(CLASS_WEIGHT)
    return list(weights) if isinstance(weights, dict) else []


def named_features(parameters: Mapping[str, Parameter]) -> list[str]:
    """The features that are told how to act."""
    named: list[str] = []
    for key in MONOTONIC:
        directions = parameters.get(key)
        if isinstance(directions, dict):
            named += directions
    for key in INTERACTION:
        named += _in_groups(parameters.get(key))
    return named


def _in_groups(groups: object) -> Iterator[str]:
    if not isinstance(groups, list):
        return
    for group in groups:
        if isinstance(group, list):
            yield from group

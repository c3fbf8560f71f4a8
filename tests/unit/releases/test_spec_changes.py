"""What two specs say otherwise is told key by key, and which of it makes another recipe."""

from collections.abc import Callable
from typing import Any

import pytest

from nightshift.releases.spec_changes import RECIPE, SpecChange, recipe_keys, spec_changes
from nightshift.spec import ModelSpec
from nightshift.training.recipe import recipe_sha256

MORE_ITERATIONS = {"max_iter": 40, "learning_rate": 0.2, "max_leaf_nodes": 6, "min_samples_leaf": 10}


def test_a_default_that_is_written_out_is_no_change(spec: ModelSpec, change: Callable[..., ModelSpec]) -> None:
    assert spec_changes(spec, change(spec, training={"folds": 2}, owner=spec.owner)) == []


@pytest.mark.parametrize(
    ("changes", "keys"),
    [
        ({"training": {"parameters": MORE_ITERATIONS}}, ["training.parameters.max_iter"]),
        ({"training": {"seed": 8, "folds": 3}, "predict": {"score": "chance"}}, ["training.seed"]),
        ({"columns": {"weight": {"feature": False, "max": 9}}}, ["columns.weight.feature"]),
        ({"columns": {"hour": {"type": "int16"}}}, ["columns.hour"]),
        ({"label": {"positive": "yes", "delay_days": 3}}, ["label.positive"]),
        ({"columns": {"weight": {"max": 9}}, "gates": {"min_nights": 5}, "drift": {"bins": 7}}, []),
    ],
)
def test_the_recipe_is_told_from_the_rest_to_the_key(
    spec: ModelSpec, change: Callable[..., ModelSpec], changes: dict[str, Any], keys: list[str]
) -> None:
    now = change(spec, **changes)
    assert recipe_keys(spec, now) == keys
    assert (recipe_sha256(now) != recipe_sha256(spec)) == bool(keys)
    assert [each.key for each in spec_changes(spec, now) if each.about == RECIPE] == keys


def test_a_column_that_is_gone_is_a_change_with_what_it_was(spec: ModelSpec) -> None:
    columns = {name: column for name, column in spec.columns.items() if name != "express"}
    now = spec.model_copy(update={"columns": columns})
    assert spec_changes(spec, now) == [SpecChange("columns.express", {"type": "bool"}, None, RECIPE)]


@pytest.mark.parametrize(
    ("changes", "about"),
    [
        ({"partition": {"schedule": "0 5 * * *"}}, "when nights come"),
        ({"partition": {"timezone": "Europe/Berlin"}}, "which nights there are"),
        ({"training": {"schedule": "0 4 * * 1"}}, "when it is trained"),
        ({"training": {"window_days": 20}}, "the next training"),
        ({"gates": {"approval": "always"}}, "what a challenger must show"),
        ({"gates": {"at_least": {"roc_auc": 0.6}}}, "what a challenger must show"),
        ({"predict": {"score": "chance"}}, "what is published"),
        ({"predict": {"shard_rows": 9}}, "what is published"),
        ({"label": {"delay_days": 3}}, "when labels are there"),
        ({"label": {"nulls": ["?"]}}, "how nights are read"),
        ({"search": {"minutes": 5}}, "the next training"),
        ({"shadow": {"nights": 30}}, "what a challenger must show in shadow"),
        ({"canary": {"share": 0.2}}, "who scores a share of rows first"),
        ({"description": "Another text."}, ""),
    ],
)
def test_what_a_change_is_about_is_said(
    spec: ModelSpec, change: Callable[..., ModelSpec], changes: dict[str, Any], about: str
) -> None:
    assert [each.about for each in spec_changes(spec, change(spec, **changes))] == [about]

"""``search`` of model.yaml: what may stand there, what is refused before a byte is read, and what it changes."""

import math
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import ValidationError

from nightshift.contracts import Searched
from nightshift.spec import ModelSpec
from nightshift.spec.search import Range, SearchCandidate, as_chosen
from nightshift.training.recipe import recipe_sha256

Change = Callable[..., ModelSpec]
BOOSTING = "hist_gradient_boosting"
RATE = {"low": 0.01, "high": 0.1}


@pytest.mark.parametrize(
    ("candidate", "message"),
    [
        ({"trainer": "ridge"}, "search.candidates.0.trainer ridge is not for a binary label"),
        ({"trainer": "no_such"}, "allowed: 'hist_gradient_boosting'"),
        ({"trainer": BOOSTING, "range": {}}, "Extra inputs are not permitted"),
        ({"trainer": BOOSTING, "parameters": {"monotonic_cst": {"no": 1}}}, "names no, which is no feature"),
        (
            {"trainer": BOOSTING, "ranges": {"class_weight": {"choices": ["balanced", {"maybe": 2}]}}},
            "names maybe, which is no class of the label",
        ),
        (
            {"trainer": BOOSTING, "parameters": {"learning_rate": 0.1}, "ranges": {"learning_rate": RATE}},
            "learning_rate: fixed by parameters, and searched by ranges",
        ),
        ({"trainer": BOOSTING, "ranges": {"max_iter": {"low": 9, "high": 9}}}, "low 9 is not below high 9"),
        ({"trainer": BOOSTING, "ranges": {"max_iter": {"low": 9}}}, "a range has low and high, or choices"),
        ({"trainer": BOOSTING, "ranges": {"max_iter": {"low": 9, "choices": [1]}}}, "choices, or low and high"),
        ({"trainer": BOOSTING, "ranges": {"max_iter": {"choices": [1, 1]}}}, "choices: each once"),
        ({"trainer": BOOSTING, "ranges": {"learning_rate": {"choices": [math.nan]}}}, "finite numbers only"),
        ({"trainer": BOOSTING, "ranges": {"learning_rate": {"low": 0.1, "high": math.inf}}}, "finite numbers only"),
        ({"trainer": BOOSTING, "ranges": {"learning_rate": {"low": math.nan, "high": 1.0}}}, "finite numbers only"),
        ({"trainer": BOOSTING, "ranges": {"max_iter": {"low": 1, "high": 10**30}}}, "no number beyond"),
        ({"trainer": BOOSTING, "ranges": {"max_iter": {"low": 0, "high": 9, "log": True}}}, "needs a low above 0"),
    ],
)
def test_what_cannot_be_searched_is_said(
    spec: ModelSpec, change: Change, candidate: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValidationError, match=message):
        change(spec, search={"candidates": [candidate]})


def test_a_search_changes_nothing_of_the_recipe_that_model_yaml_has(spec: ModelSpec, change: Change) -> None:
    """So the champion of before is of the same recipe as long as nothing surely better is found."""
    assert spec.search is None
    assert recipe_sha256(change(spec, search={})) == recipe_sha256(spec)


def test_what_was_chosen_is_the_recipe(spec: ModelSpec, change: Change) -> None:
    searched = Searched("m", "run", "ab", "logistic_regression", {"C": 0.5}, trial=3, trials=9, reason="less")
    chosen = as_chosen(spec, searched)
    assert (chosen.training.trainer, chosen.training.parameters) == ("logistic_regression", {"C": 0.5})
    assert recipe_sha256(chosen) != recipe_sha256(spec)
    assert as_chosen(spec, None) is spec


def test_the_keys_of_choices_are_texts_as_those_of_parameters() -> None:
    allowed = Range(choices=("balanced", {0: 1, True: 3}))  # type: ignore[dict-item]
    assert allowed.choices == ("balanced", {"0": 1, "true": 3})


def test_each_end_and_each_choice_is_tried_before_a_training() -> None:
    ranges = {"a": Range(low=1, high=5), "b": Range(choices=("x", "y", "z"))}
    candidate = SearchCandidate(trainer=BOOSTING, parameters={"seed": 1}, ranges=ranges)
    corners = list(candidate.corners())
    assert {corner["a"] for corner in corners} == {1, 5}
    assert {corner["b"] for corner in corners} == {"x", "y", "z"}
    assert all(corner["seed"] == 1 for corner in corners)
    assert len(list(SearchCandidate(trainer=BOOSTING).corners())) == 1

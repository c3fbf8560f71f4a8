"""What says from which score on means yes: one of three at most."""

from collections.abc import Callable
from typing import Any

import pytest
from pydantic import ValidationError

from nightshift.spec import ModelSpec
from nightshift.spec.predict import Predict


@pytest.mark.parametrize(
    ("raw", "threshold"),
    [
        ({}, 0.5),
        ({"threshold": 0.2}, 0.2),
        ({"costs": {"false_alarm": 1, "miss": 3}}, 0.25),
        ({"share": 0.05}, None),
    ],
)
def test_one_of_three_says_it(raw: dict[str, Any], threshold: float | None) -> None:
    assert Predict.model_validate(raw).threshold == threshold


@pytest.mark.parametrize(
    "raw",
    [
        {"share": 0.05, "threshold": 0.5},
        {"share": 0.05, "costs": {"false_alarm": 1, "miss": 3}},
        {"share": 0.0},
        {"share": 1.0},
    ],
)
def test_two_of_them_or_no_share_are_refused(raw: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Predict.model_validate(raw)


def test_a_share_is_for_yes_and_no(of_kind: Callable[..., ModelSpec]) -> None:
    with pytest.raises(ValidationError, match=r"predict\.share is for a binary label"):
        of_kind("regression", predict={"share": 0.05, "threshold": None})

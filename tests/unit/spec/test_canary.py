"""What model.yaml may say of a canary."""

from collections.abc import Callable
from typing import Any

import pytest
from pydantic import ValidationError

from nightshift.spec import ModelSpec
from nightshift.spec.canary import Canary


def test_a_model_has_none_unless_it_says_so(spec: ModelSpec) -> None:
    assert spec.canary is None


def test_an_empty_section_is_enough(spec: ModelSpec, change: Callable[..., ModelSpec]) -> None:
    assert change(spec, canary={}).canary == Canary()


@pytest.mark.parametrize(
    "section",
    [{"share": 0}, {"share": 0.6}, {"min_nights": 9}, {"nights": 12, "min_nights": 13}, {"confidence": 1}],
)
def test_what_could_not_be_held_to_is_refused(
    spec: ModelSpec, change: Callable[..., ModelSpec], section: dict[str, Any]
) -> None:
    with pytest.raises(ValidationError):
        change(spec, canary=section)

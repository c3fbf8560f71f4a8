"""How a version is named on the command line."""

import pytest

from nightshift.errors import UsageError
from nightshift.steps.withdraw import parse_version


@pytest.mark.parametrize(("model", "version"), [("m@3", None), ("m", "3")])
def test_a_version_is_named_after_an_at_or_apart(model: str, version: str | None) -> None:
    assert parse_version(model, version) == ("m", "3")


@pytest.mark.parametrize(("model", "version"), [("m", None), ("m@3", "3"), ("m@", None)])
def test_one_that_is_missing_or_named_twice_is_refused(model: str, version: str | None) -> None:
    with pytest.raises(UsageError) as error:
        parse_version(model, version)
    assert "nightshift withdraw m@VERSION" in str(error.value.fix)

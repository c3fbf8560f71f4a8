"""docs/your-own-data.md: what it shows is what the spec takes."""

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from nightshift.spec import ModelSpec

PAGE = Path(__file__).parents[3] / "docs" / "your-own-data.md"
SHOWN = [line.strip() for line in PAGE.read_text().splitlines() if line.startswith("source: {")]


def test_the_page_shows_all_four_kinds() -> None:
    assert {next(iter(yaml.safe_load(line)["source"])) for line in SHOWN} == {"files", "sql", "callable", "python"}


@pytest.mark.parametrize("line", SHOWN)
def test_each_source_is_one_that_a_spec_takes(shop: Callable[..., ModelSpec], line: str) -> None:
    assert shop(yaml.safe_load(line)["source"]).source is not None

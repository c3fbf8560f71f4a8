"""Expectations that a person wrote in Great Expectations' own format."""

import json
from pathlib import Path
from typing import Any

from nightshift.errors import SpecError


def native(file: Path) -> list[Any]:
    """Expectations in Great Expectations' own words: a JSON list of ``{"type": ..., "kwargs": {...}}``.

    Raises ``SpecError`` for what it does not know.
    """
    from great_expectations.expectations.expectation_configuration import ExpectationConfiguration

    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        expectations = []
        for entry in content:
            configuration = ExpectationConfiguration(**{"kwargs": {}, **entry})
            expectations.append(configuration.to_domain_obj())
        return expectations
    except Exception as error:  # whatever it raises for a person's JSON: its errors have no common root
        first_line, *_ = [*str(error).splitlines(), ""]
        raise SpecError(
            f"{file}: {type(error).__name__}: {first_line[:200]}",
            fix='a JSON list of {"type": "expect_...", "kwargs": {...}}',
        ) from error

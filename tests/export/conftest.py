"""Exports for readers that are heavy, or come from elsewhere: ``make export-test``."""

import os

import pytest

from tests.exports import made, written

__all__ = ["made", "written"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """``TARGET=browser`` asks for the tests of one target, which is what their file is called after."""
    wanted = os.environ.get("TARGET")
    for item in items:
        item.add_marker(pytest.mark.exports)
        if wanted and item.path.stem != f"test_{wanted}":
            item.add_marker(pytest.mark.skip(f"TARGET={wanted}"))

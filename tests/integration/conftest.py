"""The order of files: who takes longest begins first, so that no worker is left alone with it at the end."""

import pytest

LONGEST = (
    "test_optimize",
    "test_tasks",
    "test_own_data",
    "test_snapshot_flights",
    "test_life_goes_on",
    "test_promote",
    "test_outage",
    "test_monitoring",
    "test_matters",
    "test_loop",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Longest first; the others, and the tests of one file, stay in their order."""
    items.sort(key=_place)


def _place(item: pytest.Item) -> int:
    name = item.path.stem
    return LONGEST.index(name) if name in LONGEST else len(LONGEST)

"""The order of files: who takes longest begins first, so that no worker is left alone with it at the end.

A file stays with one worker, and files that share what takes long to prepare stay together.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nightshift.stores import Stores
from tests.loaded_flights import LoadedFlights, load_flights

LONGEST = (
    # The first who sees the flights in the lake: what it says is of nights that nobody joined before.
    "test_snapshot_flights",
    "test_optimize",
    "test_tasks",
    "test_own_data",
    "test_life_goes_on",
    "test_promote",
    "test_outage",
    "test_monitoring",
    "test_matters",
    "test_loop",
)


TOGETHER = {"test_optimize": "flights", "test_snapshot_flights": "flights"}


@pytest.fixture(scope="session")
def loaded_flights(
    repository: Path, open_stores: Callable[..., Stores], tmp_path_factory: pytest.TempPathFactory
) -> LoadedFlights:
    """The example's flights in the lake; whoever trains on them leaves its nights as they are."""
    home = tmp_path_factory.mktemp("flights")
    return load_flights(repository, open_stores(repository, home=home))


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """That of ``--dist loadfile``, which takes files that belong together for one; None where another is asked for."""
    from xdist.scheduler import LoadFileScheduling

    class FilesTogether(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = super()._split_scope(nodeid)
            return TOGETHER.get(Path(file).stem, file)

    return FilesTogether(config, log) if config.getoption("dist") == "loadfile" else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Longest first; the others, and the tests of one file, stay in their order."""
    items.sort(key=_place)


def _place(item: pytest.Item) -> int:
    name = item.path.stem
    return LONGEST.index(name) if name in LONGEST else len(LONGEST)

"""The project's data.dvc can be made again from the source alone, to the last byte. Takes a minute or two."""

from pathlib import Path

import pytest

from nightshift.steps.snapshot import snapshot
from nightshift.stores.snapshots import read_md5
from tests.loaded_flights import PROCESSES, LoadedFlights

pytestmark = pytest.mark.stack


def test_ingesting_afresh_gives_the_md5_that_git_has(repository: Path, loaded_flights: LoadedFlights) -> None:
    pointer = repository / "data.dvc"
    if not pointer.is_file():
        pytest.skip("data.dvc is not in the project yet: nightshift snapshot flight_delays 2013-04-01 --export")
    spec, as_of, stores, loaded = loaded_flights
    assert [one.without_source for one in loaded] == [[]] * PROCESSES
    found = snapshot(spec, as_of, stores)
    assert found.nights == sum(one.loaded for one in loaded)
    assert found.missing == []
    assert found.md5 == read_md5(pointer)

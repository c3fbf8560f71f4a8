"""The project's data.dvc can be made again from the source alone, to the last byte. Takes a minute or two."""

import multiprocessing
import os
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest
import yaml

from nightshift.settings import Settings
from nightshift.spec import ModelSpec, find_spec
from nightshift.steps.load import Loaded, chunks, load, window
from nightshift.steps.snapshot import snapshot
from nightshift.stores import Stores
from nightshift.stores.snapshots import read_md5

pytestmark = pytest.mark.stack

PROCESSES = 2


def load_in_process(spec: ModelSpec, first: str, last: str, settings: Settings, environment: dict[str, str]) -> Loaded:
    os.environ.update(environment)
    return load(spec, first, last, Stores(settings))


def test_ingesting_afresh_gives_the_md5_that_git_has(
    repository: Path, open_stores: Callable[..., Stores], tmp_path: Path
) -> None:
    pointer = repository / "data.dvc"
    if not pointer.is_file():
        pytest.skip("data.dvc is not in the project yet: nightshift snapshot flight_delays 2013-04-01 --export")
    parameters = yaml.safe_load((repository / "params.yaml").read_text())
    spec, as_of = find_spec(repository / "models", parameters["model"]), str(parameters["as_of"])
    stores = open_stores(repository, home=tmp_path / "home")
    ranges = chunks(*window(spec, as_of), parts=PROCESSES)
    home = {"NIGHTSHIFT_HOME": str(tmp_path / "home"), "NIGHTSHIFT_PROJECT": str(repository)}
    with ProcessPoolExecutor(PROCESSES, mp_context=multiprocessing.get_context("spawn")) as pool:
        done = [pool.submit(load_in_process, spec, *nights, stores.settings, home) for nights in ranges]
        loaded = [one.result() for one in done]
    assert [one.without_source for one in loaded] == [[]] * len(ranges)
    found = snapshot(spec, as_of, stores)
    assert found.nights == sum(one.loaded for one in loaded)
    assert found.missing == []
    assert found.md5 == read_md5(pointer)

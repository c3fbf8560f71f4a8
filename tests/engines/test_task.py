"""An engine inside a real task of Airflow: ``dag.test()`` of predict, whose one mapped score gives all shards away."""

from collections.abc import Callable
from pathlib import Path

import pytest

from nightshift.contracts import Dataset
from tests.dags.conftest import migrated_database, migrated_home, runner_of_dags
from tests.engines.world import NIGHT, World, finished, forget

__all__ = ["migrated_database", "migrated_home"]
pytestmark = pytest.mark.engines


@pytest.fixture(scope="module")
def run(world: World, migrated_home: Path) -> Callable[..., tuple[list, str]]:
    return runner_of_dags(world.file.parents[2], world.spec, world.stores, migrated_home)


def test_a_task_of_airflow_launches_an_engine_and_the_run_publishes(
    world: World, engine: str, run: Callable[..., tuple[list, str]]
) -> None:
    file = world.file
    text = file.read_text()
    file.write_text(text.replace("shard_rows: 35", f"shard_rows: 35\n  engine: {engine}"))
    forget(world)
    try:
        ends, printed = run(f"predict:{NIGHT}")
    finally:
        file.write_text(text)
    ((verb, night, state, tasks),) = ends
    assert (verb, night, state) == ("predict", NIGHT, "success"), printed[-4000:]
    assert tasks["score"] == "success"
    assert len([key for key in finished(world) if key.endswith(".parquet")]) == 3
    manifest = world.stores.lake.require(world.spec.key(Dataset.PREDICTIONS, NIGHT))
    assert manifest.rows == 90
    assert manifest.provenance["airflow_dag"] == f"{world.spec.name}.predict"

"""Each kind of trouble of the long runs, with a fixed seed: nothing wrong is ever seen, and clean runs heal."""

import json
from pathlib import Path

import pytest

from tests.faults.chain import PARTITIONS
from tests.faults.lane import Lane
from tests.faults.soak import plus, runs, save
from tests.faults.troubles import TROUBLES, Trouble, came_late, lied_to, paused

pytestmark = pytest.mark.faults


@pytest.mark.parametrize("trouble", TROUBLES)
def test_trouble_and_then_clean_runs_that_heal(lane: Lane, trouble: Trouble) -> None:
    befallen(lane, trouble)


@pytest.mark.parametrize("trouble", [paused, came_late, lied_to])
def test_the_second_store_holds_the_same(second: Lane, trouble: Trouble) -> None:
    befallen(second, trouble)


def test_nothing_is_left_over_and_readers_saw_whole_nights(lane: Lane) -> None:
    done = lane.close()
    assert done["violations"] == []
    assert all(done["reads"].values())


def befallen(lane: Lane, trouble: Trouble) -> None:
    """Once, and healed."""
    trouble(lane, PARTITIONS[0])
    lane.checks.look(PARTITIONS[0])
    lane.heal(PARTITIONS[0])


def test_long_runs_add_up(tmp_path: Path) -> None:
    result = tmp_path / "soak.json"
    for began, faults in (("1", {"late: commit": 2}), ("2", {"late: commit": 3}), ("1", {"late: commit": 7})):
        save({"began": began, "faults": faults, "store": "moto", "code": "1"}, result)
    assert json.loads(result.read_text())["kinds"]["late"] == {"faults": 10, "on_moto": 10, "bound": 0.3}
    assert sorted((run["began"], run["faults"]["late: commit"]) for run in runs(result)) == [("1", 7), ("2", 3)]


def test_sums_are_of_each_kind() -> None:
    assert plus({"late: commit": 2}, {"late: commit": 3, "killed: at a request": 1}) == {
        "late: commit": 5,
        "killed: at a request": 1,
    }

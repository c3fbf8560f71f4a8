"""Each kind of trouble of the long runs once or twice, with a fixed seed: nothing wrong is ever seen, and all heals."""

from collections.abc import Iterator

import pytest

from tests.faults.chain import PARTITIONS
from tests.faults.lane import Lane
from tests.faults.soak import plus, runs, save
from tests.faults.troubles import TROUBLES, Trouble, store_killed

pytestmark = pytest.mark.faults

SEED = 20130401


@pytest.fixture(scope="module")
def lane() -> Iterator[Lane]:
    with Lane("seaweedfs", SEED) as lane:
        yield lane
        assert lane.close()["violations"] == []


@pytest.fixture(scope="module")
def second() -> Iterator[Lane]:
    with Lane("moto", SEED) as lane:
        yield lane
        assert lane.close()["violations"] == []


@pytest.mark.parametrize("trouble", TROUBLES)
def test_trouble_and_then_clean_runs_that_heal(lane: Lane, trouble: Trouble) -> None:
    befallen(lane, trouble)


@pytest.mark.parametrize("trouble", [each for each in TROUBLES if each is not store_killed])
def test_the_second_store_holds_the_same(second: Lane, trouble: Trouble) -> None:
    befallen(second, trouble)


def befallen(lane: Lane, trouble: Trouble) -> None:
    partition = PARTITIONS[0]
    lane.violations.clear()
    trouble(lane, partition)
    lane.checks.look(partition)
    lane.heal(partition)
    assert lane.violations == []


def test_long_runs_add_up(tmp_path: object) -> None:
    result = tmp_path / "soak.json"  # type: ignore[operator]
    for began, faults in (("1", {"late: commit": 2}), ("2", {"late: commit": 3}), ("1", {"late: commit": 7})):
        save({"began": began, "faults": faults}, result)
    assert sorted((run["began"], run["faults"]["late: commit"]) for run in runs(result)) == [("1", 7), ("2", 3)]
    assert plus({"late: commit": 2}, {"late: commit": 3, "killed: at a request": 1}) == {
        "late: commit": 5,
        "killed: at a request": 1,
    }

"""A lake that an earlier version wrote is explained, monitored, governed, scored on and maintained by this one.

``tests/recorded/lake-<commit>.zip`` was written by that commit: a small model trained on 2024-01-02 to 11, three
nights scored, rows in quarantine on the 13th (twice, so that a generation of it is not named any more), drift and
a retrain on the 14th. Its ``index.json`` has the metadata of objects, and which are copies of another.
"""

import datetime as dt
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from nightshift.contracts import Dataset, PartitionRef, Pin
from nightshift.monitoring.night_record import read_night_record
from nightshift.orchestration.web.overview import overview
from nightshift.spec import ModelSpec, load_spec
from nightshift.steps.explain import explain
from nightshift.steps.govern import govern, read_decisions
from nightshift.steps.ingest import ingest, ingest_labels
from nightshift.steps.maintain import sweep
from nightshift.steps.monitor import monitor
from nightshift.steps.plan import plan
from nightshift.steps.publish import publish
from nightshift.steps.score import score
from nightshift.steps.validate import validate
from nightshift.stores import Stores

pytestmark = pytest.mark.stack

RECORDED = sorted((Path(__file__).parents[1] / "recorded").glob("lake-*.zip"))
NIGHTS = ["2024-01-12", "2024-01-13", "2024-01-14"]
LAST, NEXT = NIGHTS[-1], "2024-01-15"


class World(NamedTuple):
    """The recorded lake in a real store."""

    spec: ModelSpec
    stores: Stores
    pin: Pin


def restore(lake: zipfile.ZipFile, objects: Any, index: dict[str, dict[str, Any]]) -> None:
    for key, entry in index.items():
        objects._client.put_object(
            Bucket=objects.bucket,
            Key=objects._prefix + key,
            Body=lake.read(entry.get("same_as", key)),
            Metadata=entry.get("metadata", {}),
        )


@pytest.fixture(params=RECORDED, ids=lambda file: file.stem)
def world(
    request: pytest.FixtureRequest,
    make_project: Callable[..., Path],
    open_stores: Callable[[Path], Stores],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> World:
    with zipfile.ZipFile(request.param) as lake:
        index = json.loads(lake.read("index.json"))
        folder = make_project(tmp_path / "project", name="orders", **index["changes"])
        stores = open_stores(folder.parents[1])
        restore(lake, stores.lake.objects, index["objects"])
    pin = Pin(**index["pin"])
    monkeypatch.setattr(stores.registry, "champion", lambda _: pin)
    return World(load_spec(folder / "model.yaml"), stores, pin)


def predict(world: World, night: str) -> PartitionRef:
    decided = plan(world.spec, night, world.stores)
    results = [score(world.spec, decided, shard, world.stores) for shard in decided.shards]
    return publish(world.spec, decided, results, world.stores)


def test_where_a_night_came_from_is_explained(world: World) -> None:
    lake = world.stores.lake
    row = lake.read(lake.require(world.spec.key(Dataset.QUARANTINE, NIGHTS[1]))).to_pylist()[0]
    row_key = tuple(f"{name}={row[name]}" for name in world.spec.keys)
    facts = explain(world.spec, NIGHTS[1], world.stores, row_key)
    assert (facts["predictions"]["rows"], facts["version"]["number"]) == (87, "1")
    assert facts["input"]["unchanged"]
    assert facts["input"]["validation"]["rows_quarantined"] == 3
    assert facts["training"]["trained_through"] == "2024-01-11"
    (quarantined,) = facts["row"]["quarantined"]
    assert quarantined["values"]["amount"] == -5.0


def test_a_night_is_scored_again_with_the_same_rows(world: World) -> None:
    lake, night = world.stores.lake, world.spec.key(Dataset.PREDICTIONS, LAST)
    before = lake.read(lake.require(night))
    predict(world, LAST)
    assert lake.read(lake.require(night)).equals(before)


def test_a_night_is_monitored_and_decided_again_with_the_same_result(world: World) -> None:
    recorded = read_night_record(world.spec, LAST, world.stores)
    decisions = list(read_decisions(world.spec, world.stores))
    report = monitor(world.spec, LAST, world.stores)
    assert read_night_record(world.spec, LAST, world.stores) == recorded
    assert (report.drifted, report.worst, report.accuracy_nights) == (True, "amount", ["2024-01-13"])
    assert govern(world.spec, report, world.stores) == decisions[-1].decision
    assert list(read_decisions(world.spec, world.stores)) == decisions


def test_the_next_night_rests_on_the_records_of_those_before(world: World) -> None:
    ingest(world.spec, NEXT, world.stores)
    ingest_labels(world.spec, world.spec.labelled_night(NEXT), world.stores)
    validate(world.spec, NEXT, world.stores)
    assert predict(world, NEXT).rows == 90
    report = monitor(world.spec, NEXT, world.stores)
    assert report.accuracy_nights == [LAST]
    decision = govern(world.spec, report, world.stores)
    assert not decision.retrain
    assert f"({LAST}), 1 needed; suppressed: {LAST} started a retrain" in decision.reason


def test_the_pages_show_its_nights(world: World) -> None:
    model = overview(world.spec, world.stores)
    assert model.champion == "1"
    rows = [(row.partition, row.state, row.rows, row.version, row.verdict, row.quarantined) for row in model.nights]
    assert rows == [
        (NIGHTS[2], "published", 90, "1", "drift", 0),
        (NIGHTS[1], "published", 87, "1", "quiet", 3),
        (NIGHTS[0], "published", 90, "1", "quiet", 0),
        ("2024-01-11", "validated", None, "", "", 0),
    ]


def test_it_is_maintained_and_every_night_stays_whole(world: World) -> None:
    lake = world.stores.lake
    keys = [world.spec.key(dataset, night) for dataset in Dataset for night in lake.partitions(dataset, "orders")]
    before = {key: lake.read(lake.require(key)) for key in keys}
    done = sweep(world.spec, world.stores, dt.timedelta(0))
    assert (done.nights, done.healed, done.strays) == (len(keys), 0, 0)
    assert {key: lake.read(lake.require(key)) for key in keys} == before
    assert predict(world, LAST).rows == 90

"""What matters, on real services: kept with a version, told of its nights, by a sample that no shard changes."""

import hashlib
import io
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from nightshift.contracts import Dataset, Pin, Plan, ShardResult
from nightshift.monitoring.matters.record import Matters
from nightshift.monitoring.matters.reference import MattersReference, load_reference, load_rows
from nightshift.monitoring.night_record import read_night_record
from nightshift.scoring import sample
from nightshift.spec import ModelSpec, load_spec
from nightshift.steps._sample import keep_sample
from nightshift.steps.evaluate import evaluate
from nightshift.steps.load import load
from nightshift.steps.monitor import monitor
from nightshift.steps.optimize import optimize
from nightshift.steps.plan import plan
from nightshift.steps.predict import predict
from nightshift.steps.promote import promote
from nightshift.steps.publish import publish
from nightshift.steps.retract import retract
from nightshift.steps.score import score
from nightshift.steps.snapshot import snapshot
from nightshift.steps.train import register, train
from nightshift.stores import Stores, layout, parquet
from nightshift.stores.garbage import named

pytestmark = pytest.mark.stack

FIRST, AS_OF = "2024-01-02", "2024-01-27"
NIGHT, NEXT, LARGE = "2024-01-28", "2024-01-29", "2024-01-30"
ROWS = 90
Change = Callable[..., ModelSpec]


class World(NamedTuple):
    """A champion that was trained on 24 nights, and three nights after them in row groups of 20."""

    spec: ModelSpec
    stores: Stores


@pytest.fixture(scope="module")
def world(
    make_project: Callable[..., Path], open_stores: Callable[..., Stores], tmp_path_factory: pytest.TempPathFactory
) -> World:
    folder = make_project(
        tmp_path_factory.mktemp("matters"),
        training={"window_days": 24, "holdout_days": 6},
        predict={"shard_rows": 35},
    )
    spec, stores = load_spec(folder / "model.yaml"), open_stores(folder.parents[1])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parquet, "ROW_GROUP_ROWS", 20)
        load(spec, FIRST, LARGE, stores)
    trained = train(spec, snapshot(spec, AS_OF, stores), stores)
    promote(spec, evaluate(spec, optimize(spec, register(spec, trained, stores), stores), stores), stores)
    return World(spec, stores)


def pin_of(world: World) -> Pin:
    pin, _ = world.stores.aliases.champion(world.spec.name)
    return pin


def reference(world: World) -> MattersReference:
    found = load_reference(pin_of(world), world.stores.lake)
    assert found is not None
    return found


def told(world: World, night: str) -> Matters:
    predict(world.spec, night, world.stores)
    monitor(world.spec, night, world.stores)
    record = read_night_record(world.spec, night, world.stores)
    assert record is not None
    assert record.matters is not None
    return record.matters


def test_a_version_keeps_what_says_which_drift_matters(world: World) -> None:
    found = reference(world)
    added = {one.name: one.loss_added for one in found.importances}
    assert set(added) == {*world.spec.features, "score"}
    assert added["kind"] > added["weight"] + 0.01
    assert found.estimate is not None
    assert len(found.estimate.nights) == 12
    assert found.domain is not None
    assert len(found.domain.areas) == 24
    assert [(one.column, one.value) for one in found.slices.slices] == [
        ("site", site) for site in sorted({"east", "north", "south"}, key=lambda site: -of_site(world, site))
    ]
    pin = pin_of(world)
    assert load_rows(pin, found, world.stores.lake).num_rows <= 20_000


def of_site(world: World, site: str) -> int:
    (found,) = [one for one in reference(world).slices.slices if one.value == site]
    return sum(map(sum, found.counts[0]))


def test_a_quiet_night_is_told_and_alarms_nothing(world: World) -> None:
    first = told(world, NIGHT)
    assert first.rows == ROWS
    assert first.notes == []
    assert first.estimate is not None
    assert first.estimate.limit is not None
    assert first.estimate.low < first.estimate.estimate < first.estimate.high
    assert first.domain is not None
    assert first.domain.above is False
    assert {one.value for one in first.slices} <= {"east", "north", "south"}
    again = told(world, NEXT)
    assert {one.night for one in again.slice_accuracy} == {NIGHT}
    client = world.stores.registry.client
    experiment = client.get_experiment_by_name(f"{world.spec.name}.monitoring").experiment_id
    (run,) = client.search_runs([experiment])
    assert run.data.metrics["matters.estimated_loss"] == pytest.approx(again.estimate.estimate)
    assert "matters.weight.amount" in run.data.metrics


def test_the_sample_of_a_night_is_the_same_however_it_is_cut(
    world: World, change: Change, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sample, "MOST_ROWS", 40)
    whole = sampled(change(world.spec, predict={"shard_rows": 1000}), world.stores, shards=1)
    cut = sampled(world.spec, world.stores, shards=3)
    assert whole.num_rows == 40
    assert cut.equals(whole)
    assert {"number", "site", "amount", "score"} <= {*cut.column_names}


def sampled(spec: ModelSpec, stores: Stores, shards: int) -> pa.Table:
    decided: Plan = plan(spec, LARGE, stores)
    results: list[ShardResult] = [score(spec, decided, shard, stores) for shard in decided.shards]
    assert len(results) == shards
    return read_sample(keep_sample(spec, decided, results, stores), stores)


def read_sample(said: dict[str, dict[str, str | int]], stores: Stores) -> pa.Table:
    body, _ = stores.lake.objects.get(said["sample"]["key"])
    assert hashlib.sha256(body).hexdigest() == said["sample"]["sha256"]
    return pq.read_table(io.BytesIO(body))


def test_a_large_night_is_told_by_its_sample_which_goes_with_it(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sample, "MOST_ROWS", 40)
    assert told(world, LARGE).rows == 40
    manifest = world.stores.lake.require(world.spec.key(Dataset.PREDICTIONS, LARGE))
    assert read_sample(manifest.provenance, world.stores).num_rows == 40
    key = manifest.provenance["sample"]["key"]
    assert key in set(named(manifest))
    retract(world.spec, LARGE, world.stores, dataset=Dataset.PREDICTIONS, why="a test")
    assert key not in set(named(world.stores.lake.manifest(manifest.key)))


def test_a_lost_part_of_the_sample_stops_no_night(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sample, "MOST_ROWS", 40)
    decided = plan(world.spec, LARGE, world.stores)
    results = [score(world.spec, decided, shard, world.stores) for shard in decided.shards]
    world.stores.lake.objects.delete(layout.shard_sample(results[0].key))
    assert publish(world.spec, decided, results, world.stores).rows == ROWS
    manifest = world.stores.lake.require(world.spec.key(Dataset.PREDICTIONS, LARGE))
    assert "sample" not in manifest.provenance


def test_a_damaged_reference_stops_no_monitoring(world: World, caplog: pytest.LogCaptureFixture) -> None:
    pin = pin_of(world)
    key = layout.reference(world.spec.name, pin.sha256, pin.reference_sha256)
    body, _ = world.stores.lake.objects.get(key)
    world.stores.lake.objects.put(key, body + b" ")
    monitor(world.spec, NEXT, world.stores)
    world.stores.lake.objects.put(key, body)
    assert read_night_record(world.spec, NEXT, world.stores).matters is None
    assert "not as it was written" in caplog.text

"""A partition column with another name: one clear error before anything is written, and the verb that moves nights."""

from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from nightshift.contracts import Dataset
from nightshift.errors import LaterRecord, UsageError
from nightshift.spec import ModelSpec
from nightshift.steps.ingest import ingest, ingest_labels
from nightshift.steps.load import load
from nightshift.steps.migrate import migrate
from nightshift.steps.monitor import monitor
from nightshift.steps.plan import plan
from nightshift.steps.retract import retract
from nightshift.steps.snapshot import snapshot
from nightshift.steps.validate import reports_of, validate
from nightshift.stores import Stores, layout
from nightshift.stores.lake import Lake
from nightshift.stores.manifest import Manifest

pytestmark = pytest.mark.stack

NIGHT, OTHER, TAKEN, NEXT = "2024-01-02", "2024-01-03", "2024-01-04", "2024-01-05"
TABLE = pa.table({"n": pa.array(range(50), pa.int32())})


@pytest.fixture
def lake(stores: Stores) -> Lake:
    return stores.lake


@pytest.fixture
def renamed(spec: ModelSpec, stores: Stores, change: Callable[..., ModelSpec]) -> ModelSpec:
    """A model whose nights lie under ``day``, and whose spec says ``date`` now."""
    ingest(spec, NIGHT, stores)
    ingest_labels(spec, NIGHT, stores)
    validate(spec, NIGHT, stores)
    publish(spec, stores.lake, NIGHT, 20)
    publish(spec, stores.lake, OTHER, 30)
    publish(spec, stores.lake, TAKEN, 40)
    retract(spec, TAKEN, stores, dataset=Dataset.PREDICTIONS)
    stores.lake.objects.put(layout.drift_report(spec.key(Dataset.PREDICTIONS, OTHER)), b"<html>")
    return change(spec, partition={"column": "date"})


def publish(spec: ModelSpec, lake: Lake, night: str, rows: int) -> None:
    draft = lake.begin(spec.key(Dataset.PREDICTIONS, night))
    lake.publish(draft, TABLE.slice(0, rows), provenance={}, inputs={"validated": 3})


def plain_rows(lake: Lake, spec: ModelSpec) -> dict[str, int]:
    """What somebody sees who reads all predictions: rows of each night, by its folder."""
    counts = {}
    for key in lake.objects.keys(layout.served(Dataset.PREDICTIONS, spec.name)):
        if layout.is_parquet(key):
            counts[key.split("/")[2]] = pq.read_table(lake.objects.open(key)).num_rows
    return counts


def manifests(lake: Lake, spec: ModelSpec) -> dict[str, Manifest]:
    """Every commit record of whatever column."""
    found = {}
    for key in lake.objects.keys("manifests/"):
        night = layout.manifest_in(key)
        manifest = lake.manifest(night) if night and night.model == spec.name else None
        if manifest:
            found[key] = manifest
    return found


def everything(lake: Lake) -> dict[str, bytes]:
    stored = {key: lake.objects.get(key) for key in lake.objects.keys("")}
    return {key: answer[0] for key, answer in stored.items() if answer}


STEPS: dict[str, Callable[[ModelSpec, Stores], Any]] = {
    "ingest": lambda spec, stores: ingest(spec, NEXT, stores),
    "ingest again": lambda spec, stores: ingest(spec, NIGHT, stores),
    "labels": lambda spec, stores: ingest_labels(spec, NEXT, stores),
    "validate": lambda spec, stores: validate(spec, NIGHT, stores),
    "plan": lambda spec, stores: plan(spec, NIGHT, stores),
    "load": lambda spec, stores: load(spec, NIGHT, NEXT, stores),
    "snapshot": lambda spec, stores: snapshot(spec, "2024-01-09", stores),
    "retract": lambda spec, stores: retract(spec, NIGHT, stores),
    "require": lambda spec, stores: stores.lake.require(spec.key(Dataset.PREDICTIONS, OTHER)),
}


def test_a_renamed_column_is_one_error_before_anything_is_written(renamed: ModelSpec, stores: Stores) -> None:
    before = everything(stores.lake)
    for name, step in STEPS.items():
        with pytest.raises(UsageError, match="lies under the partition column day, and") as error:
            step(renamed, Stores(stores.settings))
        assert f"nightshift migrate {renamed.name}" in error.value.fix, name
    assert everything(stores.lake) == before


def test_a_step_of_a_night_that_stands_asks_nothing_more(spec: ModelSpec, stores: Stores, monkeypatch: Any) -> None:
    publish(spec, stores.lake, NIGHT, 3)
    monkeypatch.setattr(stores.lake.objects, "first_key", lambda *_: pytest.fail("asked"))
    publish(spec, stores.lake, NIGHT, 4)


def test_all_nights_are_moved_and_nothing_else_changes(renamed: ModelSpec, spec: ModelSpec, stores: Stores) -> None:
    lake, said = stores.lake, []
    before = manifests(lake, spec)
    reports = {key: lake.objects.get(key) for key in lake.objects.keys("reports/")}
    result = migrate(renamed, stores, say=said.append)
    # Two that were taken back: predictions, and what monitoring would have made of them.
    moved = {"raw": 1, "labels": 1, "validated": 1, "quarantine": 1, "predictions": 3, "monitoring": 1}
    assert (result.moved, result.dropped, result.files) == (moved, 0, 3)
    assert f"predictions/{spec.name} {OTHER}: from day to date: moved" in said
    assert [key for key in lake.objects.keys("") if "/day=" in key] == []
    assert plain_rows(lake, spec) == {f"date={NIGHT}": 20, f"date={OTHER}": 30}
    after = manifests(lake, spec)
    assert after.keys() == {key.replace("/day=", "/date=") for key in before}
    for key, manifest in before.items():
        stands = after[key.replace("/day=", "/date=")]
        same = {"column", "provenance"}
        assert stands.model_dump(exclude=same) == manifest.model_dump(exclude=same)
    assert {key: lake.objects.get(key.replace("/day=", "/date=")) for key in reports} == reports
    validated = lake.require(renamed.key(Dataset.VALIDATED, NIGHT))
    assert validated.provenance["validation"] == reports_of(renamed, NIGHT).json
    assert lake.objects.get(layout.drift_report(renamed.key(Dataset.PREDICTIONS, OTHER)))
    assert lake.partitions(Dataset.PREDICTIONS, spec.name, "date") == [NIGHT, OTHER]
    assert lake.retracted(Dataset.PREDICTIONS, spec.name, "date") == [TAKEN]
    # Nothing is left to do, and every step works.
    again = migrate(renamed, stores, say=said.append)
    assert (again.moved, again.files) == ({}, 0)
    ingest(renamed, NEXT, stores)
    assert validate(renamed, NIGHT, stores).rows == 90


@pytest.mark.parametrize("write", range(1, 7))
def test_a_migration_that_dies_goes_on_and_readers_miss_no_night(
    spec: ModelSpec, stores: Stores, change: Callable[..., ModelSpec], monkeypatch: Any, write: int
) -> None:
    publish(spec, stores.lake, NIGHT, 20)
    renamed, lake = change(spec, partition={"column": "date"}), stores.lake
    writes = iter(range(1, 99))

    def dying(act: Callable[..., Any]) -> Callable[..., Any]:
        def acting(*args: Any, **kwargs: Any) -> Any:
            if next(writes) == write:
                raise KeyboardInterrupt
            return act(*args, **kwargs)

        return acting

    with monkeypatch.context() as patch:
        for name in ("put", "put_if", "copy", "delete_once", "delete"):
            patch.setattr(lake.objects, name, dying(getattr(lake.objects, name)))
        try:
            migrate(renamed, stores)
        except KeyboardInterrupt:
            assert set(plain_rows(lake, spec).values()) == {20}
    migrate(renamed, stores)
    assert plain_rows(lake, spec) == {f"date={NIGHT}": 20}
    assert [key for key in lake.objects.keys("") if "/day=" in key] == []


def test_a_night_that_lies_twice_is_the_one_made_under_the_new_column(
    renamed: ModelSpec, spec: ModelSpec, stores: Stores, monkeypatch: Any
) -> None:
    """As versions did that looked at no column: analysts got its rows twice."""
    lake = stores.lake
    old = lake.require(spec.key(Dataset.PREDICTIONS, OTHER))
    monkeypatch.setattr(lake, "require_column", lambda _: None)
    publish(renamed, lake, OTHER, 33)
    monkeypatch.undo()
    assert {f"day={OTHER}": 30, f"date={OTHER}": 33}.items() <= plain_rows(lake, spec).items()
    result = migrate(renamed, stores)
    assert (result.dropped, result.moved["predictions"]) == (1, 2)
    assert plain_rows(lake, spec) == {f"date={NIGHT}": 20, f"date={OTHER}": 33}
    assert lake.require(renamed.key(Dataset.PREDICTIONS, OTHER)).sequence == old.sequence + 1


def test_an_unreadable_night_is_moved_when_damaged_and_left_when_later(
    renamed: ModelSpec, spec: ModelSpec, stores: Stores
) -> None:
    objects = stores.lake.objects
    damaged, later = (layout.manifest(spec.key(Dataset.PREDICTIONS, night)) for night in (OTHER, NIGHT))
    body, _ = objects.get(later)
    objects.put(damaged, body[: len(body) // 2])
    objects.put(later, body.replace(b'"format": 2', b'"format": 3'))
    with pytest.raises(LaterRecord, match=f"1 nights were left where they are.*predictions/{spec.name} {NIGHT}"):
        migrate(renamed, stores)
    assert [key for key in objects.keys("manifests/") if "/day=" in key] == [later]
    assert plain_rows(stores.lake, spec) == {f"day={NIGHT}": 20, f"date={OTHER}": 30}
    objects.put(later, body)
    migrate(renamed, stores)
    retract(renamed, OTHER, stores, dataset=Dataset.PREDICTIONS)
    assert plain_rows(stores.lake, spec) == {f"date={NIGHT}": 20}


def test_monitoring_says_it_too(renamed: ModelSpec, spec: ModelSpec, stores: Stores) -> None:
    stores.lake.publish(stores.lake.begin(spec.key(Dataset.MONITORING, NIGHT)), TABLE, provenance={})
    with pytest.raises(UsageError, match="partition column day"):
        monitor(renamed, NIGHT, stores)

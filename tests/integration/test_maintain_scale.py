"""Maintenance of many nights: what did not change costs listings alone, and nothing that is cached is believed."""

import datetime as dt
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest

from benchmarks.requests import counted
from nightshift.contracts import Dataset, PartitionKey
from nightshift.errors import LakeUnavailable, MissingPartition, UnreadableRecord
from nightshift.spec import ModelSpec
from nightshift.steps import maintain as step
from nightshift.steps.maintain import sweep
from nightshift.stores import Stores, layout
from nightshift.stores.lake import Lake

pytestmark = pytest.mark.stack

NIGHT, OTHER = "2024-01-02", "2024-01-03"
NOW, HOUR = dt.timedelta(0), dt.timedelta(hours=1)
TABLE = pa.table({"n": pa.array(range(50), pa.int32())})
LISTINGS = {"ListObjectsV2", "ListMultipartUploads"}
WORDS = ["manifests", "generations", "raw", "predictions", "shards", "models", "cache", "a", "ab", "a_b"]


@pytest.fixture
def lake(stores: Stores) -> Lake:
    return stores.lake


@pytest.fixture
def publish(lake: Lake, spec: ModelSpec) -> Callable[..., Any]:
    """Publish the first rows of the table as a night."""

    def make(rows: int, night: str = NIGHT, dataset: str = "predictions", column: str = "day") -> Any:
        key = PartitionKey(Dataset(dataset), spec.name, column, night)
        return lake.publish(lake.begin(key), TABLE.slice(0, rows), provenance={})

    return make


def crash(lake: Lake, publish: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
    """Publish, and die between the commit and the copy."""
    with pytest.MonkeyPatch.context() as patch:
        for copy in ("copy", "copy_if"):
            patch.setattr(lake.objects, copy, lambda *_: (_ for _ in ()).throw(KeyboardInterrupt), raising=False)
        with pytest.raises(KeyboardInterrupt):
            publish(*args, **kwargs)


def plain(spec: ModelSpec, night: str = NIGHT, dataset: str = "predictions") -> str:
    return f"{dataset}/{spec.name}/day={night}/part-00000.parquet"


def is_served(lake: Lake, spec: ModelSpec, night: str = NIGHT) -> bool:
    head = lake.objects.head(plain(spec, night))
    manifest = lake.require(spec.key(Dataset.PREDICTIONS, night))
    return head is not None and head.metadata.get("generation") == manifest.generation


def test_what_did_not_change_costs_no_request(spec, stores, lake, publish) -> None:
    for night in (NIGHT, OTHER):
        for dataset in Dataset:
            publish(3, night, dataset)
    assert sweep(spec, stores, NOW).nights == 2 * len(Dataset)
    with counted(lake) as requests:
        assert sweep(spec, stores, NOW).nights == 2 * len(Dataset)
    # The caches of the datasets, and the head of the ledger.
    assert requests.pop("GetObject") == len(Dataset) + 1
    assert set(requests) == LISTINGS
    # The last is of rows that a server by day kept.
    assert requests.total() == 1 + len(Dataset) * 3 + 1 + 1


def test_a_changed_night_costs_a_few_requests(spec, stores, lake, publish) -> None:
    for dataset in Dataset:
        publish(3, dataset=dataset)
    sweep(spec, stores, HOUR)
    for dataset in Dataset:
        publish(4, dataset=dataset)
    with counted(lake) as requests:
        sweep(spec, stores, HOUR)
    beyond = {name: number for name, number in requests.items() if name not in LISTINGS}
    caches = {"GetObject": len(Dataset), "PutObject": len(Dataset)}
    assert sum(beyond.values()) - sum(caches.values()) <= 8


@pytest.mark.parametrize(
    "cached", [None, b"", b"{", b'{"format": 99, "nights": {}}', b'{"nights": []}', b"\xff", "swapped"]
)
def test_a_cache_that_is_gone_or_wrong_costs_nothing_but_time(spec, stores, lake, publish, cached) -> None:
    publish(3)
    publish(3, OTHER)
    sweep(spec, stores, NOW)
    place = layout.maintained(spec.name, Dataset.PREDICTIONS)
    body, _ = lake.objects.get(place)
    crash(lake, publish, 5)
    lake.objects.put(plain(spec, "2024-01-09"), b"x")
    if cached == "swapped":
        cached = (
            body.replace(NIGHT.encode(), b"x").replace(OTHER.encode(), NIGHT.encode()).replace(b"x", OTHER.encode())
        )
    if cached is None:
        lake.objects.delete(place)
    else:
        lake.objects.put(place, cached)
    done = sweep(spec, stores, NOW)
    assert (done.healed, done.strays, done.collected) == (1, 1, 1)
    assert is_served(lake, spec)
    assert sweep(spec, stores, NOW).healed == 0


def test_a_dry_run_leaves_no_cache(spec, stores, lake, publish) -> None:
    publish(3)
    sweep(spec, stores, NOW, dry_run=True)
    assert list(lake.objects.keys("cache/")) == []


@pytest.mark.parametrize("damage", ["plain replaced", "plain gone", "file gone", "file cut", "manifest back"])
def test_what_happens_to_a_night_that_was_right_is_seen(spec, stores, lake, publish, damage) -> None:
    publish(3)
    first = lake.objects.get(layout.manifest(spec.key(Dataset.PREDICTIONS, NIGHT)))
    publish(4)
    manifest = lake.require(spec.key(Dataset.PREDICTIONS, NIGHT))
    sweep(spec, stores, HOUR)
    sweep(spec, stores, NOW)
    sweep(spec, stores, NOW)
    (file,) = manifest.files
    match damage:
        case "plain replaced":
            lake.objects.put(plain(spec), b"x")
        case "plain gone":
            lake.objects.delete(plain(spec))
        case "file gone":
            lake.objects.delete(file.key)
        case "file cut":
            lake.objects.put(file.key, b"x")
        case "manifest back":
            lake.objects.put(layout.manifest(manifest.key), first[0])
    if damage.startswith("plain"):
        assert sweep(spec, stores, HOUR).healed == 1
        assert is_served(lake, spec)
        return
    for _ in range(2):
        with pytest.raises(MissingPartition, match=r"cut or not there: generations/predictions/"):
            sweep(spec, stores, HOUR)


@pytest.mark.parametrize("body", [b'{"format": 1, "dataset"', b'{"format": 99}'])
def test_an_unreadable_manifest_costs_its_own_night_and_no_other(spec, stores, lake, publish, body) -> None:
    for night in (NIGHT, OTHER):
        publish(3, night)
        crash(lake, publish, 4, night)
    place = layout.manifest(spec.key(Dataset.PREDICTIONS, NIGHT))
    lake.objects.put(place, body)
    before = set(lake.objects.keys(f"generations/predictions/{spec.name}/{NIGHT}/"))
    for _ in range(2):
        with pytest.raises(UnreadableRecord, match=f"left alone.*{place}"):
            sweep(spec, stores, NOW)
    assert set(lake.objects.keys(f"generations/predictions/{spec.name}/{NIGHT}/")) == before
    assert lake.objects.head(plain(spec)) is not None
    assert is_served(lake, spec, OTHER)
    assert len(list(lake.objects.keys(f"generations/predictions/{spec.name}/{OTHER}/"))) == 1


def test_who_is_stopped_has_healed_and_collected_all_nights_that_it_came_to(
    spec, stores, lake, publish, monkeypatch
) -> None:
    for night in (NIGHT, OTHER):
        publish(3, night)
        crash(lake, publish, 4, night)
    publish(3, "2024-01-01")
    monkeypatch.setattr(step, "AT_ONCE", 1)
    said: list[str] = []

    def time_out(what: str) -> None:
        if OTHER in what:
            raise TimeoutError
        said.append(what)

    with pytest.raises(TimeoutError):
        sweep(spec, stores, NOW, say=time_out)
    assert [line.split()[0] for line in said] == ["heal", "delete"]
    assert is_served(lake, spec)
    known = lake.objects.get(layout.maintained(spec.name, Dataset.PREDICTIONS))
    assert b"2024-01-01" in known[0]
    done = sweep(spec, stores, NOW)
    assert (done.healed, done.collected) == (1, 1)


def test_a_store_that_stops_answering_is_an_outage(spec, stores, lake, publish, monkeypatch) -> None:
    publish(3)
    crash(lake, publish, 4)
    monkeypatch.setattr(lake, "heal", lambda _: (_ for _ in ()).throw(LakeUnavailable("gone")))
    with pytest.raises(LakeUnavailable):
        sweep(spec, stores, NOW)


def test_nights_under_a_former_partition_column_are_kept_like_others(spec, stores, lake, publish, monkeypatch) -> None:
    # A commit under one of two columns is refused today; before, it was not.
    with monkeypatch.context() as patch:
        patch.setattr(lake, "require_column", lambda _: None)
        publish(3, column="night")
        crash(lake, publish, 4, column="night")
        publish(3, OTHER)
    done = sweep(spec, stores, NOW)
    assert (done.nights, done.healed, done.collected, done.strays) == (2, 1, 1, 0)
    assert lake.read(lake.require(PartitionKey(Dataset.PREDICTIONS, spec.name, "night", NIGHT))).num_rows == 4


def test_a_listing_that_came_back_short_takes_nothing(spec, stores, lake, publish, monkeypatch) -> None:
    publish(3)
    publish(3, OTHER)
    listing = lake.objects.listing
    for lacking in ("manifests/", "generations/", "predictions/"):
        lacks = lambda prefix, lacking=lacking: iter(()) if prefix.startswith(lacking) else listing(prefix)  # noqa: E731
        with monkeypatch.context() as patch:
            patch.setattr(lake.objects, "listing", lacks)
            done = sweep(spec, stores, NOW)
        assert (done.collected, done.strays) == (0, 0)
        assert is_served(lake, spec)
        assert lake.read(lake.require(spec.key(Dataset.PREDICTIONS, OTHER))).num_rows == 3


def retract(lake: Lake, spec: ModelSpec) -> None:
    """As ``nightshift retract`` leaves it when it dies after the manifest."""
    key = spec.key(Dataset.PREDICTIONS, NIGHT)
    manifest = lake.require(key)
    changes = {"files": (), "rows": 0, "rows_in": 0, "retracted": {"by": "me", "why": "wrong"}, "generation": "r"}
    taken_back = type(manifest).model_validate(manifest.model_dump(by_alias=True) | changes)
    lake.objects.put(layout.retraction(key), b"")
    lake.objects.put_record(layout.manifest(key), taken_back)


def test_a_night_that_was_taken_back_has_no_file_left(spec, stores, lake, publish) -> None:
    publish(3)
    sweep(spec, stores, NOW)
    retract(lake, spec)
    assert sweep(spec, stores, HOUR).healed == 1
    assert list(lake.objects.keys(f"predictions/{spec.name}/")) == []
    assert len(list(lake.objects.keys("generations/"))) == 1
    assert sweep(spec, stores, NOW).collected == 1
    assert list(lake.objects.keys("generations/")) == []
    assert lake.objects.head(layout.retraction(spec.key(Dataset.PREDICTIONS, NIGHT)))


def test_a_retraction_that_lost_its_mark_gets_it_back_and_no_mark_is_taken_away(spec, stores, lake, publish) -> None:
    publish(3)
    mark = layout.retraction(spec.key(Dataset.PREDICTIONS, NIGHT))
    lake.objects.put(mark, b"")
    sweep(spec, stores, NOW)
    # Somebody may be about to take the night back.
    assert lake.objects.head(mark)
    assert is_served(lake, spec)
    retract(lake, spec)
    lake.objects.delete(mark)
    assert lake.partitions(Dataset.PREDICTIONS, spec.name) == [NIGHT]
    sweep(spec, stores, HOUR)
    assert lake.partitions(Dataset.PREDICTIONS, spec.name) == []


@pytest.mark.parametrize("name", WORDS)
def test_a_model_named_like_a_word_of_the_lake_touches_no_other(spec, stores, lake, publish, change, name) -> None:
    publish(3)
    others = [
        f"generations/predictions/{spec.name}/{NIGHT}/{name}/part-00000.parquet",
        f"generations/predictions/{spec.name}/{NIGHT}/shards/a.parquet",
        f"generations/raw/{spec.name}/{NIGHT}/g/part-00000.parquet",
        f"raw/{spec.name}/day={NIGHT}/part-00000.parquet",
        f"models/{spec.name}/{name}/model.onnx",
        f"reports/validation/{spec.name}/day={NIGHT}/data_docs.html",
    ]
    client = lake.objects._client
    for key in others:
        lake.objects.put(key, b"x")
        client.create_multipart_upload(Bucket=lake.objects.bucket, Key=lake.objects._prefix + key)
    before = set(lake.objects.keys(""))
    done = sweep(change(spec, name=name), stores, NOW)
    assert (done.nights, done.strays, done.collected, done.uploads_aborted, done.uploads_kept) == (0, 0, 0, 0, 0)
    assert set(lake.objects.keys("")) == before
    assert len(list(lake.objects.incomplete_uploads(""))) == len(others)

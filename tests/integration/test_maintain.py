"""Maintenance on a real S3: it heals what a crash left behind, takes what nobody names, and nothing else."""

import datetime as dt
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pyarrow as pa
import pytest

from nightshift.contracts import Dataset, Maintained
from nightshift.errors import MissingPartition, UsageError
from nightshift.spec import ModelSpec
from nightshift.steps.maintain import maintain, sweep
from nightshift.stores import Stores
from nightshift.stores.lake import Lake

pytestmark = pytest.mark.stack

NIGHT = "2024-01-02"
NOW, HOUR = dt.timedelta(0), dt.timedelta(hours=1)
TABLE = pa.table({"n": pa.array(range(50), pa.int32())})


@pytest.fixture
def lake(stores: Stores) -> Lake:
    return stores.lake


@pytest.fixture
def publish(lake: Lake, spec: ModelSpec) -> Callable[..., Any]:
    """Publish the first rows of the table as a night of predictions."""

    def make(rows: int, night: str = NIGHT, dataset: str = "predictions", **provenance: Any) -> Any:
        table = TABLE.slice(0, rows)
        return lake.publish(lake.begin(spec.key(dataset, night)), table, provenance=provenance)

    return make


def keys(lake: Lake) -> set[str]:
    """All but what maintenance itself remembers."""
    return {key for key in lake.objects.keys("") if not key.startswith("cache/")}


def named(lake: Lake, spec: ModelSpec) -> set[str]:
    manifest = lake.require(spec.key(Dataset.PREDICTIONS, NIGHT))
    return {file.key for file in manifest.files}


def test_what_no_manifest_names_goes_and_what_one_names_stays(spec, stores, lake, publish) -> None:
    publish(3)
    publish(4)
    draft = lake.begin(spec.key(Dataset.PREDICTIONS, NIGHT))
    lake.add(draft, 0, TABLE.to_batches(), TABLE.schema)
    kept = {key for key in keys(lake) if not key.startswith("generations/")} | named(lake, spec)
    done = sweep(spec, stores, NOW)
    assert (done.nights, done.collected, done.healed, done.strays) == (1, 2, 0, 0)
    assert done.collected_bytes > 0
    assert keys(lake) == kept
    assert lake.read(lake.require(spec.key(Dataset.PREDICTIONS, NIGHT))).num_rows == 4
    assert sweep(spec, stores, NOW) == Maintained(spec.name, False, 1, 0, 0, 0, 0, 0, 0, 0, 0)


@pytest.mark.parametrize("dataset", Dataset)
def test_every_dataset_is_healed_and_collected(spec, stores, lake, publish, monkeypatch, dataset) -> None:
    """Quarantine was in no list: what a crash left of it stayed for ever."""
    publish(3, dataset=dataset)
    with monkeypatch.context() as patch:
        patch.setattr(lake.objects, "copy", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            publish(4, dataset=dataset)
    lake.objects.put(f"{dataset}/{spec.name}/day=2024-01-09/part-00000.parquet", b"x")
    begin(lake, f"generations/{dataset}/{spec.name}/{NIGHT}/g/part-00000.parquet")
    done = sweep(spec, stores, NOW)
    assert (done.nights, done.healed, done.strays, done.collected, done.uploads_aborted) == (1, 1, 1, 1, 1)
    head = lake.objects.head(f"{dataset}/{spec.name}/day={NIGHT}/part-00000.parquet")
    assert head.metadata["generation"] == lake.require(spec.key(dataset, NIGHT)).generation


def test_what_is_no_night_is_collected_too(spec, stores, lake) -> None:
    lake.objects.put(f"generations/raw/{spec.name}/not-a-night/g/part-00000.parquet", b"x")
    lake.objects.put(f"manifests/raw/{spec.name}/day=not-a-night.json", b"x")
    assert sweep(spec, stores, NOW).collected == 1


def test_a_dry_run_says_what_would_go_and_takes_nothing(spec, stores, lake, publish) -> None:
    publish(3)
    gone = named(lake, spec)
    publish(4)
    lake.objects.put(f"predictions/{spec.name}/day=2024-01-09/part-00000.parquet", b"x")
    before, said = keys(lake), []
    planned = sweep(spec, stores, NOW, dry_run=True, say=said.append)
    assert keys(lake) == before
    assert len(said) == 2
    assert all(line.startswith("would delete ") for line in said)
    assert any(key in line for key in gone for line in said)
    done = sweep(spec, stores, NOW)
    assert (planned.collected, planned.strays, planned.dry_run) == (done.collected, done.strays, True) == (1, 1, True)


def test_the_young_stay_and_are_counted(spec, stores, lake, publish) -> None:
    publish(3)
    publish(4)
    before = keys(lake)
    done = sweep(spec, stores, HOUR)
    assert (done.collected, done.kept) == (0, 1)
    assert done.kept_bytes > 0
    assert keys(lake) == before


def test_old_files_of_a_night_whose_manifest_is_young_stay_for_its_readers(
    spec, stores, lake, publish, monkeypatch
) -> None:
    publish(3)
    publish(4)
    # Everything in generations/ is made to look old; only the manifest keeps its age.
    listing = lake.objects.listing
    old = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)

    def aged(prefix: str) -> Any:
        is_generation = prefix.startswith("generations/")
        return (replace(stored, modified=old) if is_generation else stored for stored in listing(prefix))

    monkeypatch.setattr(lake.objects, "listing", aged)
    done = sweep(spec, stores, HOUR)
    assert (done.collected, done.kept) == (0, 1)


def test_a_listing_that_lacks_the_manifests_costs_no_night_its_files(spec, stores, lake, publish, monkeypatch) -> None:
    publish(3)
    listing = lake.objects.listing
    monkeypatch.setattr(
        lake.objects, "listing", lambda prefix: iter(()) if prefix.startswith("manifests/") else listing(prefix)
    )
    assert sweep(spec, stores, NOW).collected == 0
    assert named(lake, spec) <= keys(lake)


def test_the_shards_of_a_published_night_stay_and_other_shards_go_whole(spec, stores, lake, publish) -> None:
    folder = f"generations/predictions/{spec.name}/{NIGHT}/shards"
    for name in ("used", "loose"):
        lake.objects.put(f"{folder}/{name}.parquet", b"x")
        lake.objects.put(f"{folder}/{name}.json", b"{}")
    publish(3, shards=[f"{folder}/used.parquet"])
    said: list[str] = []
    assert sweep(spec, stores, NOW, say=said.append).collected == 1
    assert said == [f"delete {folder}/loose.json, {folder}/loose.parquet"]
    assert {key for key in keys(lake) if "/shards/" in key} == {f"{folder}/used.parquet", f"{folder}/used.json"}


def test_a_shard_that_a_run_takes_up_meanwhile_stays(spec, stores, lake, monkeypatch) -> None:
    folder = f"generations/predictions/{spec.name}/{NIGHT}/shards"
    lake.objects.put(f"{folder}/a.parquet", b"x")
    lake.objects.put(f"{folder}/a.json", b"{}")
    head = lake.objects.head

    def touched(key: str) -> Any:
        found = head(key)
        return replace(found, modified=found.modified + HOUR) if found and key.endswith(".json") else found

    monkeypatch.setattr(lake.objects, "head", touched)
    sweep(spec, stores, NOW)
    assert len({key for key in keys(lake) if "/shards/" in key}) == 2


def test_a_crash_between_commit_and_copy_is_healed(spec, stores, lake, publish, monkeypatch) -> None:
    publish(3)
    publish(3, night="2024-01-03")
    publish(2, dataset="raw")
    with monkeypatch.context() as patch:
        patch.setattr(lake.objects, "copy", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        for dataset in ("predictions", "raw"):
            with pytest.raises(KeyboardInterrupt):
                publish(5, dataset=dataset)
    assert sweep(spec, stores, HOUR, dry_run=True).healed == 2
    assert sweep(spec, stores, HOUR).healed == 2
    for dataset in ("predictions", "raw"):
        head = lake.objects.head(f"{dataset}/{spec.name}/day={NIGHT}/part-00000.parquet")
        assert head.metadata["generation"] == lake.require(spec.key(dataset, NIGHT)).generation
    assert sweep(spec, stores, HOUR).healed == 0


@pytest.mark.parametrize("stray", ["day=2024-01-09/part-00000.parquet", f"day={NIGHT}/part-00007.parquet", "x.parquet"])
def test_plain_parquet_that_no_manifest_published_goes(spec, stores, lake, publish, stray) -> None:
    publish(3)
    before = keys(lake)
    for key in (f"predictions/{spec.name}/{stray}", f"monitoring/{spec.name}/day={NIGHT}/_report.html"):
        lake.objects.put(key, b"x")
    done = sweep(spec, stores, HOUR)
    assert done.strays + done.healed == 1
    assert keys(lake) == before | {f"monitoring/{spec.name}/day={NIGHT}/_report.html"}


def test_a_night_whose_file_is_gone_is_named(spec, stores, lake, publish) -> None:
    publish(3)
    (key,) = named(lake, spec)
    lake.objects.delete(key)
    with pytest.raises(MissingPartition, match=f"not there: {key}"):
        sweep(spec, stores, NOW)


@pytest.mark.parametrize("days", [0.99, 0, -1, float("nan")])
def test_less_than_a_day_is_refused(spec, stores, days) -> None:
    with pytest.raises(UsageError, match="may belong to a run that still works"):
        maintain(spec, stores, older_than_days=days)


def test_only_this_model_is_touched(spec, stores, lake, publish, change) -> None:
    publish(3)
    publish(4)
    begin(lake, f"generations/predictions/{spec.name}/{NIGHT}/g/part-00000.parquet")
    before = keys(lake)
    assert sweep(change(spec, name=f"{spec.name}_b"), stores, NOW).nights == 0
    assert keys(lake) == before
    assert len(list(lake.objects.incomplete_uploads(""))) == 1


def begin(lake: Lake, key: str, *parts: bytes) -> None:
    """A multipart upload that nobody ends."""
    client, where = lake.objects._client, {"Bucket": lake.objects.bucket, "Key": lake.objects._prefix + key}
    upload = client.create_multipart_upload(**where)["UploadId"]
    for number, part in enumerate(parts, 1):
        client.upload_part(**where, UploadId=upload, PartNumber=number, Body=part)


def test_unfinished_uploads_go_and_the_object_of_their_key_stays(spec, stores, lake, publish) -> None:
    publish(3)
    (key,) = named(lake, spec)
    body = lake.objects.get(key)[0]
    other = f"generations/predictions/{spec.name}/{NIGHT}/g/part-00000.parquet"
    begin(lake, other)
    begin(lake, other, b"abc")
    begin(lake, key, body[:-1])
    assert sweep(spec, stores, HOUR).uploads_kept == 3
    done = sweep(spec, stores, NOW)
    assert (done.uploads_aborted, done.uploads_kept) == (3, 0)
    assert list(lake.objects.incomplete_uploads("")) == []
    assert lake.objects.get(key)[0] == body


def test_an_upload_that_may_have_made_the_object_is_left_alone(spec, stores, lake, publish) -> None:
    key = f"generations/predictions/{spec.name}/{NIGHT}/g/part-00000.parquet"
    begin(lake, key, b"whole")
    lake.objects.put(key, b"whole")
    publish(3, shards=[key])
    done = sweep(spec, stores, NOW)
    assert (done.uploads_aborted, done.uploads_kept) == (0, 1)

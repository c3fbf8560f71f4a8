"""Publishing on a real S3: whole nights, once each, whoever races, crashes or loses an answer."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
import s3fs
from botocore.exceptions import ReadTimeoutError

from nightshift.contracts import Dataset, PartitionKey, PartitionRef
from nightshift.errors import (
    LakeUnavailable,
    LostRows,
    MissingPartition,
    NightshiftError,
    Superseded,
    UsageError,
)
from nightshift.stores import Stores
from nightshift.stores.lake import GenerationDraft, Lake, how_to_make
from nightshift.stores.objects import ConditionFailed

pytestmark = pytest.mark.stack

NIGHT = PartitionKey(Dataset.RAW, "m", "day", "2024-01-01")
FOLDER = "raw/m/day=2024-01-01/"


def rows(*values: int) -> pa.Table:
    return pa.table({
        "n": pa.array(values, pa.int32()),
        "s": pa.array([f"row {value}" for value in values], pa.string()),
    })


@pytest.fixture
def lake(stores: Stores) -> Lake:
    return stores.lake


def publish(lake: Lake, table: pa.Table, night: str = "2024-01-01", by: str = "tests") -> PartitionRef:
    return lake.publish(lake.begin(PartitionKey(Dataset.RAW, "m", "day", night)), table, provenance={"airflow_run": by})


def plain(lake: Lake) -> list[int]:
    """What somebody sees who just reads the folder."""
    tables = [pq.read_table(lake.objects.open(key)) for key in lake.objects.keys(FOLDER)]
    return [n for table in tables for n in table["n"].to_pylist()]


def committed(lake: Lake) -> list[int]:
    return lake.read(lake.require(NIGHT))["n"].to_pylist()


def split(lake: Lake, draft: GenerationDraft, *parts: tuple[int, ...]) -> PartitionRef:
    """Publish several files."""
    files = [lake.add(draft, i, rows(*part).to_batches(), rows().schema) for i, part in enumerate(parts)]
    return lake.commit(draft, files, rows().schema, rows_in=sum(map(len, parts)), provenance={})


class LosesAnswers:
    """A client whose conditional PUT reaches the store, but whose answer is lost on the way back."""

    def __init__(self, client: Any) -> None:
        self.client, self.lost = client, 0

    def put_object(self, **request: Any) -> None:
        self.client.put_object(**request)
        self.lost += 1
        raise ReadTimeoutError(endpoint_url="the store")


class NeverArrives:
    """A client whose PUT gets lost before it reaches the store."""

    def put_object(self, **_: Any) -> None:
        raise ReadTimeoutError(endpoint_url="the store")


def test_a_published_night_is_read_back_and_described(lake: Lake) -> None:
    ref = publish(lake, rows(1, 2, 3))
    manifest = lake.require(NIGHT)
    assert lake.read(manifest).equals(rows(1, 2, 3))
    assert (ref.rows, ref.digest, ref.generation) == (3, manifest.digest, manifest.generation)
    assert manifest.columns == {"n": "int32", "s": "string"}
    assert manifest.previous is None
    assert plain(lake) == [1, 2, 3]
    assert lake.partitions(Dataset.RAW, "m") == ["2024-01-01"]


def test_unchanged_content_is_not_published_again(lake: Lake) -> None:
    first = publish(lake, rows(1, 2))
    assert publish(lake, rows(1, 2), by="another run") == first
    assert lake.require(NIGHT).provenance == {"airflow_run": "tests"}


def test_other_content_replaces_and_names_what_it_replaced(lake: Lake) -> None:
    first, second = publish(lake, rows(1, 2)), publish(lake, rows(3))
    assert lake.require(NIGHT).previous == first.generation != second.generation
    assert committed(lake) == plain(lake) == [3]
    assert len(lake.partitions(Dataset.RAW, "m")) == 1


def test_who_publishes_on_an_outdated_base_is_superseded_and_changes_nothing(lake: Lake) -> None:
    for _ in range(2):  # over nothing, then over a night that is there
        slow = lake.begin(NIGHT)
        publish(lake, rows(len(plain(lake)) + 5), by="the faster run")
        before = lake.require(NIGHT)
        with pytest.raises(Superseded, match="was published by the faster run while this run worked"):
            lake.publish(slow, rows(99), provenance={})
        assert lake.require(NIGHT) == before
        assert 99 not in plain(lake)


def test_a_race_lost_at_the_very_put_is_superseded(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    slow, put_if = lake.begin(NIGHT), lake.objects.put_if

    def just_too_late(key: str, body: bytes, etag: str | None) -> None:
        monkeypatch.setattr(lake.objects, "put_if", put_if)
        publish(lake, rows(1), by="the faster run")
        put_if(key, body, etag)

    monkeypatch.setattr(lake.objects, "put_if", just_too_late)
    with pytest.raises(Superseded, match="the faster run"):
        lake.publish(slow, rows(2), provenance={})
    assert committed(lake) == plain(lake) == [1]


@pytest.mark.parametrize("before", [0, 1])
def test_one_s_own_success_is_recognised_when_its_answer_is_lost(lake: Lake, before: int) -> None:
    if before:
        publish(lake, rows(7))
    client = LosesAnswers(lake.objects._single_try)
    lake.objects.__dict__["_single_try"] = client
    ref = publish(lake, rows(1, 2))
    assert client.lost == 1
    assert lake.require(NIGHT).generation == ref.generation
    assert committed(lake) == plain(lake) == [1, 2]


@pytest.mark.parametrize("before", [(), (7,)])
def test_a_commit_that_never_arrived_is_an_outage_and_changes_nothing(lake: Lake, before: tuple[int, ...]) -> None:
    if before:
        publish(lake, rows(*before))
    lake.objects.__dict__["_single_try"] = NeverArrives()
    with pytest.raises(LakeUnavailable, match="did not go through"):
        publish(lake, rows(1, 2))
    assert plain(lake) == list(before)


def test_committing_the_same_draft_twice_is_one_commit(lake: Lake) -> None:
    draft = lake.begin(NIGHT)
    first = lake.publish(draft, rows(1), provenance={})
    assert lake.publish(draft, rows(1), provenance={}) == first


@pytest.mark.parametrize(("rows_in", "quarantined"), [(4, 0), (2, 0), (3, 1)])
def test_rows_that_do_not_add_up_are_not_published(lake: Lake, rows_in: int, quarantined: int) -> None:
    draft = lake.begin(NIGHT)
    file = lake.add(draft, 0, rows(1, 2, 3).to_batches(), rows().schema)
    with pytest.raises(LostRows, match=f"{rows_in} rows in, but 3 out and {quarantined} quarantined"):
        lake.commit(draft, [file], rows().schema, rows_in=rows_in, rows_quarantined=quarantined, provenance={})
    assert lake.manifest(NIGHT) is None
    assert plain(lake) == []


def test_a_failure_while_writing_leaves_nothing_in_the_store(lake: Lake) -> None:
    def broken() -> Any:
        yield from rows(1, 2).to_batches()
        raise RuntimeError("half way")

    with pytest.raises(RuntimeError, match="half way"):
        lake.add(lake.begin(NIGHT), 0, broken(), rows().schema)
    assert list(lake.objects.keys("")) == []


def test_fewer_files_than_before_leave_no_extra_plain_file(lake: Lake) -> None:
    split(lake, lake.begin(NIGHT), (1, 2), (3,), (4,))
    assert plain(lake) == committed(lake) == [1, 2, 3, 4]
    split(lake, lake.begin(NIGHT), (5,))
    assert plain(lake) == committed(lake) == [5]


def test_a_crash_between_commit_and_copy_is_healed(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    publish(lake, rows(1))
    with monkeypatch.context() as patch:
        patch.setattr(lake.objects, "copy", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            publish(lake, rows(2, 3))
    assert committed(lake) == [2, 3]
    assert plain(lake) == [1]  # the previous night, whole
    lake.heal(lake.require(NIGHT))
    assert plain(lake) == [2, 3]


def test_publishing_the_same_again_heals_too(lake: Lake) -> None:
    publish(lake, rows(1))
    for key in list(lake.objects.keys(FOLDER)):
        lake.objects.delete(key)
    publish(lake, rows(1))
    assert plain(lake) == [1]


@pytest.mark.parametrize("same", [True, False])
def test_of_sixteen_racing_runs_one_wins_whole(lake: Lake, same: bool) -> None:
    drafts = [lake.begin(NIGHT) for _ in range(16)]

    def run(number: int) -> PartitionRef | Superseded:
        try:
            return lake.publish(drafts[number], rows(0 if same else number, 100), provenance={})
        except Superseded as lost:
            return lost

    with ThreadPoolExecutor(16) as pool:
        results = list(pool.map(run, range(16)))
    won = {ref.generation for ref in results if isinstance(ref, PartitionRef)}
    assert won == {lake.require(NIGHT).generation}
    assert committed(lake) == plain(lake)
    assert len(plain(lake)) == 2
    if not same:
        assert sum(isinstance(result, Superseded) for result in results) == 15


def test_a_night_that_is_not_there_says_what_brings_it(lake: Lake) -> None:
    assert lake.manifest(NIGHT) is None
    for dataset in Dataset:
        with pytest.raises(MissingPartition, match=f"{dataset} has no night 2024-01-01 of m") as error:
            lake.require(NIGHT.of(dataset))
        assert error.value.fix == how_to_make(NIGHT.of(dataset))


def test_a_manifest_of_a_later_version_is_not_guessed_at(lake: Lake) -> None:
    publish(lake, rows(1))
    key = "manifests/raw/m/day=2024-01-01.json"
    lake.objects.put(key, lake.objects.get(key)[0].replace(b'"format": 2', b'"format": 3'))
    with pytest.raises(NightshiftError, match="is not a manifest this version reads"):
        lake.manifest(NIGHT)


def test_conditional_puts_say_no(lake: Lake) -> None:
    lake.objects.put_if("x", b"1", etag=None)
    with pytest.raises(ConditionFailed):
        lake.objects.put_if("x", b"2", etag=None)
    etag = lake.objects.get("x")[1]
    lake.objects.put_if("x", b"3", etag=etag)
    with pytest.raises(ConditionFailed):
        lake.objects.put_if("x", b"4", etag=etag)
    assert lake.objects.get("x")[0] == b"3"


def test_wrong_keys_and_a_missing_bucket_are_explained(open_stores: Any, project: Path) -> None:
    def stream(objects: Any) -> None:
        with objects.stream("x") as sink:
            sink.write(b"x")

    strange = open_stores(project, secret_key="wrong").lake.objects
    for act in (
        lambda: strange.get("x"),
        lambda: stream(strange),
        lambda: list(strange.keys("")),
    ):
        with pytest.raises(UsageError, match="S3 refused these keys"):
            act()
    nowhere = open_stores(project, lake="s3://no-such-bucket").lake.objects
    for act in (lambda: nowhere.put("x", b""), lambda: stream(nowhere)):
        with pytest.raises(UsageError, match="there is no such bucket: s3://no-such-bucket/x"):
            act()


@pytest.fixture
def two_nights(lake: Lake) -> str:
    """The prefix that analysts read."""
    publish(lake, rows(1, 2), night="2024-01-01")
    publish(lake, rows(9), night="2024-01-02")
    publish(lake, rows(3), night="2024-01-02")
    return f"{lake.objects.uri}/raw/m/"


def test_pandas_reads_the_plain_prefix(two_nights: str) -> None:
    code = f"import pandas as pd; f = pd.read_parquet({two_nights!r}); print(sorted(zip(f.n, f.day.astype(str))))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "[(1, '2024-01-01'), (2, '2024-01-01'), (3, '2024-01-02')]", done.stderr


def test_arrow_reads_the_plain_prefix(two_nights: str, lake: Lake) -> None:
    found = ds.dataset(two_nights.removeprefix("s3://"), filesystem=lake.objects.filesystem, partitioning="hive")
    assert sorted(found.to_table(columns=["n"])["n"].to_pylist()) == [1, 2, 3]


def test_duckdb_reads_the_plain_prefix(two_nights: str, lake: Lake) -> None:
    """Through fsspec, since DuckDB fetches its own httpfs from the network at first use."""
    with duckdb.connect() as connection:
        connection.register_filesystem(s3fs.S3FileSystem(endpoint_url=lake.objects.settings.endpoint))
        sql = f"SELECT n, day::varchar FROM read_parquet('{two_nights}**/*.parquet', hive_partitioning=true) ORDER BY n"
        assert connection.execute(sql).fetchall() == [(1, "2024-01-01"), (2, "2024-01-01"), (3, "2024-01-02")]


def test_polars_reads_the_plain_prefix(two_nights: str) -> None:
    polars = pytest.importorskip("polars", reason="polars is not installed")
    frame = polars.read_parquet(f"{two_nights}**/*.parquet", hive_partitioning=True)
    assert sorted(frame["n"].to_list()) == [1, 2, 3]

"""The page of nights on a real S3: right, late at worst, and within twenty requests whatever the size of the lake."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from datetime import date, timedelta
from typing import Any

import pyarrow as pa
import pytest

from benchmarks.requests import counted
from nightshift.contracts import Dataset, Pin
from nightshift.monitoring.drift import DriftResult
from nightshift.monitoring.night_record import NightCounts, NightRecord, read_night_record
from nightshift.pages.overview import MOST_REQUESTS, NightRow, one_night, overview
from nightshift.spec import ModelSpec
from nightshift.stores import Stores, layout
from nightshift.stores.lake import Lake
from nightshift.stores.records import Record
from tests.champions import append_move, seal_version

pytestmark = pytest.mark.stack

TABLE = pa.table({"n": pa.array(range(50), pa.int32())})
PIN = Pin("orders", "4", "run", "ab" * 32, "k", "5f.dir", "2024-01-01")
# Several pages of nights, and a newest year that has just begun.
MANY = 70
LAST = date(2024, 1, 10)


@pytest.fixture
def lake(stores: Stores) -> Lake:
    return stores.lake


@pytest.fixture
def publish(lake: Lake, spec: ModelSpec) -> Callable[..., Any]:
    """Validate and publish a night with 17 rows in quarantine, and say that it was monitored."""

    def make(night: str, rows: int = 3, *, drifted: bool = False, monitored: bool = True) -> Any:
        table = TABLE.slice(0, rows)
        pin = {"pin": asdict(PIN)}
        lake.publish(lake.begin(spec.key(Dataset.VALIDATED, night)), table, rows_quarantined=17, provenance={})
        done = lake.publish(lake.begin(spec.key(Dataset.PREDICTIONS, night)), table, provenance=pin)
        lake.objects.put(layout.data_docs(spec.key(Dataset.VALIDATED, night)), b"x")
        if monitored:
            record(lake, spec, night, done.generation, drifted)
        return done

    return make


def record(lake: Lake, spec: ModelSpec, night: str, generation: str, drifted: bool) -> None:
    drift = DriftResult(drifted, 9.0, 8.0, 1.1, "amount", 3, 0.01, 89, [])
    counts = NightCounts(20, 17, 3, 0)
    seen = NightRecord(
        model=spec.name, partition=night, version="4", pin=PIN, counts=counts, generation=generation, drift=drift,
        accuracy=(),
    )  # fmt: skip
    lake.objects.put_record(layout.drift(spec.key(Dataset.MONITORING, night)), seen)


def read_all(spec: ModelSpec, stores: Stores, before: str = "") -> dict[str, NightRow]:
    """The page as it is once all of it was read."""
    for _ in range(20):
        nights = overview(spec, stores, before).nights
        if all(night.is_read for night in nights):
            return {night.partition: night for night in nights}
    raise AssertionError("some nights are never read")


@pytest.fixture
def many(lake: Lake, spec: ModelSpec, stores: Stores, publish: Callable[..., Any]) -> list[str]:
    """Nights of two years, as copies of one; oldest first."""
    first = (LAST - timedelta(days=MANY - 1)).isoformat()
    publish(first)
    copies: dict[str, Record] = {}
    for dataset in (Dataset.VALIDATED, Dataset.PREDICTIONS):
        key = spec.key(dataset, first)
        copies[layout.manifest(key)] = lake.require(key)
    copies[layout.drift(spec.key(Dataset.MONITORING, first))] = read_night_record(spec, first, stores)
    report = layout.data_docs(spec.key(Dataset.VALIDATED, first))
    nights = [(LAST - timedelta(days=age)).isoformat() for age in reversed(range(MANY))]

    def copy(night: str) -> None:
        for key, stored in copies.items():
            lake.objects.put_record(key.replace(first, night), stored.model_copy(update={"partition": night}))
        lake.objects.put(report.replace(first, night), b"x")

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(copy, nights))
    return nights


def test_pages_of_many_nights_show_all_of_them_by_twenty_requests_each_cold_and_warm(spec, stores, lake, many) -> None:
    for version in range(1, 302):
        append_move(stores, spec.name, str(version))
    for before in ("", many[50]):
        unread = None
        while unread != 0:
            with counted(lake) as requests:
                page = overview(spec, stores, before)
            assert requests.total() <= MOST_REQUESTS
            now_unread = sum(not night.is_read for night in page.nights)
            assert unread is None or now_unread < unread
            unread = now_unread
        expected = [night for night in many if not before or night < before][-31:]
        assert [night.partition for night in page.nights] == expected[::-1]
        facts = {(night.state, night.rows, night.version, night.verdict, night.quarantined) for night in page.nights}
        assert facts == {("published", 3, "4", "quiet", 17)}
    seen: list[str] = []
    before = None
    while before != "":
        page = overview(spec, stores, before or "")
        seen += [night.partition for night in page.nights]
        before = page.earlier
    assert seen == many[::-1]


def test_nights_that_lie_years_apart_are_all_reached(spec, stores, publish) -> None:
    nights = [f"{year}-03-01" for year in range(2018, 2024)]
    for night in nights:
        publish(night, monitored=False)
    seen: list[str] = []
    before = ""
    for _ in nights:
        page = overview(spec, stores, before)
        seen += [night.partition for night in page.nights]
        before = page.earlier
        if not before:
            break
    assert seen == nights[::-1]


def test_an_old_champion_is_said_by_the_newest_night(spec, stores, lake, publish, change) -> None:
    publish("2024-01-10")
    append_move(stores, spec.name, "4")
    seal_version(stores, spec.name, "4", trained_through="2024-01-02")
    strict = change(spec, training={"max_age_days": 7})
    with counted(lake) as requests:
        page = overview(strict, stores)
    assert page.old.startswith("version 4 learnt from nights through 2024-01-02, 8 days before 2024-01-10")
    assert requests.total() <= MOST_REQUESTS
    for other in (spec, change(spec, training={"max_age_days": 8})):
        assert overview(other, stores).old == ""


def test_what_is_not_read_yet_says_so_and_is_not_wrong(spec, stores, publish) -> None:
    for day in range(1, 8):
        publish(f"2024-01-{day:02d}")
    first = {night.partition: night for night in overview(spec, stores).nights}
    assert first["2024-01-07"].is_read
    assert first["2024-01-01"] == NightRow("2024-01-01", "published", is_read=False)
    assert read_all(spec, stores)["2024-01-01"] == NightRow("2024-01-01", "published", 3, "4", "quiet", 17)


def test_a_night_that_is_made_anew_is_shown_anew(spec, stores, publish, lake) -> None:
    night = "2024-01-02"
    publish(night)
    assert read_all(spec, stores)[night].rows == 3
    done = publish(night, 5, monitored=False)
    assert read_all(spec, stores)[night].rows == 5
    record(lake, spec, night, done.generation, drifted=True)
    assert read_all(spec, stores)[night].verdict == "drift"


@pytest.mark.parametrize("cached", [None, b"{", b'{"format": 99}', "another night's"])
def test_a_cache_of_the_page_that_is_gone_or_wrong_shows_nothing_wrong(spec, stores, publish, lake, cached) -> None:
    publish("2024-01-02", 3)
    publish("2024-01-03", 4, drifted=True)
    right = read_all(spec, stores)
    (place,) = lake.objects.keys("cache/nights/")
    body, _ = lake.objects.get(place)
    if cached is None:
        lake.objects.delete(place)
    elif isinstance(cached, str):
        lake.objects.put(place, body.replace(b"2024-01-02", b"2024-01-09").replace(b"2024-01-03", b"2024-01-02"))
    else:
        lake.objects.put(place, cached)
    assert read_all(spec, stores) == right


@pytest.mark.parametrize("body", [b'{"format": 1, "dataset"', b'{"format": 99}'])
def test_an_unreadable_night_is_shown_as_such_and_all_others_right(spec, stores, publish, lake, body) -> None:
    for night in ("2024-01-02", "2024-01-03", "2024-01-04"):
        publish(night)
    lake.objects.put(layout.manifest(spec.key(Dataset.PREDICTIONS, "2024-01-03")), body)
    lake.objects.put(layout.drift(spec.key(Dataset.MONITORING, "2024-01-04")), body)
    for _ in range(2):
        shown = read_all(spec, stores)
        assert shown["2024-01-02"] == NightRow("2024-01-02", "published", 3, "4", "quiet", 17)
        assert shown["2024-01-03"] == NightRow("2024-01-03", "unreadable")
        assert (shown["2024-01-04"].rows, shown["2024-01-04"].verdict) == (3, "unreadable")
    assert one_night(spec, "2024-01-03", stores).nights == [shown["2024-01-03"]]


def test_nights_that_cannot_be_read_keep_no_other_from_being_read(spec, stores, publish, lake) -> None:
    nights = [f"2024-01-{day:02d}" for day in range(1, 14)]
    publish(nights[0])
    for night in nights[1:]:
        lake.objects.put(layout.manifest(spec.key(Dataset.PREDICTIONS, night)), b"{")
    shown = read_all(spec, stores)
    assert shown.pop(nights[0]) == NightRow(nights[0], "published", 3, "4", "quiet", 17)
    assert set(shown.values()) == {NightRow(night, "unreadable") for night in nights[1:]}
    publish_again = lake.require(spec.key(Dataset.PREDICTIONS, nights[0])).model_copy(update={"partition": nights[12]})
    lake.objects.put_record(layout.manifest(publish_again.key), publish_again)
    assert read_all(spec, stores)[nights[12]].state == "published"


def test_a_night_that_was_taken_back_is_shown_as_such(spec, stores, publish, lake) -> None:
    publish("2024-01-02")
    key = spec.key(Dataset.PREDICTIONS, "2024-01-02")
    manifest = lake.require(key)
    changes = {"files": (), "rows": 0, "rows_in": 0, "retracted": {"by": "me", "why": "wrong"}, "generation": "r"}
    taken_back = type(manifest).model_validate(manifest.model_dump(by_alias=True) | changes)
    lake.objects.put(layout.retraction(key), b"")
    lake.objects.put_record(layout.manifest(key), taken_back)
    assert read_all(spec, stores)["2024-01-02"] == NightRow("2024-01-02", "retracted")
    assert one_night(spec, "2024-01-02", stores).nights == [NightRow("2024-01-02", "retracted")]


def test_a_page_is_shown_though_what_it_read_cannot_be_kept(spec, stores, publish, lake, monkeypatch) -> None:
    publish("2024-01-02")
    monkeypatch.setattr(lake.objects._client, "put_object", lambda **_: lake.objects._client.head_object(Bucket="no"))
    monkeypatch.setattr(lake.objects, "bucket", lake.objects.bucket)
    assert overview(spec, stores).nights == [NightRow("2024-01-02", "published", 3, "4", "quiet", 17)]


def test_the_page_of_a_run_takes_a_few_requests(spec, stores, publish, lake) -> None:
    publish("2024-01-02")
    lake.objects.put(layout.data_docs(spec.key(Dataset.VALIDATED, "2024-01-03")), b"x")
    with counted(lake) as requests:
        (night,) = one_night(spec, "2024-01-02", stores).nights
    assert night == NightRow("2024-01-02", "published", 3, "4", "quiet", 17)
    assert requests.total() <= 5
    assert one_night(spec, "2024-01-03", stores).nights == [NightRow("2024-01-03", "refused")]
    assert one_night(spec, "2024-01-04", stores).nights == [NightRow("2024-01-04", "not here")]

"""A store is tried before the first commit: one that breaks a promise is refused, one that is away is no verdict."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyarrow as pa
import pytest

from nightshift.contracts import Dataset, PartitionKey
from nightshift.errors import LakeUnavailable, StackError, UsageError
from nightshift.s3 import trust
from nightshift.stores.lake import Lake
from nightshift.stores.objects import Objects
from tests import careless
from tests.careless import S3, Hand

KEY = PartitionKey(Dataset.RAW, "orders", "day", "2024-01-01")


@pytest.fixture
def server() -> Iterator[S3]:
    with careless.s3() as running:
        yield running


def publish(lake: Lake) -> None:
    lake.publish(lake.begin(KEY), pa.table({"x": [1, 2]}), provenance={})


def test_a_store_that_keeps_its_word_is_tried_once_and_nothing_is_left(
    server: S3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trials: list[object] = []
    real = trust.breaches
    monkeypatch.setattr(trust, "breaches", lambda settings: trials.append(settings) or real(settings))
    settings = server.settings(tmp_path)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(trust.require, [settings] * 8))
    publish(Lake(settings))
    assert len(trials) == 1
    assert not [key for key in Objects(settings, settings.lake).keys("") if "_doctor" in key]


UNMET = careless.breaking("HTTP_IF_MATCH", status="412 Precondition Failed", code="PreconditionFailed")
MISSING = careless.breaking("HTTP_IF_MATCH", status="501 Not Implemented", code="NotImplemented")


@pytest.mark.parametrize(
    ("hand", "reasons"),
    [
        (careless.deaf, ["conditional create: 3 of 3 writers won", "conditional swap: 3 of 3 writers won"]),
        (careless.hasty, ["conditional create: 2 of 3 writers won"]),
        (MISSING, ["conditional swap: S3 answers NotImplemented"]),
    ],
    ids=["conditions never arrive", "looks before the body is there", "does not know one"],
)
def test_nothing_is_published_to_a_store_that_breaks_a_promise(
    server: S3, tmp_path: Path, hand: Hand, reasons: list[str]
) -> None:
    server.hand = hand
    settings = server.settings(tmp_path)
    for _ in range(2):
        with pytest.raises(StackError, match="cannot be trusted with a commit") as refusal:
            publish(Lake(settings))
        assert all(reason in refusal.value.message for reason in reasons)
    assert Lake(settings).manifest(KEY) is None
    keys = list(Objects(settings, settings.lake).keys(""))
    assert [key.split("/")[0] for key in keys] == ["generations", "generations"]


BROKEN = careless.breaking("HTTP_IF_NONE_MATCH", status="503 Service Unavailable", code="SlowDown")


@pytest.mark.parametrize("hand", [BROKEN, UNMET], ids=["503", "nobody wins"])
def test_an_outage_is_no_verdict_and_is_tried_again(server: S3, tmp_path: Path, hand: Hand) -> None:
    server.hand = hand
    settings = server.settings(tmp_path)
    with pytest.raises(LakeUnavailable):
        publish(Lake(settings))
    server.hand = careless.honest
    publish(Lake(settings))
    assert list(Objects(settings, settings.lake).keys("_doctor/")) == []


def test_a_cut_answer_is_an_outage_too(server: S3, tmp_path: Path) -> None:
    """A fault that the soak saw: the probe read below boto3, and ended with a traceback."""
    server.hand = careless.cut
    with pytest.raises(LakeUnavailable, match="could not be tried before a commit"):
        trust.require(server.settings(tmp_path))


def test_keys_that_may_not_try_are_a_mistake_and_not_an_outage(server: S3, tmp_path: Path) -> None:
    server.hand = careless.breaking("HTTP_IF_NONE_MATCH", status="403 Forbidden", code="AccessDenied")
    with pytest.raises(UsageError, match="tried before a commit") as refusal:
        trust.require(server.settings(tmp_path))
    assert "under the whole prefix" in str(refusal.value.fix)

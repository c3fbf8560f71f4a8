"""Stored JSON: what this version reads comes back as it was, and all else is one clear error."""

import json
import math
import pickle
import random
import tarfile
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

import pytest
from pydantic import ConfigDict

from nightshift.errors import LaterRecord, UnreadableRecord
from nightshift.monitoring.accuracy import Accuracy
from nightshift.monitoring.night_record import NightRecord
from nightshift.profiles.profile import Profile
from nightshift.scoring.shards import FinishedShard
from nightshift.steps.govern import DecisionRecord
from nightshift.stores.aliases import AliasMove
from nightshift.stores.manifest import Manifest
from nightshift.stores.records import Record

RECORDED = Path(__file__).parents[2] / "data" / "old_lake" / "objects.tar.xz"
KINDS = {
    "manifests/": Manifest,
    "monitoring/orders/day=": NightRecord,
    "monitoring/orders/_accuracy/": Accuracy,
    "monitoring/orders/_decisions/": DecisionRecord,
    "models/": Profile,
    "ledger/": AliasMove,
    "generations/predictions/": FinishedShard,
}


class Measured(Record):
    what = "a measurement"

    format: Literal[1, 2] = 2
    name: str
    value: float
    parts: tuple[int, ...] = ()


MEASURED = Measured(name="a", value=0.1, parts=(1, 2))


def recorded() -> dict[str, bytes]:
    """Every record of a lake that an earlier version wrote, by its key."""
    records = {}
    with tarfile.open(RECORDED) as archive:
        for member in archive:
            key = member.name.removeprefix("lake/")
            if key.endswith(".json") and key.startswith(tuple(KINDS)):
                records[key] = archive.extractfile(member).read()
    return records


OLD = recorded()


def test_a_record_comes_back_as_it_was_written() -> None:
    assert Measured.from_json(MEASURED.to_json(), "here") == MEASURED
    assert json.loads(MEASURED.to_json())["format"] == 2
    assert MEASURED.to_json().endswith(b"}\n")


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_number_that_is_none_stays_what_it_was(value: float) -> None:
    back = Measured.from_json(Measured(name="a", value=value).to_json(), "here")
    assert str(back.value) == str(value)


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b'{"format": 3, "name": "a", "value": 1}', r"format: Input should be 1 or 2, got '3'"),
        (b'{"format": 2, "name": "a"}', r"value: Field required"),
        (b'{"format": 2, "name": "a", "value": "many"}', r"value: .*, got 'many'"),
        (b'{"format": 2, "name": "a", "value": 1, "more": 2}', r"more: Extra inputs are not permitted, got '2'"),
        (b"", "no JSON of an object"),
        (b"{", "no JSON of an object"),
        (b"[1]", "no JSON of an object"),
        (b"null", "no JSON of an object"),
        (b'"text"', "no JSON of an object"),
        (b"\xff\xfe\x00", "no JSON of an object"),
    ],
)
def test_what_does_not_fit_is_one_error_naming_place_kind_and_format(body: bytes, why: str) -> None:
    with pytest.raises(UnreadableRecord, match=r"^s3://lake/x\.json is not a measurement this version reads") as error:
        Measured.from_json(body, "s3://lake/x.json")
    assert error.match(rf"format 2: {why}")
    assert error.value.fix == "install the version of Nightshift that wrote it"
    assert len(error.value.message) < 300
    assert pickle.loads(pickle.dumps(error.value)).message == error.value.message


def test_what_was_written_without_a_format_is_of_the_first() -> None:
    assert Measured.from_json(b'{"name": "a", "value": 1}', "here").format == 1


def test_a_flipped_bit_that_leaves_good_json_is_refused() -> None:
    body = MEASURED.to_json()
    wrong = body.replace(b'"value": 0.1', b'"value": 0.5')
    assert wrong != body
    with pytest.raises(UnreadableRecord, match="its bytes are not those that were written"):
        Measured.from_json(wrong, "here")


@pytest.mark.parametrize("seed", range(20))
def test_no_flipped_bit_and_no_cut_of_a_record_is_read_as_something_else(seed: int) -> None:
    body, dice = MEASURED.to_json(), random.Random(seed)
    for _ in range(50):
        flipped = bytearray(body)
        flipped[dice.randrange(len(body))] ^= 1 << dice.randrange(8)
        for damaged in (bytes(flipped), body[: dice.randrange(len(body))]):
            with suppress(UnreadableRecord):
                assert Measured.from_json(damaged, "here") == MEASURED


def test_a_record_is_frozen() -> None:
    with pytest.raises(ValueError, match="frozen"):
        MEASURED.name = "other"  # type: ignore[misc]


LATER_FIELDS: dict[type[Record], dict[str, object]] = {
    Manifest: {"sequence": 0, "inputs": {}, "retracted": None, "moments": {}},
    FinishedShard: {"unseen": None, "moments": {}, "sample_sha256": "", "seal": ""},
    Accuracy: {"labels_not_taught": 0, "skill": None, "pooled": None, "verdict_by": ""},
    AliasMove: {"night": None, "withdraws": None},
    NightRecord: {"planned": "", "episodes": [], "quarantined_by": {}},
}
LATER_DRIFT: dict[str, object] = {"detectors": {}, "cannot": []}
LATER_FEATURE: dict[str, object] = {
    "detectors": [],
    "by": "",
    "since": "",
    "is_by_night": False,
    "has_unseen": False,
    "moments": None,
}
LATER_EVIDENCE: dict[str, object] = {
    "champion": None,
    "episodes": None,
    "answered": {},
    "failed": {},
    "silenced": {},
    "planned": "",
    "tried_through": "",
    "this_month": 0,
    "rejected": 0,
}


def _with_later_fields(feature: dict[str, Any]) -> dict[str, Any]:
    """A feature of a profile as it is written now."""
    bins = feature["bins"] | {"has_unseen": False, "known": ""}
    return feature | {"bins": bins, "night_counts": [], "moments": []}


@pytest.mark.parametrize("key", sorted(OLD))
def test_what_an_earlier_version_wrote_is_read_and_nothing_of_it_lost(key: str) -> None:
    body = OLD[key]
    kind = next(kind for prefix, kind in KINDS.items() if key.startswith(prefix))
    record = kind.from_json(body, key)
    written = json.loads(record.to_json())
    assert len(written.pop("check")) == 64
    # A field that came later has the value that says nothing.
    later = LATER_FIELDS.get(kind, {})
    expected = {"format": 1} | json.loads(body) | later
    if kind is DecisionRecord:
        expected |= {"causes": [], "ended": None}
        expected["evidence"] |= LATER_EVIDENCE
    if kind is NightRecord:
        expected["pin"] |= {"profile_sha256": "", "reference_sha256": ""}
        expected["matters"] = None
        expected["drift"] |= LATER_DRIFT
        expected["drift"]["features"] = [feature | LATER_FEATURE for feature in expected["drift"]["features"]]
        expected["accuracy"] = [accuracy | LATER_FIELDS[Accuracy] for accuracy in expected["accuracy"]]
    if kind is Profile:
        expected["holdout"] = [night | {"skill": None} for night in expected["holdout"]]
        expected["features"] = [_with_later_fields(feature) for feature in expected["features"]]
    assert written == expected


def test_the_recorded_lake_has_every_kind() -> None:
    assert {prefix for prefix in KINDS for key in OLD if key.startswith(prefix)} == set(KINDS)


def test_the_first_records_of_nights_said_no_distance_that_alarms() -> None:
    body = json.loads(OLD["monitoring/orders/day=2024-01-14/_drift.json"])
    for feature in body["drift"]["features"]:
        del feature["alarm_distance"]
    for accuracy in body["accuracy"]:
        del accuracy["loss"]
    record = NightRecord.from_json(json.dumps(body).encode(), "here")
    assert {feature.alarm_distance for feature in record.drift.features} == {1.0}
    assert {accuracy.loss for accuracy in record.accuracy} == {"log_loss"}


@pytest.mark.parametrize(
    ("change", "is_later"),
    [
        ({"format": 3}, True),
        ({"more": 1}, True),
        ({"value": None}, True),
        ({}, False),
    ],
)
def test_what_a_later_version_wrote_whole_is_told_from_damage(change: dict[str, Any], is_later: bool) -> None:
    """By its own digest, or by a format that is not known yet: for what is damaged there is another remedy."""

    class Later(Measured):
        model_config = ConfigDict(extra="allow")

        format: int = 2
        value: Any

    body = Later(**{"name": "a", "value": 0.5, **change}).to_json()
    wrong = body if change else body.replace(b"0.5", b'"?"')
    with pytest.raises(UnreadableRecord) as error:
        Measured.from_json(wrong, "here")
    assert isinstance(error.value, LaterRecord) == is_later

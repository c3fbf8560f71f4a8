"""The commit record: its digest is of the content alone, and it reads only what it understands."""

import json
from dataclasses import asdict
from typing import Any

import pytest
from pydantic import ValidationError, create_model

from nightshift.contracts import CanaryPin, CanaryRows, Pin
from nightshift.errors import LaterRecord, UnreadableRecord
from nightshift.stores.manifest import CANARY_PIN, CHAMPION_MOVE, DataFile, Manifest
from nightshift.stores.records import Record

FILES = (DataFile(key="generations/a/part-00000.parquet", rows=3, bytes=10, sha256="aa"),)


def manifest(**changes: Any) -> Manifest:
    plain: dict[str, Any] = {
        "dataset": "raw", "model": "m", "column": "day", "partition": "2024-01-01", "generation": "g1",
        "previous": None,
        "rows": 3, "rows_in": 3, "rows_quarantined": 0, "columns": {"a": "string", "b": "float"}, "files": FILES,
        "provenance": {"by": "tests"},
    }  # fmt: skip
    return Manifest(**{**plain, **changes})


@pytest.mark.parametrize(
    "changes",
    [
        {"generation": "g2"},
        {"previous": "g0"},
        {"provenance": {"airflow_run": "another", "commit": "other"}},
        {"partition": "2024-01-02"},
        {"columns": {"b": "float", "a": "string"}},
        {"files": (DataFile(key="elsewhere", rows=3, bytes=99, sha256="aa"),)},
    ],
)
def test_what_made_the_rows_does_not_change_the_digest(changes: dict[str, Any]) -> None:
    assert manifest(**changes).digest == manifest().digest


@pytest.mark.parametrize(
    "changes",
    [
        {"columns": {"a": "string", "b": "double"}},
        {"columns": {"a": "string"}},
        {"rows_quarantined": 1},
        {"files": (DataFile(key="k", rows=3, bytes=10, sha256="bb"),)},
        {"files": (DataFile(key="k", rows=2, bytes=10, sha256="aa"),)},
        {"files": FILES * 2},
    ],
)
def test_other_rows_change_the_digest(changes: dict[str, Any]) -> None:
    assert manifest(**changes).digest != manifest().digest


def test_it_is_read_back_as_it_was_written() -> None:
    assert Manifest.from_json(manifest().to_json(), "here") == manifest()
    assert manifest().to_json() == manifest().to_json()


PIN = Pin("m", "3", "run", "aa", "models/m/aa/model.onnx", "ab.dir", "2023-12-31")
CANARY = CanaryPin(Pin("m", "4", "run-4", "bb", "models/m/bb/model.onnx", "ab.dir", "2023-12-31"), 0.25, 7, 0.4)


def with_canary() -> Manifest:
    provenance = {"pin": asdict(PIN), CANARY_PIN: asdict(CANARY)}
    rows = CanaryRows(1, {"kind": [1, 0]}, {"kind": 1}, {"amount": [1.0, 0.5, 0.5, 0.5]})
    return manifest(
        dataset="predictions",
        provenance=provenance,
        rows_by_version={"3": 2, "4": 1},
        canary=rows,
        inputs={CHAMPION_MOVE: 7},
    )


def test_a_night_of_two_versions_is_read_back_and_says_who_they_are() -> None:
    back = Manifest.from_json(with_canary().to_json(), "here")
    assert back == with_canary()
    assert (back.pin, back.canary_pin) == (PIN, CANARY)
    assert (list(back.pins), back.champion_rows) == (["3", "4"], 2)
    assert manifest(provenance={"pin": asdict(PIN)}).canary_pin is None


def test_a_night_whose_canary_is_not_named_is_damaged() -> None:
    night = with_canary()
    for named in ({}, {CANARY_PIN: {"share": 0.25}}, {CANARY_PIN: None}):
        damaged = night.model_copy(update={"provenance": {"pin": asdict(PIN), **named}})
        with pytest.raises(UnreadableRecord, match="names no canary"):
            _ = damaged.canary_pin


def test_a_version_of_before_reads_all_nights_but_those_with_a_canary() -> None:
    """It would take every row for the champion's: it says that a later version wrote them."""
    of_before = {
        name: (field.annotation, field) for name, field in Manifest.model_fields.items() if "canary" not in name
    }
    del of_before["rows_by_version"]
    before = create_model("before", __base__=Record, **of_before)  # type: ignore[call-overload]
    before.what = "a manifest"
    assert before.from_json(manifest().to_json(), "here").rows == 3
    with pytest.raises(LaterRecord):
        before.from_json(with_canary().to_json(), "here")


def test_of_one_input_the_later_word_on_who_scores_counts_be_it_of_a_canary() -> None:
    inputs = [{"validated": 2, CHAMPION_MOVE: number} for number in (5, 7, 8)]
    nights = [manifest(inputs=of_night) for of_night in inputs]
    assert [night.is_older_than(inputs[1]) for night in nights] == [True, False, False]
    newer = {"validated": 3, CHAMPION_MOVE: 5}
    assert nights[2].is_older_than(newer)


def test_people_read_schema_not_columns() -> None:
    assert json.loads(manifest().to_json())["schema"] == {"a": "string", "b": "float"}


@pytest.mark.parametrize("change", [{"format": 3}, {"format": "1x"}, {"extra": 1}, {"rows": "many"}])
def test_another_format_is_refused_and_not_guessed(change: dict[str, Any]) -> None:
    body = json.dumps({**json.loads(manifest().to_json()), **change}).encode()
    with pytest.raises(UnreadableRecord, match=f"format 2: {next(iter(change))}: "):
        Manifest.from_json(body, "here")


def test_a_manifest_is_frozen() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        manifest().generation = "other"


@pytest.mark.parametrize(
    ("standing", "mine", "older", "newer"),
    [
        ({"raw": 1}, {"raw": 1}, False, False),
        ({"raw": 2}, {"raw": 1}, True, False),
        ({"raw": 1}, {"raw": 2}, False, True),
        ({}, {"raw": 1}, False, True),
        ({"raw": 1}, {}, False, False),
        ({"validated": 1, "champion": 2}, {"validated": 1, "champion": 1}, True, False),
        ({"validated": 1, "champion": 1}, {"validated": 1, "champion": 2}, False, True),
        ({"validated": 1, "champion": 2}, {"validated": 2, "champion": 1}, False, True),
        ({"validated": 2, "champion": 1}, {"validated": 1, "champion": 2}, True, False),
        ({"validated": 1}, {"validated": 1, "champion": 3}, False, True),
    ],
)
def test_which_of_two_nights_was_made_from_something_newer(
    standing: dict[str, int], mine: dict[str, int], older: bool, newer: bool
) -> None:
    """Data first, then the champion's move; what says nothing is never older than what it replaces."""
    first = manifest(inputs=standing, format=2 if standing else 1)
    second = manifest(inputs=mine)
    assert second.is_older_than(first.inputs) is older
    assert (first.is_older_than(second.inputs) and not older) is newer


@pytest.mark.parametrize(
    ("changes", "same"),
    [
        ({}, True),
        ({"generation": "g2", "sequence": 7}, True),
        ({"inputs": {"raw": 2}}, False),
        ({"provenance": {"input": "other"}}, False),
        ({"inputs": {}, "provenance": {}}, True),
        ({"rows_quarantined": 1}, False),
        ({"retracted": {"by": "me", "why": "wrong"}}, False),
    ],
)
def test_a_night_is_the_same_when_rows_and_inputs_are(changes: dict[str, Any], same: bool) -> None:
    plain: dict[str, Any] = {"inputs": {"raw": 1}, "provenance": {"input": "one"}}
    assert manifest(**plain).is_same_as(manifest(**{**plain, **changes})) is same


@pytest.mark.parametrize("pin", [{}, {"version": "1"}, "1", [], {"model": 1}])
def test_a_version_that_is_none_is_one_clear_error(pin: Any) -> None:
    with pytest.raises(UnreadableRecord, match="names no version that this one reads"):
        _ = manifest(provenance={"pin": pin}).pin

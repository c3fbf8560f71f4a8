"""The commit record: its digest is of the content alone, and it reads only what it understands."""

import json
from typing import Any

import pytest
from pydantic import ValidationError

from nightshift.errors import UnreadableRecord
from nightshift.stores.manifest import DataFile, Manifest

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

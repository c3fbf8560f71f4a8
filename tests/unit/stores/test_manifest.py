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

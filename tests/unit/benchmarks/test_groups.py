"""The groups of ``make bench``: each can be asked for, and what was kept of them can be read."""

import re
from pathlib import Path

import pytest
from pydantic import ValidationError

from benchmarks import results
from benchmarks.groups import GROUPS, LONG, MOST_MINUTES

ROOT = Path(__file__).parents[3]


def test_the_groups_are_those_that_make_names() -> None:
    (named,) = re.findall(r"GROUP=([a-z|]+)", (ROOT / "Makefile").read_text())
    assert named.split("|") == list(GROUPS)


def test_what_is_kept_is_of_a_group_and_took_no_longer_than_allowed() -> None:
    parts = results.read().parts
    assert set(parts) <= {*GROUPS, *LONG}
    assert all((parts[group].minutes or 0) <= MOST_MINUTES for group in set(parts) & set(GROUPS))


def test_a_group_takes_the_place_of_its_former_part_alone(tmp_path: Path) -> None:
    file = tmp_path / "results.json"
    for group, value in (("data", 1.0), ("judge", 2.0), ("data", 3.0)):
        results.write(group, results.part({"figure": value}, seconds=90), file)
    parts = results.read(file).parts
    assert {group: part.figures["figure"] for group, part in parts.items()} == {"data": 3.0, "judge": 2.0}
    assert parts["data"].minutes == 1.5
    assert re.fullmatch(r"[0-9a-f]{40}(\+changed)?|unknown", parts["data"].commit)


def test_a_part_is_of_the_code_s_commit_whatever_project_was_measured_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = results.part({}, seconds=0).commit
    monkeypatch.setenv("NIGHTSHIFT_PROJECT", str(tmp_path / "gone"))
    assert results.part({}, seconds=0).commit == before


def test_results_of_another_format_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "results.json"
    file.write_text('{"score.vs_ort": 0.8}')
    with pytest.raises(ValidationError):
        results.read(file)

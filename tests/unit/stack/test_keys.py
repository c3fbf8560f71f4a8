"""Secrets are made once, kept, and for this user alone."""

import json
import stat
from dataclasses import asdict
from pathlib import Path

import pytest

from nightshift.errors import StackError
from nightshift.stack.keys import LATER, Keys, has_keys, load_keys


def test_made_once_and_kept(tmp_path: Path) -> None:
    home = tmp_path / "home"
    assert not has_keys(home)
    first = load_keys(home)
    assert has_keys(home)
    assert load_keys(home) == first
    assert stat.S_IMODE((home / "keys.json").stat().st_mode) == 0o600


def test_a_home_from_before_the_seals_gets_its_key_and_keeps_the_others(tmp_path: Path) -> None:
    keys = asdict(load_keys(tmp_path))
    before = {name: value for name, value in keys.items() if name != "seal_key"}
    (tmp_path / "keys.json").write_text(json.dumps(before))
    upgraded = load_keys(tmp_path)
    assert asdict(upgraded) | before == asdict(upgraded)
    assert len(upgraded.seal_key) == 64
    assert load_keys(tmp_path) == upgraded
    assert stat.S_IMODE((tmp_path / "keys.json").stat().st_mode) == 0o600


def test_no_two_stacks_share_a_secret() -> None:
    one, other = Keys.generate(), Keys.generate()
    assert not set(vars(one).values()) & set(vars(other).values())


def test_a_traceback_shows_no_secret(tmp_path: Path) -> None:
    keys = load_keys(tmp_path)
    assert keys.airflow_password not in repr(keys)


@pytest.mark.parametrize("damaged", ["", "{", "[]", '{"s3_access_key": "a"}'])
def test_damaged_keys_are_never_replaced_silently(tmp_path: Path, damaged: str) -> None:
    (tmp_path / "keys.json").write_text(damaged)
    with pytest.raises(StackError, match=r"keys\.json lacks s3_"):
        load_keys(tmp_path)
    assert (tmp_path / "keys.json").read_text() == damaged


def test_a_home_of_before_gets_the_keys_that_came_later_and_keeps_its_own(tmp_path: Path) -> None:
    first = vars(load_keys(tmp_path))
    before = {name: value for name, value in first.items() if name not in LATER}
    (tmp_path / "keys.json").write_text(json.dumps(before))
    upgraded = load_keys(tmp_path)
    assert {name: vars(upgraded)[name] for name in before} == before
    assert load_keys(tmp_path) == upgraded

"""The first hour at the command line: each long verb says how far it is, each ends with the next command."""

import shlex
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from nightshift.cli.main import app
from nightshift.settings import settings
from nightshift.spec import ModelSpec
from nightshift.stores import Stores

pytestmark = pytest.mark.stack
LAST = "2024-01-11"


@pytest.fixture
def nightshift(
    spec: ModelSpec, stores: Stores, project: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Result]:
    """A verb at the command line, in the project of ``spec``."""
    monkeypatch.setenv("NIGHTSHIFT_PROJECT", str(project))
    monkeypatch.setenv("NIGHTSHIFT_HOME", str(stores.settings.home))
    monkeypatch.setenv("NIGHTSHIFT_LAKE", stores.settings.lake)
    monkeypatch.setenv("NIGHTSHIFT_DVC_REMOTE", stores.settings.dvc_remote)
    monkeypatch.setenv("COLUMNS", "80")
    settings.cache_clear()

    def call(*words: str) -> Result:
        result = CliRunner().invoke(app, list(words))
        assert result.exit_code == 0, result.output
        return result

    yield call
    settings.cache_clear()


def test_who_follows_the_last_lines_comes_from_check_to_the_provenance_of_a_night(
    nightshift: Callable[..., Result], spec: ModelSpec
) -> None:
    name = spec.name
    checked = nightshift("check", name)
    assert checked.stdout.splitlines()[-1].startswith(f"next: nightshift load {name} 2024-01-01 ")
    loaded = nightshift("load", name, "2024-01-01", LAST)
    assert "loading nights: 0 of 11\n" in loaded.stderr
    assert "loading nights: 5 of 11, " in loaded.stderr
    assert " s left" in loaded.stderr
    assert "loading" not in loaded.stdout
    trained = followed(nightshift, loaded, f"nightshift train {name} 2024-01-12")
    for stage in ("joining nights: 10 of 10", "fitting: 0 of 4", "building graphs: 1 of 1", "evaluated: 4 of 4"):
        assert stage in trained.stderr
    assert "/#/experiments/" in trained.stdout.splitlines()[-2]
    result = trained
    for verb in ("ingest", "validate", "predict", "monitor", "explain"):
        result = followed(nightshift, result, f"nightshift {verb} {name} 2024-01-12")
        if verb == "predict":
            assert "scoring shards: 1 of 1" in result.stderr
    assert all("http://" not in line or len(line.split()) == 2 for line in result.stdout.splitlines())


def followed(nightshift: Callable[..., Result], before: Result, command: str) -> Result:
    """Do what the last line of a verb says, which is this command."""
    last = before.stdout.splitlines()[-1]
    assert last.startswith("next: ")
    first = last.removeprefix("next: ").partition(" && ")[0]
    assert first == command
    return nightshift(*shlex.split(first)[1:])


def test_maintenance_and_a_move_say_how_far_they_are(nightshift: Callable[..., Result], spec: ModelSpec) -> None:
    nightshift("ingest", spec.name, LAST)
    assert "looking after datasets: 3 of 7, " in nightshift("maintain", spec.name, "--dry-run").stderr
    moved = nightshift("migrate", spec.name)
    assert moved.stdout.splitlines()[-1] == f"next: nightshift maintain {spec.name} --dry-run"

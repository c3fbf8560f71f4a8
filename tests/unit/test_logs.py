"""Logs as JSON: every line is one object that says what it is about, and nothing else of the data."""

import json
import logging
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from nightshift import logs
from nightshift.cli.main import main
from nightshift.contracts import Dataset, PartitionRef, Pin, Plan
from nightshift.logs import JsonLines
from nightshift.settings import Settings, settings

PIN = Pin("orders", "3", "run", "ab" * 32, "k", "5f.dir", "2024-01-01")
Lines = Callable[..., list[dict[str, object]]]


class Refusing:
    """As Airflow's context of connections: whatever is asked of it is looked up somewhere else, and not there."""

    def __getattr__(self, name: str) -> object:
        raise LookupError(name)


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    """What a test lets the process log goes on in no other."""
    root = logging.getLogger()
    ours = logging.getLogger("nightshift")
    level = ours.level
    yield
    for handler in [handler for handler in root.handlers if isinstance(handler.formatter, JsonLines)]:
        root.removeHandler(handler)
    ours.setLevel(level)
    logging.captureWarnings(False)
    logs.forget()


@pytest.fixture
def lines(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Iterator[Lines]:
    """``lines("ingest", ...)``: what a command logs, each line read as JSON."""
    for field in Settings.model_fields.values():
        monkeypatch.delenv(str(field.alias), raising=False)
    monkeypatch.setenv("NIGHTSHIFT_PROJECT", str(project))
    monkeypatch.setenv("NIGHTSHIFT_HOME", str(tmp_path / "home"))
    monkeypatch.setenv(logs.VARIABLE, logs.JSON)
    settings.cache_clear()

    def run(*words: str) -> list[dict[str, object]]:
        monkeypatch.setattr(sys, "argv", ["nightshift", *words])
        with pytest.raises(SystemExit):
            main()
        return [json.loads(line) for line in capfd.readouterr().err.splitlines()]

    yield run
    settings.cache_clear()


def test_a_command_logs_nothing_but_lines_of_json_and_the_last_says_how_it_ended(lines: Lines, project: Path) -> None:
    (model,) = [folder.name for folder in (project / "models").iterdir()]
    error, last = lines("ingest", model, "2023-01-01")
    assert error["level"] == "error"
    assert str(error["message"]).startswith(f"UsageError: {model} has no night 2023-01-01")
    assert error["fix"] == "give a later night, or an earlier partition.start in model.yaml"
    about = {name: last.get(name) for name in ("model", "night", "verb", "exit")}
    assert about == {"model": model, "night": "2023-01-01", "verb": "ingest", "exit": 1}
    assert last["run"] == error["run"]


def test_a_command_that_ends_well_says_so(lines: Lines) -> None:
    (last,) = lines("episodes", "--help")
    assert (last["verb"], last["exit"]) == ("episodes", 0)


def test_what_a_step_hands_on_says_the_version_and_the_digest_of_its_graph() -> None:
    plan = Plan("orders", "2024-01-05", PIN, "gg", "dd", 3, None, [])
    ref = PartitionRef(Dataset.PREDICTIONS, "orders", "2024-01-05", "gg", "cc", 3)
    known = {"model": "orders", "night": "2024-01-05"}
    assert logs.fields_of(plan) == {**known, "version": "3", "digest": "ab" * 32}
    # Its digest is of rows, and no graph's.
    assert logs.fields_of(ref, None, 3, "text", {"model": "x"}, Refusing()) == known


def test_what_is_known_stands_in_lines_of_every_thread() -> None:
    logs.bind(model="orders", night="2024-01-05", version="", run=None)
    record = logging.makeLogRecord({"name": "nightshift", "msg": "%s rows", "args": (3,)})
    with ThreadPoolExecutor(1) as pool:
        line = json.loads(pool.submit(JsonLines().format, record).result())
    assert line.items() >= {"message": "3 rows", "model": "orders", "night": "2024-01-05"}.items()
    assert not {"version", "run"} & line.keys()


def test_a_line_stays_one_line_whatever_is_in_it() -> None:
    try:
        raise ValueError("a\nb")
    except ValueError:
        record = logging.makeLogRecord({"msg": 'x\n\u2028{}"', "exc_info": sys.exc_info()})
    text = JsonLines().format(record)
    assert len(text.splitlines()) == 1
    assert json.loads(text)["exception"].endswith("ValueError: a\nb")

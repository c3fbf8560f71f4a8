"""docker/prepare.py waits for servers that are not ready, and says in a line which one never was."""

import sys
from pathlib import Path
from types import ModuleType

import pytest

from tests.scripts import load_script

FOLDER = Path(__file__).parents[3] / "docker"


@pytest.fixture
def prepare(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script, with no patience."""
    monkeypatch.syspath_prepend(str(FOLDER))
    module = load_script(FOLDER / "prepare.py")
    sys.modules.pop("make_secrets")
    monkeypatch.setattr(module, "RETRY", 0)
    return module


def test_a_server_that_takes_connections_and_no_requests_yet_is_waited_for(prepare: ModuleType) -> None:
    refusals = ["the database system is starting up", "the database system is not yet accepting connections"]

    def ask() -> None:
        if refusals:
            raise prepare.psycopg2.OperationalError(refusals.pop())

    prepare.wait_for(ask, prepare.psycopg2.OperationalError, "Postgres")
    assert not refusals


def test_one_that_never_answers_is_named_in_a_line(prepare: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prepare, "PATIENCE", -1)

    def ask() -> None:
        raise ConnectionRefusedError("connection refused\nIs the server running?")

    with pytest.raises(SystemExit) as end:
        prepare.wait_for(ask, OSError, "S3")
    assert str(end.value) == (
        "error: S3 does not answer: connection refused; see `docker compose ps`, or: make compose-up"
    )

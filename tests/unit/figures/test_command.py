"""`nightshift metrics` where there is no lake, and the token that it asks for."""

import socket
import stat
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner

from nightshift import logs
from nightshift.cli.main import app
from nightshift.cli.metrics import TOKEN_FILE, _token
from nightshift.errors import UsageError
from nightshift.settings import Settings, load_settings, settings


@pytest.fixture(autouse=True)
def nobody_answers(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A project whose S3 is at a port where nobody listens."""
    for field in Settings.model_fields.values():
        monkeypatch.delenv(str(field.alias), raising=False)
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{free.getsockname()[1]}")
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
        monkeypatch.setenv("NIGHTSHIFT_PROJECT", str(project))
        monkeypatch.setenv("NIGHTSHIFT_HOME", str(tmp_path / "home"))
        settings.cache_clear()
        yield
    settings.cache_clear()
    logs.forget()


def test_without_a_lake_it_says_that_nothing_is_known(project: Path) -> None:
    (model,) = [folder.name for folder in (project / "models").iterdir()]
    result = CliRunner().invoke(app, ["metrics", "--once"])
    assert result.exit_code == 1
    values = dict(line.rsplit(" ", 1) for line in result.stdout.splitlines() if not line.startswith("#"))
    assert values["nightshift_up"] == values["nightshift_last_success_timestamp_seconds"] == "0.0"
    assert values[f'nightshift_model_up{{model="{model}"}}'] == "0.0"
    assert not [name for name in values if "night_rows" in name]


def test_a_token_is_made_once_for_its_owner_s_eyes_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    token, where = _token(load_settings())
    assert len(token) >= 32
    assert _token(load_settings()) == (token, where)
    assert isinstance(where, Path)
    assert where.name == TOKEN_FILE
    assert stat.S_IMODE(where.stat().st_mode) == 0o600
    monkeypatch.setenv("NIGHTSHIFT_METRICS_TOKEN", "said-by-the-environment")
    assert _token(load_settings()) == ("said-by-the-environment", "NIGHTSHIFT_METRICS_TOKEN")
    monkeypatch.setenv("NIGHTSHIFT_METRICS_TOKEN", "short")
    with pytest.raises(UsageError, match="NIGHTSHIFT_METRICS_TOKEN: Value should have at least 16 items"):
        load_settings()

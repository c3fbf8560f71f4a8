"""Where everything is: environment over file, and one clear line for what is malformed."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import ValidationError

from nightshift.errors import UsageError
from nightshift.settings import Settings, find_project, load_settings, settings


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty home, and an environment that says nothing else."""
    for field in Settings.model_fields.values():
        monkeypatch.delenv(str(field.alias), raising=False)
    monkeypatch.delenv("NIGHTSHIFT_COMMIT", raising=False)
    monkeypatch.setenv("NIGHTSHIFT_PROJECT", str(tmp_path))
    monkeypatch.setenv("NIGHTSHIFT_HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    settings.cache_clear()
    yield tmp_path / "home"
    settings.cache_clear()


def test_without_anything_there_are_defaults(home: Path) -> None:
    found = load_settings()
    assert (found.lake, found.dvc_remote, found.region) == ("s3://lake", "s3://dvc", "us-east-1")
    assert (found.endpoint, found.access_key, found.mlflow_uri, found.mlflow_url) == (None, None, None, "")


def test_the_file_counts_and_the_environment_wins_over_it(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (home / "env").write_text("NIGHTSHIFT_LAKE=s3://from-file\nAWS_ACCESS_KEY_ID='of the file'\n")
    assert (load_settings().lake, load_settings().access_key) == ("s3://from-file", "of the file")
    monkeypatch.setenv("NIGHTSHIFT_LAKE", "s3://from-environment/with/prefix")
    assert (load_settings().lake, load_settings().access_key) == ("s3://from-environment/with/prefix", "of the file")


def test_other_libraries_see_what_the_file_says(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (home / "env").write_text("AWS_ENDPOINT_URL=http://127.0.0.1:1\nAWS_DEFAULT_REGION=eu-north-1\n")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    # Registered for removal after the test: settings() itself sets it.
    monkeypatch.setenv("AWS_ENDPOINT_URL", "")
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    assert settings() is settings()
    assert os.environ["AWS_ENDPOINT_URL"] == "http://127.0.0.1:1"
    assert os.environ["AWS_DEFAULT_REGION"] == "eu-west-1"


@pytest.mark.parametrize("lake", ["lake", "http://lake", "s3://", "s3://A", "s3:/lake", "s3://la ke", "file:///tmp"])
def test_a_malformed_lake_names_the_variable(home: Path, monkeypatch: pytest.MonkeyPatch, lake: str) -> None:
    monkeypatch.setenv("NIGHTSHIFT_LAKE", lake)
    with pytest.raises(UsageError, match="environment variable NIGHTSHIFT_LAKE: ") as error:
        load_settings()
    assert error.value.fix == "correct it, or unset it"


def test_secrets_are_not_shown(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hush")
    monkeypatch.setenv("NIGHTSHIFT_AIRFLOW_PASSWORD", "hush")
    assert "hush" not in repr(load_settings())
    assert load_settings().secret_key.get_secret_value() == "hush"


def test_settings_do_not_change(home: Path) -> None:
    with pytest.raises(ValidationError, match="frozen"):
        load_settings().lake = "s3://other"


def test_the_project_is_found_from_any_folder_in_it(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").touch()
    inside = tmp_path / "models" / "a"
    inside.mkdir(parents=True)
    assert find_project(inside) == tmp_path


def test_outside_a_project_says_what_makes_one(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is not inside a Nightshift project"):
        find_project(tmp_path)


def test_the_commit_says_when_the_code_has_changed_since(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = home.parent
    assert load_settings().commit == "unknown"

    def git(*words: str) -> str:
        who = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
        return subprocess.run(["git", *who, *words], cwd=root, check=True, capture_output=True, text=True).stdout

    (root / "models").mkdir()
    (root / "models" / "a.py").write_text("one")
    git("init", "--quiet")
    git("add", "models")
    git("commit", "--quiet", "-m", "one")
    head = git("rev-parse", "HEAD").strip()
    assert load_settings().commit == head
    (root / "models" / "a.py").write_text("two")
    assert load_settings().commit == f"{head}+changed"
    monkeypatch.setenv("NIGHTSHIFT_COMMIT", "of the image")
    assert load_settings().commit == "of the image"


def test_mlflow_s_public_url_wins_for_links(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://mlflow:5000/")
    assert load_settings().mlflow_url == "http://mlflow:5000"
    monkeypatch.setenv("NIGHTSHIFT_MLFLOW_URL", "https://mlflow.example.org/")
    assert load_settings().mlflow_url == "https://mlflow.example.org"

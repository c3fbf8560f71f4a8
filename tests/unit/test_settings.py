"""Where everything is: environment over file, and one clear line for what is malformed."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import ValidationError

from nightshift.errors import UsageError
from nightshift.settings import Settings, export_env, load_settings, settings, settings_of


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty home, and an environment that says nothing else."""
    for field in Settings.model_fields.values():
        monkeypatch.delenv(str(field.alias), raising=False)
    monkeypatch.delenv("NIGHTSHIFT_COMMIT", raising=False)
    monkeypatch.setenv("NIGHTSHIFT_PROJECT", str(tmp_path))
    monkeypatch.setenv("NIGHTSHIFT_HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    (tmp_path / "nightshift.toml").write_text("format = 1\n")
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


def test_another_project_s_settings_are_those_of_its_file_whatever_this_process_says(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "other"
    (other / ".nightshift").mkdir(parents=True)
    with pytest.raises(UsageError, match=r"it has no nightshift\.toml"):
        settings_of(other)
    (other / "nightshift.toml").write_text("format = 1\n")
    with pytest.raises(UsageError, match=r"it says where the stores of .*other are"):
        settings_of(other)
    (other / ".nightshift" / "env").write_text("NIGHTSHIFT_LAKE=s3://production\n")
    monkeypatch.setenv("NIGHTSHIFT_LAKE", "s3://development")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:1")
    found = settings_of(other)
    assert (found.project, found.lake, found.mlflow_uri) == (other.resolve(), "s3://production", None)
    (tmp_path / "elsewhere").write_text("NIGHTSHIFT_LAKE=s3://elsewhere\n")
    assert settings_of(other, tmp_path / "elsewhere").lake == "s3://elsewhere"


def test_another_project_s_file_is_taken_as_it_is_written(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HERE", "of this process")
    file = tmp_path / "elsewhere"
    file.write_text("AWS_ACCESS_KEY_ID='a${HERE}b'\n")
    assert settings_of(tmp_path, file).access_key == "a${HERE}b"
    file.write_bytes(b"AWS_ACCESS_KEY_ID=\xff\xfe\n")
    with pytest.raises(UsageError, match="elsewhere cannot be read") as unreadable:
        settings_of(tmp_path, file)
    assert "UTF-8" in unreadable.value.fix
    with pytest.raises(UsageError) as no_project:
        settings_of(tmp_path / "nowhere")
    assert "NIGHTSHIFT_PROJECT" not in no_project.value.fix
    assert "the other project" in no_project.value.fix


@pytest.mark.parametrize(
    ("lake", "endpoint", "is_same"),
    [
        ("s3://lake/", "http://localhost:9000", True),
        ("s3://lake", "http://LOCALHOST:9000/", True),
        ("s3://lake", "http://127.0.0.1:9000", True),
        ("s3://lake", "http://127.0.0.1:9001", False),
        ("s3://lake/below", "http://127.0.0.1:9000", False),
        ("s3://lake", "http://store:9000", False),
        ("s3://lake", None, False),
    ],
)
def test_a_lake_is_the_same_however_its_address_is_written(
    tmp_path: Path, lake: str, endpoint: str | None, is_same: bool
) -> None:
    known = Settings(project=tmp_path, home=tmp_path, lake="s3://lake", endpoint="http://127.0.0.1:9000/")
    other = Settings(project=tmp_path, home=tmp_path, lake=lake, endpoint=endpoint)
    assert (known.lake_place == other.lake_place) is is_same


def test_reading_settings_changes_no_environment(home: Path) -> None:
    (home / "env").write_text("AWS_ENDPOINT_URL=http://127.0.0.1:1\nOTHER_OF_THE_FILE=1\n")
    before = dict(os.environ)
    assert settings() is settings()
    assert settings().endpoint == "http://127.0.0.1:1"
    assert dict(os.environ) == before


def test_other_libraries_see_what_the_file_says_once_it_is_exported(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / "env").write_text("AWS_ENDPOINT_URL=http://127.0.0.1:1\nAWS_DEFAULT_REGION=eu-north-1\n")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    # Registered for removal after the test: export_env sets it.
    monkeypatch.setenv("AWS_ENDPOINT_URL", "")
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    export_env(settings())
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


@pytest.mark.parametrize("name", ["nowhere", "models"])
def test_a_folder_that_is_no_project_is_refused_though_the_environment_names_it(
    home: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """It would have no model, and Airflow no Dag, without a word."""
    (home.parent / "models").mkdir()
    monkeypatch.setenv("NIGHTSHIFT_PROJECT", str(home.parent / name))
    with pytest.raises(UsageError, match=f"{name} is not a Nightshift project: it has no nightshift.toml"):
        load_settings()


def git(folder: Path, *words: str) -> str:
    who = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    return subprocess.run(["git", *who, *words], cwd=folder, check=True, capture_output=True, text=True).stdout


def test_the_commit_says_when_the_code_has_changed_since(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = home.parent
    assert load_settings().commit == "unknown"

    (root / "models").mkdir()
    (root / "models" / "a.py").write_text("one")
    git(root, "init", "--quiet")
    assert load_settings().commit == "unknown"
    git(root, "add", "models")
    git(root, "commit", "--quiet", "-m", "one")
    head = git(root, "rev-parse", "HEAD").strip()
    assert load_settings().commit == head
    (root / "models" / "a.py").write_text("two")
    assert load_settings().commit == f"{head}+changed"
    monkeypatch.setenv("NIGHTSHIFT_COMMIT", "of the image")
    assert load_settings().commit == "of the image"


def test_a_project_inside_a_larger_repository_looks_at_its_own_folders(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = home.parent / "teams" / "churn"
    (project / "models").mkdir(parents=True)
    (project / "nightshift.toml").write_text("format = 1\n")
    (home.parent / "models").mkdir()
    monkeypatch.setenv("NIGHTSHIFT_PROJECT", str(project))
    git(home.parent, "init", "--quiet")
    git(home.parent, "add", "teams")
    git(home.parent, "commit", "--quiet", "-m", "one")
    (home.parent / "models" / "another.py").write_text("not of this project")
    assert "+changed" not in load_settings().commit
    (project / "models" / "mine.py").write_text("new")
    assert load_settings().commit.endswith("+changed")


def test_mlflow_s_public_url_wins_for_links(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://mlflow:5000/")
    assert load_settings().mlflow_url == "http://mlflow:5000"
    monkeypatch.setenv("NIGHTSHIFT_MLFLOW_URL", "https://mlflow.example.org/")
    assert load_settings().mlflow_url == "https://mlflow.example.org"

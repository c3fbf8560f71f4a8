"""Wrong use of the command line: one clear message, the right exit code, never a traceback."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pipelines.stack.keys import load_keys


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "models").mkdir()
    (tmp_path / "pyproject.toml").touch()
    return tmp_path


def nightshift(*words: str, cwd: Path, **env: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("NIGHTSHIFT_", "AWS_"))}
    command = [sys.executable, "-c", "from pipelines.cli import main; main()", *words]
    return subprocess.run(command, cwd=cwd, env={**clean, **env}, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("words", [("nonsense",), ("up", "--nonsense"), ("env", "extra")])
def test_wrong_use_exits_2(project: Path, words: tuple[str, ...]) -> None:
    done = nightshift(*words, cwd=project)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("words", "env", "said"),
    [
        (("up", "--only", "minio"), {}, "there is no service minio"),
        (("up",), {"NIGHTSHIFT_S3_PORT": "http"}, "NIGHTSHIFT_S3_PORT='http' is not a port"),
        (("env",), {}, "no stack was ever started"),
        (("status",), {"NIGHTSHIFT_LAKE": "lake"}, "NIGHTSHIFT_LAKE"),
    ],
)
def test_known_errors_are_one_message(project: Path, words: tuple[str, ...], env: dict[str, str], said: str) -> None:
    done = nightshift(*words, cwd=project, **env)
    assert done.returncode == 1
    assert done.stderr.startswith("error: ")
    assert said in done.stderr
    assert "\n  -> " in done.stderr
    assert "Traceback" not in done.stderr


def test_outside_a_project_it_says_so(tmp_path: Path) -> None:
    done = nightshift("status", cwd=tmp_path)
    assert (done.returncode, "is not inside a Nightshift project" in done.stderr) == (1, True)


def test_status_of_nothing_exits_3(project: Path) -> None:
    done = nightshift("status", cwd=project)
    assert done.returncode == 3
    assert done.stdout.count("down") == 6
    assert not (project / ".nightshift").exists()


def test_down_of_nothing_is_fine(project: Path) -> None:
    done = nightshift("down", cwd=project)
    assert (done.returncode, done.stdout) == (0, "nothing was running\n")


def test_env_for_shells_and_for_machines(project: Path) -> None:
    keys = load_keys(project / ".nightshift")
    assert f"export AWS_SECRET_ACCESS_KEY={keys.s3_secret_key}" in nightshift("env", cwd=project).stdout
    values = json.loads(nightshift("env", "--json", cwd=project).stdout)
    assert values["AWS_ACCESS_KEY_ID"] == keys.s3_access_key


def test_help_imports_nothing_heavy(project: Path) -> None:
    code = "import sys, pipelines.cli; print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"airflow", "mlflow", "boto3", "pandas", "pydantic", "psutil"} & set(done.stdout.split())
    assert nightshift("--help", cwd=project).returncode == 0

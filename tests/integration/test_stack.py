"""The embedded stack, started for real: SeaweedFS and MLflow on free ports."""

import http.client
import os
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
import psutil
import pytest
import requests

from nightshift.errors import PortTaken, ServiceDied, StackError
from nightshift.project import PROJECT_FILE
from nightshift.s3 import trust
from nightshift.s3.scratch import scratch
from nightshift.settings import load_settings
from nightshift.stack import Event, Ports, Stack
from nightshift.stack import doctor as probes
from nightshift.stack.processes import recall
from nightshift.stack.seaweedfs import s3_client

pytestmark = pytest.mark.stack

READ_BACK = """
import pandas as pd, pyarrow.dataset as ds
print(len(pd.read_parquet("s3://lake/x/")), pd.read_parquet("s3://lake/x/").day.nunique())
print(ds.dataset("s3://lake/x/", partitioning="hive").count_rows())
"""


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    root = tmp_path_factory.mktemp("stack")
    (root / PROJECT_FILE).write_text("format = 1\n")
    running = Stack(root / "home", root, Ports.free())
    running.up(only=["s3", "mlflow"])
    yield running
    running.down()


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Stack]:
    """A stack that a test may treat badly; S3 alone starts in two seconds."""
    own = Stack(tmp_path / "home", tmp_path, Ports.free())
    yield own
    own.down()


@pytest.fixture
def env(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    for name, value in stack.env().items():
        monkeypatch.setenv(name, value)
    return stack.env()


def python(code: str, env: dict[str, str]) -> str:
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "MLFLOW_"))}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env={**clean, **env}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@contextmanager
def s3(stack: Stack) -> Iterator[Any]:
    client = s3_client(stack.ports, stack.keys)
    yield client
    client.close()


def login(stack: Stack) -> tuple[str, str]:
    env = stack.env()
    return env["MLFLOW_TRACKING_USERNAME"], env["MLFLOW_TRACKING_PASSWORD"]


def family(stack: Stack) -> list[psutil.Process]:
    found = [recall(stack.records, name) for name in ("s3", "mlflow")]
    return [process for running in found if running for process in running.family()]


def listening(stack: Stack) -> dict[int, str]:
    connections = [c for process in family(stack) for c in process.net_connections("tcp")]
    return {c.laddr.port: c.laddr.ip for c in connections if c.status == psutil.CONN_LISTEN}


def test_buckets_are_made_and_signatures_are_required(stack: Stack, env: dict[str, str]) -> None:
    client = boto3.client("s3")
    assert [bucket["Name"] for bucket in client.list_buckets()["Buckets"]] == ["dvc", "lake", "mlflow"]
    client.close()
    for path in ("/", "/lake", "/lake/x"):
        unsigned = http.client.HTTPConnection("127.0.0.1", stack.ports.s3, timeout=5)
        unsigned.request("GET", path)
        assert unsigned.getresponse().status == 403
        unsigned.close()


def test_listens_on_loopback_only_and_only_where_said(stack: Stack) -> None:
    found = listening(stack)
    assert set(found.values()) == {"127.0.0.1"}
    assert set(found) == {*stack.ports.weed.values(), stack.ports.mlflow}


def test_secrets_are_for_this_user_alone(stack: Stack) -> None:
    assert {stat.S_IMODE((stack.home / name).stat().st_mode) for name in ("keys.json", "env")} == {0o600}
    assert stat.S_IMODE(stack.home.stat().st_mode) == 0o700
    shown = " ".join(" ".join(process.cmdline()) for process in family(stack))
    assert stack.keys.s3_secret_key not in shown
    assert stack.keys.s3_secret_key not in repr(stack.keys)


def test_no_file_below_the_home_is_for_others(stack: Stack) -> None:
    """Also where somebody opens the folder, or copies it."""
    files = [path for path in stack.home.rglob("*") if path.is_file()]
    assert {path.relative_to(stack.home).parts[0] for path in files} >= {"keys.json", "logs", "mlflow", "weed"}
    # The lock holds nothing, and is made before anything is known of the home.
    assert [path for path in files if path.stat().st_mode & 0o077 and path.name != "lock"] == []


def test_nobody_else_can_use_its_sockets(stack: Stack) -> None:
    sockets = list(Path("/tmp").glob(f"seaweedfs-*-{stack.ports.weed['filer']}.sock"))
    assert sockets
    assert {stat.S_IMODE(path.stat().st_mode) & 0o077 for path in sockets} == {0}
    assert not list(Path("/tmp").glob(f"weed.*.{recall(stack.records, 's3').pid}"))


def test_env_file_is_what_settings_read(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in stack.env():
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NIGHTSHIFT_HOME", str(stack.home))
    monkeypatch.setenv("NIGHTSHIFT_PROJECT", str(stack.project))
    found = load_settings()
    assert found.endpoint == stack.env()["AWS_ENDPOINT_URL"]
    assert found.secret_key is not None
    assert found.secret_key.get_secret_value() == stack.keys.s3_secret_key


def test_pandas_and_pyarrow_read_the_lake_with_the_env_alone(stack: Stack, env: dict[str, str]) -> None:
    import pyarrow as pa
    import pyarrow.dataset as ds
    from pyarrow.fs import FileSystem

    table = pa.table({"n": range(100), "day": ["2013-04-01"] * 60 + ["2013-04-02"] * 40})
    lake, path = FileSystem.from_uri("s3://lake/x")
    ds.write_dataset(table, path, filesystem=lake, format="parquet", partitioning=["day"], partitioning_flavor="hive")
    # A directory marker, as file browsers and s3fs leave them.
    client = boto3.client("s3")
    client.put_object(Bucket="lake", Key="x/day=2013-04-03/", Body=b"")
    client.close()
    assert python(READ_BACK, env).split() == ["100", "2", "100"]


def test_mlflow_keeps_artifacts_in_s3_and_clients_need_no_keys_of_it(stack: Stack) -> None:
    url = f"http://127.0.0.1:{stack.ports.mlflow}/api/2.0/mlflow-artifacts/artifacts/1/run/artifacts/note.txt"
    assert requests.put(url, data=b"hello", auth=login(stack), timeout=30).status_code == 200
    assert requests.get(url, auth=login(stack), timeout=30).content == b"hello"
    with s3(stack) as client:
        assert client.get_object(Bucket="mlflow", Key="1/run/artifacts/note.txt")["Body"].read() == b"hello"


def test_mlflow_refuses_strange_hosts(stack: Stack) -> None:
    def status(host: str) -> int:
        connection = http.client.HTTPConnection("127.0.0.1", stack.ports.mlflow, timeout=10)
        user, password = login(stack)
        headers = {"Host": host, "Authorization": requests.auth._basic_auth_str(user, password)}
        connection.request("GET", "/api/2.0/mlflow/experiments/search?max_results=1", headers=headers)
        found = connection.getresponse().status
        connection.close()
        return found

    port = stack.ports.mlflow
    assert [status(f"127.0.0.1:{port}"), status(f"localhost:{port}"), status("evil.example")] == [200, 200, 403]


def test_a_second_up_changes_nothing(stack: Stack) -> None:
    before = [(one.name, one.pid) for one in stack.status() if one.state == "up"]
    assert stack.up(only=["s3", "mlflow"]) is False
    assert [(one.name, one.pid) for one in stack.status() if one.state == "up"] == before
    assert stack.healthy(["s3", "mlflow"])
    assert not stack.healthy()


def test_running_stack_keeps_its_ports(stack: Stack) -> None:
    with pytest.raises(StackError, match="already runs, on other ports"):
        Stack(stack.home, stack.project, Ports.free()).up(only=["s3"])


def test_the_store_passes_the_probes(env: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probes, "ROUNDS", 2)
    monkeypatch.setattr(probes, "KEYS", 120)
    with scratch(load_settings()) as area:
        findings = [probe.examine(area) for probe in probes.PROBES]
        assert len(area.keys()) == 143
    assert area.keys() == []
    assert {finding.check: finding.result for finding in findings} == dict.fromkeys(
        ["conditional create", "conditional swap", "conditional copy", "list after write", "range reads"], "ok"
    )


def test_the_store_is_trusted_with_a_commit_within_a_moment(env: dict[str, str]) -> None:
    assert trust.breaches(load_settings()) == []
    began = time.monotonic()
    assert trust.breaches(load_settings()) == []
    # 0.1 s where nothing else runs; a race of eight writers takes SeaweedFS seconds.
    assert time.monotonic() - began < 1


def test_down_and_up_again_finds_everything(small: Stack) -> None:
    small.up(only=["s3"])
    with s3(small) as client:
        client.put_object(Bucket="lake", Key="kept", Body=b"still here")
    assert small.down() is True
    assert small.down() is False
    assert family(small) == []
    # New ports: nothing in the data may depend on the old ones.
    moved = Stack(small.home, small.project, Ports.free())
    moved.up(only=["s3"])
    assert Stack(small.home, small.project).ports == moved.ports
    assert moved.keys == small.keys
    with s3(moved) as client:
        assert client.get_object(Bucket="lake", Key="kept")["Body"].read() == b"still here"
        client.put_object(Bucket="lake", Key="more", Body=b"new volume ids do not clash")
    moved.down()


def test_taken_port_is_named_with_who_holds_it(small: Stack) -> None:
    with socket.create_server(("127.0.0.1", small.ports.weed["filer"])), pytest.raises(PortTaken) as error:
        small.up(only=["s3", "mlflow"])
    assert f"port {small.ports.weed['filer']}, needed by s3 (filer), is in use" in str(error.value)
    assert f"pid {os.getpid()}" in str(error.value)
    assert "NIGHTSHIFT_S3_PORT" in str(error.value)
    assert all(one.state == "down" for one in small.status())


def test_service_that_dies_is_shown_with_its_log_and_the_rest_is_stopped(small: Stack) -> None:
    (small.home / "s3").mkdir(parents=True)
    (small.home / "s3" / "filerldb2").write_text("a file where a folder should be")
    with pytest.raises(ServiceDied) as error:
        small.up(only=["s3"])
    assert str(error.value).startswith("s3 ended while starting")
    assert "its log ends with" in str(error.value)
    assert "s3.log" in str(error.value)
    assert all(one.state == "down" for one in small.status())


def test_killed_service_is_dead_and_up_starts_only_that(small: Stack) -> None:
    events: list[Event] = []
    small.up(only=["s3"])
    running = recall(small.records, "s3")
    assert running
    psutil.Process(running.pid).kill()
    while running.leader:
        time.sleep(0.01)
    assert small.status()[0].state == "dead"
    assert small.up(only=["s3"], on_event=events.append) is True
    assert [(event.service, event.state) for event in events] == [("s3", "starting"), ("s3", "ready")]


def test_two_at_once_is_an_error(small: Stack) -> None:
    from nightshift.stack.lock import locked

    with locked(small.home), pytest.raises(StackError, match="another `nightshift up`"):
        small.up(only=["s3"])

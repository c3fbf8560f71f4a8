"""What another user of this machine can do who has neither key nor password: nothing, and the loop goes on beside it.

Each attack is made by a process of another user, and was one that worked once.
"""

import json
import os
import socket
import ssl
import subprocess
import tempfile
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import boto3
import pytest
import requests
from botocore.exceptions import ClientError

from nightshift.spec import ModelSpec
from nightshift.stack import Stack, processes
from nightshift.stack.seaweedfs import weed_binary
from nightshift.steps.ingest import ingest
from nightshift.steps.validate import validate
from nightshift.stores import Stores

pytestmark = [
    pytest.mark.stack,
    pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user"),
]

NOBODY = 65534
NIGHT = "2024-01-12"
REFUSED = "refused"
Attack = Callable[[Stack], str]


def as_another_user(attack: Attack, stack: Stack) -> str:
    """What an attack says that is made by a process of another user, in a folder of its own."""
    with tempfile.TemporaryFile() as file:
        child = os.fork()
        if child == 0:
            _run_in_child(attack, stack, file.fileno())
        os.waitpid(child, 0)
        file.seek(0)
        return file.read().decode()


def _run_in_child(attack: Attack, stack: Stack, answers: int) -> NoReturn:
    """Become the other user, attack, and end: whatever happens, no second test run goes on from here."""
    answer = "the attack was not made"
    try:
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)
        answer = _outcome(attack, stack)
    finally:
        os.write(answers, answer.encode())
        os._exit(0)


def _outcome(attack: Attack, stack: Stack) -> str:
    try:
        return attack(stack)
    except OSError as error:
        return f"{REFUSED}: {error}"


def call(url: str, body: Any = None, method: str | None = None) -> str:
    """A request without a key; what it gave, or that it was refused."""
    data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"}, method=method)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=10) as answer:
            return f"{answer.status} {answer.read(200)!r}"
    except urllib.error.HTTPError as error:
        return f"{REFUSED if error.code in {400, 401, 403} else 'answered'}: {error.code}"


def mlflow(stack: Stack, path: str, body: Any = None, method: str | None = None) -> str:
    return call(f"http://127.0.0.1:{stack.ports.mlflow}{path}", body, method)


MLFLOW: dict[str, Attack] = {
    "an experiment whose artifacts are files": lambda stack: mlflow(
        stack, "/api/2.0/mlflow/experiments/create", {"name": "e", "artifact_location": "file:///tmp"}
    ),
    "a file through a run's artifacts": lambda stack: mlflow(stack, "/get-artifact?run_uuid=r&path=keys.json"),
    "a file put through a run's artifacts": lambda stack: mlflow(
        stack, "/ajax-api/2.0/mlflow/upload-artifact?run_uuid=r&path=x.py", b"x"
    ),
    "a trained model replaced": lambda stack: mlflow(
        stack, "/api/2.0/mlflow-artifacts/artifacts/1/models/m-1/artifacts/model.skops", b"x", "PUT"
    ),
    "facts of a version replaced": lambda stack: mlflow(
        stack, "/api/2.0/mlflow/model-versions/set-tag",
        {"name": "m", "version": "1", "key": "nightshift.gate", "value": "passed"},
    ),
    "an alias moved": lambda stack: mlflow(
        stack, "/api/2.0/mlflow/registered-models/alias", {"name": "m", "alias": "champion", "version": "1"}
    ),
    "the ledger through a version's source": lambda stack: mlflow(
        stack, "/api/2.0/mlflow/model-versions/create", {"name": "m", "source": "s3://lake/ledger/m"}
    ),
    "traces, which another part of MLflow takes": lambda stack: mlflow(stack, "/v1/traces", b"x"),
    "the page itself": lambda stack: mlflow(stack, "/"),
    "a new user": lambda stack: mlflow(stack, "/api/2.0/mlflow/users/create", {"username": "a", "password": "b" * 12}),
}  # fmt: skip
FILES = ("keys.json", "env", "weed/security.toml", "weed/member.key", "mlflow/mlflow.db", "run/s3.json")


@pytest.mark.parametrize("name", MLFLOW)
def test_mlflow_does_nothing_without_a_login(stack: Stack, name: str) -> None:
    assert as_another_user(MLFLOW[name], stack).startswith(REFUSED)


@pytest.mark.parametrize("file", FILES)
def test_no_file_of_the_home_can_be_read(stack: Stack, file: str) -> None:
    assert (stack.home / file).exists()
    assert as_another_user(lambda _: (stack.home / file).read_text(errors="replace"), stack).startswith(REFUSED)


@pytest.mark.parametrize("service", ["s3", "mlflow"])
def test_the_environment_of_a_service_cannot_be_read(stack: Stack, service: str) -> None:
    running = processes.recall(stack.records, service)
    assert running is not None
    environ = Path(f"/proc/{running.pid}/environ")
    assert as_another_user(lambda _: str(environ.read_bytes()), stack).startswith(REFUSED)


def port_names(stack: Stack) -> list[str]:
    return [name for name in stack.ports.weed if name != "s3"]


def test_no_other_port_of_the_store_takes_a_request(stack: Stack) -> None:
    for name in port_names(stack):
        port = stack.ports.weed[name]
        for path in ("/", "/buckets/lake/", "/dir/assign", "/dir/status"):
            answer = as_another_user(lambda _, port=port, path=path: call(f"http://127.0.0.1:{port}{path}"), stack)
            assert answer.startswith(REFUSED), (name, path, answer)


def test_no_other_port_of_the_store_speaks_to_who_has_no_certificate(stack: Stack) -> None:
    def tls(port: int) -> str:
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        with socket.create_connection(("127.0.0.1", port), timeout=10) as raw, context.wrap_socket(raw) as spoken:
            # With TLS 1.3 a server refuses a certificate that is missing after the handshake.
            spoken.sendall(b"GET /dir/assign HTTP/1.1\r\nHost: x\r\n\r\n")
            return spoken.recv(100).decode(errors="replace") or REFUSED

    for name in port_names(stack):
        port = stack.ports.weed[name]
        answer = as_another_user(lambda _, port=port: tls(port), stack)
        assert answer.startswith(REFUSED), (name, answer)


def test_nobody_joins_its_sockets(stack: Stack) -> None:
    def connect(path: Path) -> str:
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(path))
        return "connected"

    ports = set(map(str, stack.ports.weed.values()))
    paths = [path for path in Path("/tmp").glob("seaweedfs-*.sock") if path.stem.rpartition("-")[2] in ports]
    assert paths
    for path in paths:
        assert as_another_user(lambda _, path=path: connect(path), stack).startswith(REFUSED), path


def test_seaweedfs_own_shell_gets_nowhere_without_the_certificates(stack: Stack, tmp_path: Path) -> None:
    weed = stack.ports.weed
    command = [
        str(weed_binary()), "shell", f"-master=127.0.0.1:{weed['master']}.{weed['master.grpc']}",
        f"-filer=127.0.0.1:{weed['filer']}.{weed['filer.grpc']}",
    ]  # fmt: skip
    env = {"HOME": str(tmp_path), "PATH": os.environ["PATH"]}
    try:
        done = subprocess.run(
            command, input="fs.ls /buckets\n", cwd=tmp_path, env=env, capture_output=True, text=True, timeout=8
        )
        shown = done.stdout
    except subprocess.TimeoutExpired as error:
        # It asks again for ever.
        shown = (error.stdout or b"").decode()
    assert "lake" not in shown


@pytest.mark.parametrize("path", ["/", "/lake", "/lake/ledger/m/000001.json", "/mlflow", "/dvc"])
def test_s3_asks_for_a_signature(stack: Stack, path: str) -> None:
    url = f"http://127.0.0.1:{stack.ports.s3}{path}"
    assert as_another_user(lambda _: call(url), stack).startswith(REFUSED)
    if path != "/":
        assert as_another_user(lambda _: call(url, b"x", "PUT"), stack).startswith(REFUSED)


def test_with_mlflows_own_keys_the_lake_is_closed(stack: Stack) -> None:
    keys = stack.keys
    client = boto3.client(
        "s3", endpoint_url=stack.env()["AWS_ENDPOINT_URL"], region_name="us-east-1",
        aws_access_key_id=keys.mlflow_s3_access_key, aws_secret_access_key=keys.mlflow_s3_secret_key,
    )  # fmt: skip
    attempts: list[Callable[[], Any]] = [
        lambda: client.list_objects_v2(Bucket="lake"),
        lambda: client.get_object(Bucket="lake", Key="x"),
        lambda: client.put_object(Bucket="lake", Key="x", Body=b"x"),
        lambda: client.delete_object(Bucket="lake", Key="x"),
        lambda: client.copy_object(Bucket="mlflow", Key="x", CopySource="lake/x"),
        lambda: client.put_object(Bucket="dvc", Key="x", Body=b"x"),
        lambda: client.create_bucket(Bucket="another"),
    ]
    for attempt in attempts:
        with pytest.raises(ClientError, match=r"AccessDenied|Forbidden"):
            attempt()
    assert [bucket["Name"] for bucket in client.list_buckets()["Buckets"]] == ["mlflow"]
    client.close()


@pytest.mark.parametrize("place", ["file:///etc", "/etc", "s3://lake/x", "s3://mlflow/x"])
def test_who_logs_in_cannot_make_mlflow_open_another_place(stack: Stack, place: str) -> None:
    env = stack.env()
    login = (env["MLFLOW_TRACKING_USERNAME"], env["MLFLOW_TRACKING_PASSWORD"])
    for call_name, body in {
        "experiments/create": {"name": place, "artifact_location": place},
        "model-versions/create": {"name": "m", "source": place},
    }.items():
        url = f"{env['MLFLOW_TRACKING_URI']}/api/2.0/mlflow/{call_name}"
        answer = requests.post(url, json=body, auth=login, timeout=30)
        assert answer.status_code == 403, answer.text


def test_the_loop_works_beside_it(stack: Stack, spec: ModelSpec, stores: Stores) -> None:
    for attack in MLFLOW.values():
        assert as_another_user(attack, stack).startswith(REFUSED)
    ingest(spec, NIGHT, stores)
    validated = validate(spec, NIGHT, stores)
    assert validated.rows

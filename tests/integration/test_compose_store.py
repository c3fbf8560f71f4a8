"""SeaweedFS as docker-compose.yml runs it, without an engine: its own command, on other ports."""

import os
import shlex
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import boto3
import pytest
import yaml
from botocore.exceptions import ClientError

from nightshift.stack import Ports
from nightshift.stack.health import answers
from nightshift.stack.keys import Keys
from nightshift.stack.seaweedfs import create_buckets, weed_binary
from nightshift.stack.weed_security import secure_folder

pytestmark = pytest.mark.stack
OPTIONS = {"master": "master.port", "volume": "volume.port", "filer": "filer.port", "s3": "s3.port"}


class Store(NamedTuple):
    """The running store, by whose keys."""

    ports: dict[str, int]
    keys: Keys

    def client(self, access_key: str, secret_key: str) -> Any:
        return boto3.client(
            "s3", endpoint_url=f"http://127.0.0.1:{self.ports['s3']}", region_name="us-east-1",
            aws_access_key_id=access_key, aws_secret_access_key=secret_key,
        )  # fmt: skip


@pytest.fixture(scope="module")
def store(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    root = tmp_path_factory.mktemp("compose")
    (root / "data").mkdir()
    keys = Keys.generate()
    secure_folder(root / "secrets", keys, root / "secrets")
    service = yaml.safe_load((repository / "docker-compose.yml").read_text())["services"]["s3"]
    ports = {name: port for name, port in Ports.free().weed.items() if name.partition(".")[0] in OPTIONS}
    command = service["command"].replace("/var/lib/s3", str(root / "data")).replace("/secrets", str(root / "secrets"))
    words = [str(weed_binary()), *shlex.split(command)[1:]]
    words = [word for word in words if not word.startswith("-s3.port=")]
    words += [f"-{option(name)}={port}" for name, port in ports.items()]
    environment = {"PATH": os.environ["PATH"], "HOME": str(root), **service["environment"]}
    with (root / "log").open("wb") as log:
        process = subprocess.Popen(words, cwd=root / "secrets", env=environment, stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + 60
        while not answers(ports["s3"], "/healthz"):
            assert process.poll() is None, (root / "log").read_text()[-2000:]
            assert time.monotonic() < deadline
            time.sleep(0.2)
        yield Store(ports, keys)
    finally:
        process.terminate()
        process.wait(30)


def option(name: str) -> str:
    part, _, protocol = name.partition(".")
    return f"{OPTIONS[part]}.{protocol}" if protocol else OPTIONS[part]


def test_its_keys_open_what_they_are_for(store: Store) -> None:
    keys = store.keys
    ours = store.client(keys.s3_access_key, keys.s3_secret_key)
    mlflow = store.client(keys.mlflow_s3_access_key, keys.mlflow_s3_secret_key)
    create_buckets(store.client(keys.s3_access_key, keys.s3_secret_key))
    ours.put_object(Bucket="lake", Key="x", Body=b"x")
    mlflow.put_object(Bucket="mlflow", Key="x", Body=b"x")
    attempts: list[Callable[[], Any]] = [
        lambda: mlflow.get_object(Bucket="lake", Key="x"),
        lambda: mlflow.put_object(Bucket="dvc", Key="x", Body=b"x"),
    ]
    for attempt in attempts:
        with pytest.raises(ClientError, match="AccessDenied"):
            attempt()
    ours.close()
    mlflow.close()


def test_its_other_ports_speak_to_its_own_parts_alone(store: Store) -> None:
    for name, port in store.ports.items():
        if name != "s3":
            with pytest.raises(OSError, match=r"400|closed connection"):
                urllib.request.urlopen(f"http://127.0.0.1:{port}/dir/assign", timeout=10)

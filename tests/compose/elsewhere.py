"""An S3 and a Postgres that no project of ours started, as a company has them: moto's, and a container beside."""

import secrets
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import boto3
from botocore.exceptions import BotoCoreError

from nightshift.stack.ports import Ports
from tests.compose.project import Project, wait_for

BUCKETS = ("lake", "mlflow", "dvc")
DATABASES = {"airflow": ("airflow",), "mlflow": ("mlflow", "mlflow_logins")}
"""By their owner."""
CONTAINER = "nightshift-postgres-elsewhere"
REGION = "eu-central-1"


@dataclass(frozen=True)
class Elsewhere:
    """Both, with what ``.env`` says of them, and what a reader on this host needs."""

    env: dict[str, str]
    reader: dict[str, str]


@contextmanager
def elsewhere(project: Project, folder: Path) -> Iterator[Elsewhere]:
    """Started, with buckets, roles and databases; gone with the block."""
    # The address of this host that containers reach.
    gateway = project.run(
        "docker", "network", "inspect", "bridge", "--format", "{{(index .IPAM.Config 0).Gateway}}"
    ).strip()
    ports = Ports.free()
    password = secrets.token_hex(16)
    command = [sys.executable, "-m", "moto.server", "-H", gateway, "-p", str(ports.s3)]
    moto = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        project.run(
            "docker", "run", "--detach", "--rm", "--name", CONTAINER, "--publish", f"{gateway}:{ports.mlflow}:5432",
            "--env", f"POSTGRES_PASSWORD={password}", "postgres:17",
        )  # fmt: skip
        keys = _keys(f"http://{gateway}:{ports.s3}")
        _make_buckets(keys)
        _make_databases(project, password)
        yield _settings(folder, keys, f"{password}@{gateway}:{ports.mlflow}")
    finally:
        project.run("docker", "stop", CONTAINER, check=False)
        moto.terminate()
        moto.wait()


def _keys(url: str) -> dict[str, str]:
    return {
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": "elsewhere",
        "AWS_SECRET_ACCESS_KEY": secrets.token_hex(16),
        "AWS_DEFAULT_REGION": REGION,
        "AWS_REGION": REGION,
    }


def _make_buckets(keys: dict[str, str]) -> None:
    client = boto3.client(
        "s3", endpoint_url=keys["AWS_ENDPOINT_URL"], region_name=REGION,
        aws_access_key_id=keys["AWS_ACCESS_KEY_ID"], aws_secret_access_key=keys["AWS_SECRET_ACCESS_KEY"],
    )  # fmt: skip

    def answers() -> bool:
        try:
            client.list_buckets()
        except BotoCoreError:
            return False
        return True

    wait_for(answers, 60, "moto to answer")
    for bucket in BUCKETS:
        client.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})


def _make_databases(project: Project, password: str) -> None:
    def psql(statement: str, check: bool = True) -> str:
        words = ("psql", "-q", "-h", "127.0.0.1", "-U", "postgres", "-c", statement)
        return project.run("docker", "exec", "--env", "PGPASSWORD", CONTAINER, *words, check=check, PGPASSWORD=password)

    wait_for(lambda: "1" in psql("SELECT 1", check=False), 120, "Postgres to answer")
    for owner, names in DATABASES.items():
        psql(f"CREATE ROLE {owner} LOGIN PASSWORD '{password}'")
        for name in names:
            psql(f"CREATE DATABASE {name} OWNER {owner}")


def _settings(folder: Path, keys: dict[str, str], at: str) -> Elsewhere:
    databases = {
        "MLFLOW_BACKEND_STORE_URI": f"postgresql+psycopg2://mlflow:{at}/mlflow",
        "NIGHTSHIFT_MLFLOW_LOGINS_URI": f"postgresql+psycopg2://mlflow:{at}/mlflow_logins",
    }
    lake = {"NIGHTSHIFT_LAKE": "s3://lake"}
    own = {
        **keys, **lake, **databases, "NIGHTSHIFT_DVC_REMOTE": "s3://dvc",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"postgresql+psycopg2://airflow:{at}/airflow",
    }  # fmt: skip
    own_mlflow = {**keys, **lake, **databases, "MLFLOW_ARTIFACTS_DESTINATION": "s3://mlflow"}
    env = {
        "NIGHTSHIFT_OWN_ENV": _file(folder / "own.env", own),
        "NIGHTSHIFT_OWN_MLFLOW_ENV": _file(folder / "own-mlflow.env", own_mlflow),
        "NIGHTSHIFT_CLOSED": "false",
    }
    return Elsewhere(env, {**keys, **lake})


def _file(place: Path, values: dict[str, str]) -> str:
    place.write_text("".join(f"{name}={value}\n" for name, value in values.items()))
    return str(place)

"""MLflow's server: SQLite for what it knows, artifacts passed through to S3."""

import sqlite3
import sys
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

from nightshift.settings import SEAL_KEY
from nightshift.stack.environment import service_env
from nightshift.stack.health import answers
from nightshift.stack.ports import HOST, Ports
from nightshift.stack.service import Group, Service


def mlflow_group(home: Path, ports: Ports, client: Mapping[str, str]) -> Group:
    """The MLflow server, for browsers and clients on this machine."""
    folder = home / "mlflow"
    database = folder / "mlflow.db"
    # The server must not take itself for its own client, and must not be able to seal a version.
    env = {name: value for name, value in client.items() if name not in {"MLFLOW_TRACKING_URI", SEAL_KEY}}
    server = Service(
        name="mlflow",
        command=_command(database, ports.mlflow),
        env=service_env({**env, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}),
        cwd=folder,
        ready=lambda _: answers(ports.mlflow, "/health"),
        url=f"http://{HOST}:{ports.mlflow}",
    )
    return Group("mlflow", (server,), prepare=lambda: use_wal(database))


def _command(database: Path, port: int) -> tuple[str, ...]:
    return (
        sys.executable,
        "-m",
        "mlflow",
        "server",
        f"--host={HOST}",
        f"--port={port}",
        "--workers=1",
        f"--backend-store-uri=sqlite:///{database}",
        "--artifacts-destination=s3://mlflow",
        "--serve-artifacts",
        f"--allowed-hosts={HOST},{HOST}:*,localhost,localhost:*",
    )


def use_wal(database: Path) -> None:
    """Let readers of a SQLite database go on while somebody writes; kept in the file itself."""
    database.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")

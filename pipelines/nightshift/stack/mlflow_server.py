"""MLflow's server: SQLite for what it knows, artifacts passed through to its own bucket, and a login.

It has no key but its own: neither the lake's, nor Airflow's, nor the one that seals what may score.
"""

import sqlite3
import sys
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

from nightshift.stack.environment import USER, service_env
from nightshift.stack.files import write_private
from nightshift.stack.health import answers
from nightshift.stack.keys import Keys
from nightshift.stack.ports import HOST, Ports
from nightshift.stack.service import Group, Service

APP = "nightshift"
AUTH_FILE = "auth.ini"
# A password is compared with its slow hash once a minute, and not at every call.
AUTH_CACHE_SECONDS = 60
PASSED_ON = frozenset({
    "AWS_DEFAULT_REGION", "AWS_REGION", "AWS_ENDPOINT_URL", "AWS_EC2_METADATA_DISABLED", "NO_PROXY", "no_proxy"
})  # fmt: skip


def mlflow_group(home: Path, ports: Ports, keys: Keys, client: Mapping[str, str]) -> Group:
    """The MLflow server, for browsers and clients on this machine."""
    folder = home / "mlflow"
    database = folder / "mlflow.db"
    server = Service(
        name="mlflow",
        command=_command(database, ports.mlflow),
        env=service_env(_env(folder, keys, client)),
        cwd=folder,
        ready=lambda _: answers(ports.mlflow, "/health"),
        url=f"http://{HOST}:{ports.mlflow}",
    )
    return Group("mlflow", (server,), prepare=lambda: _prepare(folder, database))


def _env(folder: Path, keys: Keys, client: Mapping[str, str]) -> dict[str, str]:
    kept = {name: value for name, value in client.items() if name in PASSED_ON}
    return {
        **kept,
        **login_env(keys),
        "AWS_ACCESS_KEY_ID": keys.mlflow_s3_access_key,
        "AWS_SECRET_ACCESS_KEY": keys.mlflow_s3_secret_key,
        "MLFLOW_AUTH_CONFIG_PATH": str(folder / AUTH_FILE),
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    }


def login_env(keys: Keys) -> dict[str, str]:
    """What MLflow's own login is told: its first user, and that a route which asks nobody is closed."""
    return {
        "MLFLOW_AUTH_ADMIN_USERNAME": USER,
        "MLFLOW_AUTH_ADMIN_PASSWORD": keys.mlflow_password,
        "MLFLOW_FLASK_SERVER_SECRET_KEY": keys.mlflow_secret_key,
        "MLFLOW_BASIC_AUTH_FAIL_CLOSED": "true",
    }


def auth_file(database_uri: str) -> str:
    """The file that MLflow's login is told by, where environment variables cannot."""
    return (
        "[mlflow]\n"
        "default_permission = NO_PERMISSIONS\n"
        f"database_uri = {database_uri}\n"
        "authorization_function = mlflow.server.auth:authenticate_request_basic_auth\n"
        f"auth_cache_ttl_seconds = {AUTH_CACHE_SECONDS}\n"
    )


def _prepare(folder: Path, database: Path) -> None:
    use_wal(database)
    users = folder / "users.db"
    # The parser of this file takes a percent sign for more.
    uri = f"sqlite:///{users}".replace("%", "%%")
    write_private(folder / AUTH_FILE, auth_file(uri))


def _command(database: Path, port: int) -> tuple[str, ...]:
    return (
        sys.executable,
        "-m",
        "mlflow",
        "server",
        f"--host={HOST}",
        f"--port={port}",
        "--workers=1",
        f"--app-name={APP}",
        f"--backend-store-uri=sqlite:///{database}",
        "--artifacts-destination=s3://mlflow",
        "--serve-artifacts",
        f"--allowed-hosts={HOST},{HOST}:*,localhost,localhost:*",
    )


def use_wal(database: Path) -> None:
    """Let readers of a SQLite database go on while somebody writes; kept in the file itself."""
    database.parent.mkdir(parents=True, exist_ok=True)
    database.touch(mode=0o600)
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")

"""Before the services start: their databases, their buckets, Airflow's tables. Safe to run again."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import boto3
import make_secrets
import psycopg2
import requests
from psycopg2 import sql
from sqlalchemy import make_url

from nightshift.stack.seaweedfs import create_buckets

DATABASES = {"airflow": ("airflow",), "mlflow": ("mlflow", make_secrets.LOGINS)}
OURS = "postgres"
"""The host of the project's own Postgres."""
PATIENCE = 120
RETRY = 2


def main() -> None:
    """All of it, in the order in which the parts need each other."""
    tables = os.environ["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"]
    runs = os.environ["MLFLOW_BACKEND_STORE_URI"]
    # In somebody's own Postgres or S3 names may be taken by others, and the keys need not be allowed to.
    if make_url(tables).host == OURS:
        wait_for(lambda: connect().close(), psycopg2.OperationalError, "Postgres")
        create_databases()
    store = os.environ.get("AWS_ENDPOINT_URL")
    if store == make_secrets.OWN_S3:
        health = f"{make_secrets.OWN_S3}/healthz"
        wait_for(lambda: requests.get(health, timeout=RETRY).raise_for_status(), requests.RequestException, "S3")
        create_buckets(boto3.client("s3"))
    Path(os.environ["TMPDIR"]).mkdir(parents=True, exist_ok=True)
    # Projects of before kept Airflow's password where all its processes read.
    (Path(os.environ["AIRFLOW_HOME"]) / "passwords.json").unlink(missing_ok=True)
    subprocess.run(["airflow", "db", "migrate"], check=True)
    make_pools(os.environ.get("NIGHTSHIFT_POOLS", ""))
    upgrade_mlflow(runs)


def wait_for(ask: Callable[[], None], not_yet: type[Exception], name: str) -> None:
    """Until it takes requests. A project whose stores are its own does not start these, and nothing else waits here.

    A port that is open is not enough: Postgres refuses for as long as it repairs what a crash left.
    """
    end = time.monotonic() + PATIENCE
    while True:
        try:
            ask()
        except not_yet as error:
            if time.monotonic() > end:
                reason = str(error).strip().splitlines()[0]
                sys.exit(f"error: {name} does not answer: {reason}; see `docker compose ps`, or: make compose-up")
            time.sleep(RETRY)
        else:
            return


def make_pools(pools: str) -> None:
    """Those of ``name=slots,...``: a task of a pool that is not there would wait for ever."""
    for pool in filter(None, pools.split(",")):
        name, _, slots = pool.partition("=")
        subprocess.run(["airflow", "pools", "set", name, slots, "of Nightshift"], check=True)


def upgrade_mlflow(runs: str) -> None:
    """MLflow's tables as this version wants them, made where there are none; its server does its logins itself."""
    from mlflow.store.db import utils as mlflow_tables

    # Not by its command, whose arguments all processes see.
    engine = mlflow_tables.create_sqlalchemy_engine_with_retry(runs)
    if mlflow_tables._is_empty_database(engine):
        mlflow_tables._initialize_tables(engine)
    else:
        mlflow_tables._upgrade_db(engine)


def create_databases() -> None:
    """Those of Airflow and of MLflow."""
    for owner, names in DATABASES.items():
        create_role(owner)
        for name in names:
            create_database(owner, name)


def create_role(role: str) -> None:
    """A role that may log in, with the password that is kept now."""
    with administrator() as cursor:
        cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (role,))
        verb = "ALTER" if cursor.fetchone() else "CREATE"
        statement = sql.SQL(f"{verb} ROLE {{}} LOGIN PASSWORD %s").format(sql.Identifier(role))
        cursor.execute(statement, (secret(role),))


def create_database(owner: str, name: str) -> None:
    """A database that no other role can enter."""
    database = sql.Identifier(name)
    with administrator() as cursor:
        cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,))
        if not cursor.fetchone():
            cursor.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(database, sql.Identifier(owner)))
        cursor.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(database))


@contextmanager
def administrator() -> Iterator[Any]:
    """A cursor of who may make databases."""
    connection = connect()
    connection.autocommit = True
    with closing(connection), connection.cursor() as cursor:
        yield cursor


def connect() -> Any:
    """To our own Postgres, as who may make databases. Raises ``psycopg2.OperationalError``."""
    return psycopg2.connect(
        host=OURS, user="postgres", password=secret("postgres"), dbname="postgres", connect_timeout=RETRY
    )


def secret(role: str) -> str:
    """A Postgres role's password."""
    return (make_secrets.SEEN / role).read_text(encoding="utf-8")


if __name__ == "__main__":
    main()

"""Before the services start: their databases, their buckets, Airflow's tables. Safe to run again."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import boto3
import make_secrets
import psycopg2
from psycopg2 import sql

from nightshift.stack.seaweedfs import create_buckets

DATABASES = {"airflow": ("airflow",), "mlflow": ("mlflow", make_secrets.LOGINS)}


def main() -> None:
    """All of it, in the order in which the parts need each other."""
    for owner, names in DATABASES.items():
        create_role(owner)
        for name in names:
            create_database(owner, name)
    # In somebody's own S3 the names may be taken by others, and the keys need not be allowed to.
    if os.environ["AWS_ENDPOINT_URL"] == make_secrets.OWN_S3:
        create_buckets(boto3.client("s3"))
    Path(os.environ["TMPDIR"]).mkdir(parents=True, exist_ok=True)
    # Projects of before kept Airflow's password where all its processes read.
    (Path(os.environ["AIRFLOW_HOME"]) / "passwords.json").unlink(missing_ok=True)
    subprocess.run(["airflow", "db", "migrate"], check=True)


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
    connection = psycopg2.connect(host="postgres", user="postgres", password=secret("postgres"), dbname="postgres")
    connection.autocommit = True
    with closing(connection), connection.cursor() as cursor:
        yield cursor


def secret(role: str) -> str:
    """A Postgres role's password."""
    return (make_secrets.SEEN / role).read_text(encoding="utf-8")


if __name__ == "__main__":
    main()

"""Before the services start: their databases, their buckets, Airflow's tables. Safe to run again."""

import os
import subprocess
from pathlib import Path

import boto3
import make_secrets
import psycopg2
from psycopg2 import sql

from nightshift.stack.environment import USER
from nightshift.stack.files import write_json
from nightshift.stack.seaweedfs import create_buckets


def main() -> None:
    """All of it, in the order in which the parts need each other."""
    for name in ("airflow", "mlflow"):
        create_database(name)
    # In somebody's own S3 the names may be taken by others, and the keys need not be allowed to.
    if os.environ["AWS_ENDPOINT_URL"] == make_secrets.OWN_S3:
        create_buckets(boto3.client("s3"))
    # Airflow opens this file for writing, so it cannot stay with the read-only secrets.
    home = Path(os.environ["AIRFLOW_HOME"])
    write_json(home / "passwords.json", {USER: os.environ["NIGHTSHIFT_AIRFLOW_PASSWORD"]})
    subprocess.run(["airflow", "db", "migrate"], check=True)


def create_database(name: str) -> None:
    """A role with a database that no other role can enter."""
    administrator, owner = ((make_secrets.HOME / f"postgres.{role}").read_text() for role in ("postgres", name))
    connection = psycopg2.connect(host="postgres", user="postgres", password=administrator, dbname="postgres")
    connection.autocommit = True
    role = sql.Identifier(name)
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (name,))
        verb = "ALTER" if cursor.fetchone() else "CREATE"
        cursor.execute(sql.SQL(f"{verb} ROLE {{}} LOGIN PASSWORD %s").format(role), (owner,))
        cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,))
        if not cursor.fetchone():
            cursor.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(role, role))
        cursor.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(role))
    connection.close()


if __name__ == "__main__":
    main()

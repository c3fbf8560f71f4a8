"""A lake that an earlier version wrote, and what its registry knew, put back into real stores.

What was recorded, and of which nights, is in data/old_lake/README.md.
"""

import json
import shutil
import sqlite3
import tarfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import boto3
from mlflow import MlflowClient
from mlflow.entities import Metric, Param, RunTag

from nightshift.project import PROJECT_FILE
from nightshift.settings import Settings
from nightshift.spec import ModelSpec, load_spec
from nightshift.stores import Stores

RECORDING = Path(__file__).parent / "data" / "old_lake"
MODEL = "orders"
THREADS = 8

Recorded = dict[str, Any]


class OldLake(NamedTuple):
    """The recorded model, and stores that hold its lake and snapshots."""

    spec: ModelSpec
    stores: Stores


class Item(NamedTuple):
    """One recorded object; ``name`` begins with its bucket."""

    name: str
    body: bytes
    content_type: str
    metadata: dict[str, str]


@cache
def expected() -> Recorded:
    """What the code that wrote the lake answered."""
    return dict(json.loads((RECORDING / "expected.json").read_text()))


def restore_lake(project: Path, open_stores: Callable[[Path], Stores]) -> OldLake:
    """A project with the recorded model, and every object under the prefixes of its stores."""
    shutil.copytree(RECORDING / "models", project / "models")
    (project / PROJECT_FILE).write_text("format = 1\n")
    stores = open_stores(project)
    restore_objects(stores.settings)
    return OldLake(load_spec(project / "models" / MODEL / "model.yaml"), stores)


def restore_objects(settings: Settings) -> None:
    """Every recorded object, with its content type and metadata, which tell a plain file's generation."""
    client, roots = _client(settings), {"lake": settings.lake, "dvc": settings.dvc_remote}

    def put(item: Item) -> None:
        name, _, key = item.name.partition("/")
        bucket, _, prefix = roots[name].removeprefix("s3://").rstrip("/").partition("/")
        where = {"Bucket": bucket, "Key": f"{prefix}/{key}".lstrip("/")}
        client.put_object(**where, Body=item.body, ContentType=item.content_type, Metadata=item.metadata)

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(put, _items()))


@cache
def _items() -> tuple[Item, ...]:
    with tarfile.open(RECORDING / "objects.tar.xz") as archive:
        bodies = {member.name: archive.extractfile(member).read() for member in archive}  # type: ignore[union-attr]
    facts = json.loads(bodies.pop("objects.json"))
    return tuple(Item(name, body, **facts[name]) for name, body in bodies.items())


def _client(settings: Settings) -> Any:
    return boto3.client(
        "s3",
        endpoint_url=settings.endpoint,
        region_name=settings.region,
        aws_access_key_id=settings.access_key,
        aws_secret_access_key=settings.secret_key.get_secret_value() if settings.secret_key else None,
    )


def restore_registry(client: MlflowClient, database: Path) -> None:
    """Experiments, runs, versions and aliases in an MLflow that does not know the model yet.

    ``database`` is the server's: MLflow gives every run an id of its own, but versions, pins and published
    rows name the recorded ones.
    """
    known = json.loads((RECORDING / "registry.json").read_text())
    for experiment in known["experiments"]:
        _restore_experiment(client, database, experiment)
    model = known["model"]
    client.create_registered_model(model["name"], description=model["description"])
    for version in known["versions"]:
        run_id = version["run_id"]
        made = client.create_model_version(model["name"], f"runs:/{run_id}/model", run_id, tags=version["tags"])
        assert str(made.version) == version["version"]
    for alias, number in model["aliases"].items():
        client.set_registered_model_alias(model["name"], alias, number)


def _restore_experiment(client: MlflowClient, database: Path, recorded: Recorded) -> None:
    experiment = client.create_experiment(recorded["name"], tags=recorded["tags"])
    for run in recorded["runs"]:
        _insert_run(database, experiment, run)
        client.log_batch(
            run["run_id"],
            metrics=[Metric(*point) for point in run["metrics"]],
            params=[Param(*pair) for pair in run["params"].items()],
            tags=[RunTag(*pair) for pair in run["tags"].items()],
        )


def _insert_run(database: Path, experiment: str, run: Recorded) -> None:
    row = {
        "run_uuid": run["run_id"],
        "name": run["name"],
        "source_type": "LOCAL",
        "user_id": "recorded",
        "status": run["status"],
        "start_time": run["start_time"],
        "end_time": run["end_time"],
        "lifecycle_stage": "active",
        "artifact_uri": f"mlflow-artifacts:/{experiment}/{run['run_id']}/artifacts",
        "experiment_id": int(experiment),
    }
    values = ", ".join(f":{column}" for column in row)
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute(f"INSERT INTO runs ({', '.join(row)}) VALUES ({values})", row)

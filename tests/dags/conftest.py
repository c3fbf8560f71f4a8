"""An Airflow of its own for the Dag tests: configured before Airflow is first imported."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from nightshift.spec import ModelSpec, load_spec
from nightshift.stores import Stores

PROJECT = Path(__file__).parents[2]


class SmallModel(NamedTuple):
    """A model with a lake, whose Dags can be run."""

    spec: ModelSpec
    stores: Stores
    run_dags: Callable[..., tuple[list, str]]


@pytest.fixture(scope="session")
def migrated_database(tmp_path_factory):
    """A database as ``airflow db migrate`` leaves it: made once by each worker, and copied from then on."""
    home = tmp_path_factory.mktemp("migrated")
    environment = {**os.environ, "AIRFLOW_HOME": str(home), "AIRFLOW__CORE__LOAD_EXAMPLES": "False"}
    subprocess.run([sys.executable, "-m", "airflow", "db", "migrate"], check=True, capture_output=True, env=environment)
    return home / "airflow.db"


@pytest.fixture(scope="session")
def airflow_home(tmp_path_factory, migrated_database):
    """A migrated Airflow database and the settings that the embedded stack uses."""
    home = tmp_path_factory.mktemp("airflow")
    shutil.copy(migrated_database, home)
    os.environ.update(
        AIRFLOW_HOME=str(home),
        AIRFLOW__CORE__DAGS_FOLDER=str(PROJECT / "dags"),
        AIRFLOW__CORE__PLUGINS_FOLDER=str(PROJECT / "plugins"),
        AIRFLOW__CORE__LOAD_EXAMPLES="False",
        AIRFLOW__CORE__UNIT_TEST_MODE="False",
        AIRFLOW__CORE__ALLOWED_DESERIALIZATION_CLASSES="airflow.* nightshift.contracts.*",
        NIGHTSHIFT_PROJECT=str(PROJECT),
    )
    return home


@pytest.fixture(scope="session")
def families(airflow_home):
    """Every family of Dags by its verb: the one list of them."""
    from nightshift.orchestration.families import FAMILIES

    return FAMILIES


@pytest.fixture(scope="session")
def dagbag(airflow_home):
    """All Dags of the project, parsed once."""
    from airflow.dag_processing.dagbag import DagBag

    return DagBag(PROJECT / "dags")


@pytest.fixture(scope="module")
def migrated_home(tmp_path_factory, migrated_database):
    """A migrated Airflow database, shared by the runs of this module; each has a model of its own."""
    home = tmp_path_factory.mktemp("airflow")
    shutil.copy(migrated_database, home)
    return home


def runner_of_dags(project, spec, stores, home):
    """``run("ingest:2024-01-12", ..., probe=..., NAME=value)``: how each run ended, and what was printed."""
    shutil.copytree(PROJECT / "dags", project / "dags", ignore=shutil.ignore_patterns("__pycache__"))
    here = stores.settings
    environment = {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(project / "dags"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__ALLOWED_DESERIALIZATION_CLASSES": "airflow.* nightshift.contracts.*",
        "NIGHTSHIFT_PROJECT": str(project),
        "NIGHTSHIFT_HOME": str(here.home),
        "NIGHTSHIFT_LAKE": here.lake,
        "NIGHTSHIFT_DVC_REMOTE": here.dvc_remote,
    }

    def run(*wanted: str, probe: str = "night_probe.py", **more: str) -> tuple[list, str]:
        command = [sys.executable, str(Path(__file__).with_name(probe)), spec.name, *wanted]
        # As it is when a run begins: an engine that a test starts later puts its own there.
        told = {**os.environ, **environment, **more}
        done = subprocess.run(command, env=told, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr[-4000:]
        # Listeners may still log after the probe's own last line.
        ends = next(line for line in reversed(done.stdout.splitlines()) if line.startswith("[["))
        return json.loads(ends), done.stdout + done.stderr

    return run


@pytest.fixture
def run_dags(project, spec, stores, stack, migrated_home):
    """``run_dags("ingest:2024-01-12", ..., probe=..., NAME=value)``: how each run ended, and what was printed."""
    return runner_of_dags(project, spec, stores, migrated_home)


@pytest.fixture(scope="module")
def small_model(tmp_path_factory, make_project, open_stores, migrated_home):
    """A model that the tests of a module share, its stores, and ``run_dags`` of it: a process for each call."""
    folder = make_project(tmp_path_factory.mktemp("small") / "project")
    project = folder.parents[1]
    spec, stores = load_spec(folder / "model.yaml"), open_stores(project)
    return SmallModel(spec, stores, runner_of_dags(project, spec, stores, migrated_home))

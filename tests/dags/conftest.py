"""An Airflow of its own for the Dag tests: configured before Airflow is first imported."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def airflow_home(tmp_path_factory):
    """A migrated Airflow database and the settings that the embedded stack uses."""
    home = tmp_path_factory.mktemp("airflow")
    os.environ.update(
        AIRFLOW_HOME=str(home),
        AIRFLOW__CORE__DAGS_FOLDER=str(PROJECT / "dags"),
        AIRFLOW__CORE__PLUGINS_FOLDER=str(PROJECT / "plugins"),
        AIRFLOW__CORE__LOAD_EXAMPLES="False",
        AIRFLOW__CORE__UNIT_TEST_MODE="False",
        AIRFLOW__CORE__ALLOWED_DESERIALIZATION_CLASSES="airflow.* pipelines.contracts.*",
        NIGHTSHIFT_PROJECT=str(PROJECT),
    )
    subprocess.run([sys.executable, "-m", "airflow", "db", "migrate"], check=True, capture_output=True)
    return home


@pytest.fixture(scope="session")
def dagbag(airflow_home):
    """All Dags of the project, parsed once."""
    from airflow.dag_processing.dagbag import DagBag

    return DagBag(PROJECT / "dags")

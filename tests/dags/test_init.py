"""A project that ``nightshift init`` wrote, with one model in it: its Dag file gives the whole family."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from nightshift.authoring.init import init

CHECK = ["-c", "from nightshift.cli.main import main; main()", "check"]
IMPORT_ERRORS = ["-m", "airflow", "dags", "list-import-errors", "--local"]
PRINT_DAGS = """
import json
from airflow import plugins_manager
from airflow.dag_processing.dagbag import DagBag
bag = DagBag()
plugins = [plugin["name"] for plugin in plugins_manager.get_plugin_info()]
print("\\n" + json.dumps({"dags": sorted(bag.dags), "plugins": plugins}))
"""


@pytest.fixture
def made(tmp_path: Path, repository: Path) -> Path:
    """The project, with the flights as its model."""
    init(tmp_path / "team")
    shutil.copytree(repository / "models" / "flight_delays", tmp_path / "team" / "models" / "flight_delays")
    return tmp_path / "team"


@pytest.fixture
def python(made: Path, airflow_home: Path) -> object:
    """``python(*words)``: run in the project with what its CI gives Airflow; nothing else says where it is."""
    mine = {name: value for name, value in os.environ.items() if not name.startswith("NIGHTSHIFT_")}
    mine["AIRFLOW__CORE__DAGS_FOLDER"] = str(made / "dags")
    mine["AIRFLOW__CORE__PLUGINS_FOLDER"] = str(made / "plugins")

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, *words]
        return subprocess.run(command, cwd=made, env=mine, capture_output=True, text=True, check=False)

    return run


def test_its_dags_and_plugin_are_those_of_every_model(python, families: Mapping[str, object]) -> None:
    done = python("-c", PRINT_DAGS)
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["dags"] == sorted(f"flight_delays.{verb}" for verb in families)
    assert "nightshift_links" in found["plugins"]


def test_the_commands_of_its_ci_pass_and_see_a_wrong_model(python, made: Path) -> None:
    checked = python(*CHECK)
    assert (checked.returncode, checked.stdout.partition(":")[0]) == (0, "flight_delays")
    assert python(*IMPORT_ERRORS).returncode == 0
    (made / "models" / "flight_delays" / "model.yaml").write_text("name: flight_delays")
    assert python(*CHECK).returncode == 1
    imported = python(*IMPORT_ERRORS)
    assert imported.returncode == 1
    assert "SpecError" in imported.stdout

"""A new virtual environment that has Airflow and the wheel with its core, and a project that it runs."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nightshift.spec import ModelSpec, load_spec
from nightshift.stores import Stores
from tests.dist.installed import REPOSITORY, VENV, Installed


@pytest.fixture(scope="session")
def wheel() -> Path:
    """What ``make dist`` built."""
    wheels = list((REPOSITORY / "dist").glob("*.whl"))
    assert len(wheels) == 1, f"dist/ has {len(wheels)} wheels: run make dist"
    return wheels[0]


@pytest.fixture(scope="session")
def environment(wheel: Path) -> Path:
    """``.venv-dist``, made anew: Airflow of the constraints first, as a host has it, then the wheel by its path."""
    subprocess.run([sys.executable, "-m", "venv", "--clear", str(VENV)], check=True)
    # Isolated: a PYTHONPATH with the sources would pass for the wheel, and pip would install nothing.
    pip = [str(VENV / "bin" / "python"), "-I", "-m", "pip", "install", "--quiet", "--progress-bar=off"]
    for wanted in ("apache-airflow", str(wheel)):
        subprocess.run([*pip, "-c", str(REPOSITORY / "constraints.txt"), wanted], check=True)
    return VENV


@pytest.fixture(scope="module")
def own_project(environment: Path, make_project: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A team's repository as ``nightshift init`` of the new environment writes it, with one small model."""
    project = tmp_path_factory.mktemp("team") / "project"
    nobody = Installed(project.parent, {"PATH": f"{environment / 'bin'}:/usr/bin:/bin", "HOME": str(project.parent)})
    made = nobody.run("nightshift", "init", str(project))
    assert made.returncode == 0, made.stderr
    make_project(project)
    return project


@pytest.fixture(scope="module")
def model(own_project: Path) -> ModelSpec:
    """The one model of the project."""
    (file,) = own_project.glob("models/*/model.yaml")
    return load_spec(file)


@pytest.fixture(scope="module")
def own_stores(open_stores: Callable[..., Stores], own_project: Path) -> Stores:
    """The stores of the project, as this process with all extras sees them."""
    return open_stores(own_project)


@pytest.fixture(scope="module")
def installed(environment: Path, own_project: Path, own_stores: Stores, stack: Any) -> Installed:
    """The new environment with a migrated Airflow, pointed at the project and the running services."""
    home = own_project.parent
    here = own_stores.settings
    variables = {
        **stack.env(),
        "PATH": f"{environment / 'bin'}:/usr/bin:/bin",
        "HOME": str(home),
        "AIRFLOW_HOME": str(home / "airflow"),
        "AIRFLOW__CORE__DAGS_FOLDER": str(own_project / "dags"),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(own_project / "plugins"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__ALLOWED_DESERIALIZATION_CLASSES": "airflow.* nightshift.contracts.*",
        "NIGHTSHIFT_PROJECT": str(own_project),
        "NIGHTSHIFT_HOME": str(here.home),
        "NIGHTSHIFT_LAKE": here.lake,
        "NIGHTSHIFT_DVC_REMOTE": here.dvc_remote,
    }
    made = Installed(own_project, variables)
    migrated = made.run("airflow", "db", "migrate")
    assert migrated.returncode == 0, migrated.stderr[-3000:]
    return made

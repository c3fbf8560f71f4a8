"""What a Dag file reaches loads nothing heavy: parsing happens all the time, in every process."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = ["mlflow", "pandas", "sklearn", "torch", "great_expectations", "onnxruntime", "skl2onnx", "dvc", "matplotlib"]
PRINT_MODULES = """
import importlib, json, sys, warnings
warnings.simplefilter("ignore")
before = set(sys.modules)
for name in sys.argv[1:]:
    importlib.import_module(name)
print("\\n" + json.dumps(sorted({name.partition(".")[0] for name in sys.modules} - before)))
"""


def loaded_by(names: list[str], home: Path) -> set[str]:
    env = {**os.environ, "AIRFLOW_HOME": str(home), "AIRFLOW__CORE__UNIT_TEST_MODE": "False"}
    done = subprocess.run(
        [sys.executable, "-c", PRINT_MODULES, *names], env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return set(json.loads(done.stdout.splitlines()[-1]))


def modules(repository: Path, package: str) -> list[str]:
    """Every module of a package that can be imported."""
    folder = repository / "pipelines" / package.replace(".", "/")
    return [f"{package}.{file.stem}" for file in sorted(folder.glob("*.py")) if file.stem != "__init__"]


@pytest.fixture(scope="module")
def by_orchestration(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    found = modules(repository, "nightshift.orchestration")
    assert {"nightshift.orchestration.families", "nightshift.orchestration.tasks"} <= set(found)
    return loaded_by(found, tmp_path_factory.mktemp("airflow"))


@pytest.mark.parametrize("library", HEAVY)
def test_orchestration_does_not_import(by_orchestration: set[str], library: str) -> None:
    assert "airflow" in by_orchestration
    assert library not in by_orchestration


def test_the_command_line_imports_neither_airflow_nor_anything_heavy(tmp_path: Path) -> None:
    found = loaded_by(["nightshift.cli.main"], tmp_path)
    assert "typer" in found
    assert found.isdisjoint({*HEAVY, "airflow", "pyarrow", "boto3"})


def test_importing_stores_and_contracts_opens_nothing(tmp_path: Path) -> None:
    found = loaded_by(["nightshift.stores", "nightshift.contracts", "nightshift.spec", "nightshift.settings"], tmp_path)
    assert found.isdisjoint({*HEAVY, "airflow", "pyarrow", "boto3"})


def test_only_orchestration_dags_and_plugins_name_airflow(repository: Path) -> None:
    """import-linter sees imports of the package; this sees every line of it."""
    for file in (repository / "pipelines" / "nightshift").rglob("*.py"):
        if "orchestration" not in file.parts:
            lines = file.read_text().splitlines()
            assert not [line for line in lines if line.strip().startswith(("import airflow", "from airflow"))], file

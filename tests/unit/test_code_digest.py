"""A digest of code changes with whatever can change a row, and with nothing else."""

import ast
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from nightshift import code_digest as digests
from nightshift.code_digest import EXCLUDED, code_digest, import_closure
from nightshift.contracts import Pin, Plan, Shard
from nightshift.scoring import shards
from nightshift.spec import load_spec

SCORING = import_closure(*shards.CODE)
OTHER_PYTHONS = [("3.12", "python3.12"), ("3.13", "python3.13")]
Edit = Callable[[str], str]
Key = Callable[[], str]


@pytest.fixture(scope="module")
def copied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package in another folder."""
    folder = tmp_path_factory.mktemp("elsewhere") / "nightshift"
    shutil.copytree(digests.PACKAGE, folder, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


class Code:
    """A copy of the package that a test may edit."""

    def __init__(self, package: Path) -> None:
        self.package = package
        self._before: dict[Path, str | None] = {}

    def edit(self, module: str, change: Edit) -> None:
        path = self.package.parent.joinpath(*module.split("."))
        file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
        source = change(file.read_text())
        assert source != file.read_text()
        self.write(file, source)

    def write(self, file: Path, source: str) -> None:
        self._before.setdefault(file, file.read_text() if file.exists() else None)
        file.write_text(source)
        code_digest.cache_clear()

    def undo(self) -> None:
        for file, source in self._before.items():
            if source is None:
                file.unlink()
            else:
                file.write_text(source)
        code_digest.cache_clear()


@pytest.fixture
def code(copied: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Code]:
    """The code of which digests are made, as it was again after the test."""
    monkeypatch.setattr(digests, "PACKAGE", copied)
    code_digest.cache_clear()
    copy = Code(copied)
    yield copy
    copy.undo()


@pytest.fixture(scope="module")
def key(make_project: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Key:
    """The key of one and the same shard, by the code as it is now."""
    spec = load_spec(make_project(tmp_path_factory.mktemp("project")) / "model.yaml")
    pin = Pin(spec.name, "3", "run", "ab" * 32, "graph", "5f.dir", "2024-01-10")
    plan = Plan(spec.name, "2024-01-11", pin, "generation", "input", 90, None, [])
    shard = Shard(0, "validated", "cd" * 32, 0, 2, 90)
    return lambda: shards.shard_file(spec, plan, shard).key


@pytest.fixture(scope="module")
def untouched(key: Key) -> str:
    """The key by the code as it is in the repository."""
    return key()


def with_another_constant(source: str) -> str:
    """The first constant that is no docstring is another one; a module without any gets one."""
    tree = ast.parse(source)
    docstrings = {node.value for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    constants = [node for node in ast.walk(tree) if isinstance(node, ast.Constant) and node not in docstrings]
    if not constants:
        return source + "\nADDED = 1\n"
    constants[0].value = "another" if constants[0].value != "another" else "yet another"
    return ast.unparse(tree)


def with_other_words(source: str) -> str:
    """Other docstrings, no comment, other line breaks; the same code."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            node.value.value = "Other words."
    return "# A comment.\n\n\n" + ast.unparse(tree)


@pytest.mark.parametrize("module", SCORING)
def test_another_constant_in_what_scoring_imports_is_another_shard(
    module: str, code: Code, key: Key, untouched: str
) -> None:
    code.edit(module, with_another_constant)
    assert key() != untouched


def test_comments_docstrings_and_layout_change_no_shard(code: Code, key: Key, untouched: str) -> None:
    for module in SCORING:
        code.edit(module, with_other_words)
    assert key() == untouched


@pytest.mark.parametrize("module", EXCLUDED)
def test_what_is_excluded_changes_no_shard_and_is_imported_by_one_who_makes_rows(
    module: str, code: Code, key: Key, untouched: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    code.edit(module, with_another_constant)
    assert key() == untouched
    monkeypatch.setattr(digests, "EXCLUDED", {name: why for name, why in EXCLUDED.items() if name != module})
    assert module in import_closure(*shards.CODE, "nightshift.modelling.labelled_night")


def test_few_modules_are_excluded_each_with_a_reason() -> None:
    assert len(EXCLUDED) <= 8
    assert all(len(reason.split()) >= 4 for reason in EXCLUDED.values())


def test_what_trains_judges_and_draws_changes_no_shard(code: Code, key: Key, untouched: str) -> None:
    outside = [*code.package.glob("training/**/*.py"), *code.package.glob("modelling/plots/*.py")]
    for room in ("optimization", "monitoring", "validation", "sources", "orchestration"):
        outside += code.package.glob(f"{room}/*.py")
    assert len(outside) > 40
    for file in outside:
        code.write(file, with_another_constant(file.read_text()))
    assert key() == untouched


@pytest.mark.parametrize(
    "line",
    [
        "from nightshift.odds import ODDS",
        "import nightshift.odds",
        "from nightshift import odds",
        "from .. import odds",
        "from ..odds import ODDS",
        "def lazily():\n    from nightshift.odds import ODDS",
        "try:\n    from nightshift.odds import ODDS\nfinally:\n    pass",
    ],
)
def test_a_new_import_of_a_new_module_is_in_the_digest(line: str, code: Code, key: Key, untouched: str) -> None:
    code.write(code.package / "odds.py", "ODDS = 2\n")
    code.edit("nightshift.scoring.feeds", lambda source: f"{source}\n{line}\n")
    before = key()
    assert "nightshift.odds" in import_closure(*shards.CODE)
    code.write(code.package / "odds.py", "ODDS = 3\n")
    assert len({untouched, before, key()}) == 3


def test_what_only_a_type_checker_imports_is_not_in_the_digest(code: Code, key: Key, untouched: str) -> None:
    code.write(code.package / "odds.py", "ODDS = 2\n")
    line = "if TYPE_CHECKING:\n    from nightshift.odds import ODDS"
    code.edit("nightshift.scoring.feeds", lambda source: f"{source}\n{line}\n")
    assert key() == untouched


def test_a_clone_elsewhere_has_the_same_digest(code: Code) -> None:
    elsewhere = code_digest(*shards.CODE)
    script = f"from nightshift.code_digest import code_digest; print(code_digest(*{shards.CODE}))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == elsewhere


@pytest.mark.parametrize(("minor", "command"), OTHER_PYTHONS)
def test_another_minor_of_python_has_the_same_digest(minor: str, command: str, code: Code) -> None:
    installed = [shutil.which(command), *map(str, Path.home().glob(f".pyenv/versions/{minor}.*/bin/python"))]
    interpreters = [path for path in installed if path is not None]
    if not interpreters:
        pytest.skip(f"no Python {minor} on this machine")
    script = f"import sys; sys.path.insert(0, {str(code.package.parent)!r}); from nightshift.code_digest import *; "
    script += f"print(code_digest(*{shards.CODE}))"
    done = subprocess.run([interpreters[-1], "-I", "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == code_digest(*shards.CODE)

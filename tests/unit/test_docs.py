"""The docs say what the code is: paths, links, verbs, errors, names and the generated page."""

import ast
import builtins
import re
from collections.abc import Iterator
from itertools import takewhile
from pathlib import Path
from typing import Any

import pytest
import typer

from nightshift import errors
from nightshift.authoring.reference import anchor, reference
from nightshift.cli.main import app
from nightshift.contracts import Dataset
from nightshift.errors import NightshiftError

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "pipelines" / "nightshift"
DOCS = ROOT / "docs"
PATTERNS = ("*.md", "docs/**/*.md", "pipelines/*.md", ".github/**/*.md")
ALL_PAGES = sorted(page for pattern in PATTERNS for page in ROOT.glob(pattern))
# A changelog is history: it may name what is gone. Its links still lead somewhere.
PAGES = [page for page in ALL_PAGES if page.name != "CHANGELOG.md"]

FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
SPAN = re.compile(r"`([^`]+)`")
LINK = re.compile(r"\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
PATH = re.compile(r"[\w.<>-]+(/[\w.<>-]+)*/?")
SUFFIXES = {".py", ".md", ".toml", ".yaml", ".yml", ".json", ".txt", ".j2", ".dvc"}
# What looks like a path and lies elsewhere: each with where.
ELSEWHERE = {
    "America/New_York": "a time zone",
    ".nightshift/": "state that `nightshift up` makes",
    "data/": "what `dvc pull data.dvc` brings",
    "dist/": "what `make dist` builds",
    "onnx/": "artifacts of an MLflow run",
    "plots/": "artifacts of an MLflow run",
    "search.json": "an artifact of an MLflow run",
    "search.md": "an artifact of an MLflow run",
    "checkpoints/": "the lake",
    "manifests/": "the lake",
    "generations/": "the lake",
    "snapshots/": "the lake",
    "cache/": "the lake",
    "ledger/": "the lake",
    "launches/": "the lake",
    "requests/": "the lake",
    "head.json": "the lake",
    "models/churn/": "the example of a model that is not there",
    "model.yaml": "each model has one",
    "alerts.toml": "what a person writes",
    "nightshift.json": "what `nightshift export` writes",
    "package.json": "what `nightshift export` writes",
    "own.json": "an example of what a person writes",
    "docker-compose.override.yml": "what a person writes",
} | {f"{dataset}/": "the lake" for dataset in Dataset}


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


def each_page(pages: list[Path]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("page", pages, ids=map(name_of, pages))


def prose(page: Path) -> str:
    return FENCE.sub("", page.read_text())


def fences(page: Path) -> list[str]:
    return FENCE.findall(page.read_text())


def code_lines(page: Path) -> Iterator[str]:
    """Every line of code that a page shows, in the text or on its own; a line that goes on is one line."""
    yield from (" ".join(span.split()) for span in SPAN.findall(prose(page)))
    for fence in fences(page):
        yield from fence.replace("\\\n", " ").splitlines()[1:-1]


def all_code() -> Iterator[str]:
    for page in PAGES:
        yield from code_lines(page)


# Paths and links


def paths_in(page: Path) -> Iterator[str]:
    """Words of code that look like a path: in the text all, in blocks those that begin with a folder of ours."""
    for span in SPAN.findall(prose(page)):
        for word in span.split():
            if PATH.fullmatch(word) and ("/" in word or Path(word).suffix in SUFFIXES):
                yield word
    for word in " ".join(fences(page)).split():
        first, slash, _ = word.partition("/")
        if PATH.fullmatch(word) and slash and (ROOT / first).is_dir():
            yield word


def is_there(path: str, page: Path) -> bool:
    if any(path == other or (other.endswith("/") and path.startswith(other)) for other in ELSEWHERE):
        return True
    # Of a path with a placeholder, `<name>.py`, the folder is there.
    known = Path(*takewhile(lambda part: "<" not in part, Path(path).parts))
    return any((folder / known).exists() for folder in (ROOT, PACKAGE, page.parent))


@each_page(PAGES)
def test_every_path_that_a_page_names_exists(page: Path) -> None:
    assert [path for path in paths_in(page) if not is_there(path, page)] == []


def test_a_path_that_is_gone_is_seen(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    in_text = "`steps/gone.py`, `steps/score.py`, `attic/<name>.py`, `steps/<name>.py`"
    page.write_text(f"{in_text}\n```\nls docs/gone.md\n```\n")
    gone = [path for path in paths_in(page) if not is_there(path, page)]
    assert gone == ["steps/gone.py", "attic/<name>.py", "docs/gone.md"]


def dead_links(page: Path) -> Iterator[str]:
    for target in LINK.findall(prose(page)):
        address, _, heading = target.partition("#")
        file = page if not address else page.parent / address
        if address.startswith(("http://", "https://")):
            continue
        if not file.exists() or (heading and heading not in map(anchor, HEADING.findall(prose(file)))):
            yield target


@each_page(ALL_PAGES)
def test_every_link_leads_somewhere(page: Path) -> None:
    assert list(dead_links(page)) == []


def test_a_link_to_a_heading_that_is_gone_is_seen(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# A page\n\n[a](#a-page) [b](#b-page) [c](other.md) [d](https://example.org)\n")
    assert list(dead_links(page)) == ["#b-page", "other.md"]


# Verbs


def verbs(group: Any, path: str = "") -> dict[str, Any]:
    """Each command that people see, by the words that call it."""
    found = {}
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            found |= verbs(command, f"{path}{name} ")
        elif not command.hidden:
            found[f"{path}{name}"] = command
    return found


VERBS = verbs(typer.main.get_command(app))
CALL = re.compile(r"(?:^|[\s/(])nightshift ((?:data |alerts )?[a-z-]+)(?![\w=.])([^#|;]*)")


def calls() -> Iterator[tuple[str, str]]:
    """Each call of the command line that the docs show: the verb, and what follows it."""
    for line in all_code():
        yield from CALL.findall(line)


def test_every_picture_is_shown_on_a_page() -> None:
    shown = "".join(page.read_text() for page in ROOT.rglob("docs/**/*.md"))
    shown += (ROOT / "README.md").read_text()
    pictures = sorted(picture.name for picture in (ROOT / "docs" / "images").iterdir())
    assert [name for name in pictures if f"images/{name}" not in shown] == []


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_says_what_it_does(verb: str) -> None:
    assert VERBS[verb].help


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_stands_in_the_docs(verb: str) -> None:
    assert verb in {called for called, _ in calls()}, f"`nightshift {verb}` is neither in README.md nor in docs/"


@pytest.mark.parametrize("verb", VERBS)
def test_the_readme_and_the_menu_say_it_in_the_same_words(verb: str) -> None:
    first_clause = re.split(r"[;:.] |[.]$", VERBS[verb].help)[0]
    row = f"| `nightshift {verb}` | {first_clause[0].lower()}{first_clause[1:]} |"
    assert row in (ROOT / "README.md").read_text().splitlines()


def test_the_docs_call_only_verbs_that_there_are() -> None:
    assert {called for called, _ in calls()} - set(VERBS) == set()


def test_the_docs_give_only_options_that_the_verb_has() -> None:
    wrong = []
    for verb, rest in calls():
        if verb not in VERBS:
            continue
        options = {"--help"}
        for parameter in VERBS[verb].params:
            options.update(parameter.opts, parameter.secondary_opts)
        given = set(re.findall(r"(?<![\w-])--[a-z][\w-]*", rest))
        wrong += [f"nightshift {verb} {option}" for option in given - options]
    assert wrong == []


# Errors


def classes() -> dict[str, type[NightshiftError]]:
    values = [value for value in vars(errors).values() if isinstance(value, type)]
    return {value.__name__: value for value in values if issubclass(value, NightshiftError)}


def raised() -> set[str]:
    """The names after ``raise`` anywhere in the package."""
    names = set()
    for file in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
                names.add(ast.unparse(node.exc.func))
    return names


CONCRETE = sorted(name for name, value in classes().items() if not value.__subclasses__() or name in raised())
RUNBOOK = (DOCS / "runbook.md").read_text()


@pytest.mark.parametrize("name", CONCRETE)
def test_the_runbook_has_every_error_that_a_person_can_meet(name: str) -> None:
    assert f"`{name}`" in RUNBOOK


def test_the_runbook_has_no_error_that_is_gone() -> None:
    first_cells = [line.split("|")[1] for line in RUNBOOK.splitlines() if line.startswith("| ")]
    named = re.findall(r"`([A-Z][a-z]+[A-Z]\w+)`", " ".join(first_cells))
    assert set(named) - set(classes()) == set()


# Names, targets, installation

# Words like class names that are not of this package: each with whose they are.
FOREIGN = {
    "TreeEnsemble": "an operator of ONNX",
    "LocalExecutor": "Airflow",
    "BaseNotifier": "Airflow",
    "AppriseNotifier": "Airflow",
}


def test_every_class_that_the_docs_name_is_in_the_code() -> None:
    source = "\n".join(file.read_text() for file in PACKAGE.rglob("*.py"))
    named = {word for line in all_code() for word in re.findall(r"^[A-Z][a-z0-9]+(?:[A-Z][a-z0-9]+)+$", line)}
    ours = named - set(FOREIGN) - set(vars(builtins))
    gone = {word for word in ours if not re.search(rf"\bclass {word}\b", source)}
    assert gone == set()


def test_every_target_of_make_that_the_docs_name_exists() -> None:
    targets = set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = set()
    for line in all_code():
        if line.startswith("make "):
            words = line.partition("#")[0].split()[1:]
            named |= {word for word in words if re.fullmatch(r"[a-z][a-z-]*", word)}
    assert named - targets == set()


@each_page(ALL_PAGES)
def test_nobody_is_told_to_install_the_strangers_package(page: Path) -> None:
    """On the package index ``nightshift`` is somebody else's, and ``nightshift-batch`` is not there: a path it is."""
    for line in page.read_text().splitlines():
        _, install, what = line.partition("pip install")
        if install:
            assert not re.search(r"(?<![\w/.-])nightshift(?!_batch-)", what), line


# The page out of ModelSpec


def test_the_page_of_the_spec_is_fresh() -> None:
    assert (DOCS / "spec.md").read_text() == reference(), "docs/spec.md is stale; write it anew: make docs"

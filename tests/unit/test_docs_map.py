"""The map of the house: decisions have number, date and status, and the floors are those that are checked."""

import datetime as dt
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "pipelines" / "nightshift"
DOCS = ROOT / "docs"
SPAN = re.compile(r"`([^`]+)`")

DECISIONS = sorted(page for page in (DOCS / "decisions").glob("*.md") if page.name != "README.md")
STATUS = re.compile(r"proposed|accepted|superseded by \d{4}")


each_decision = pytest.mark.parametrize("page", DECISIONS, ids=lambda page: page.stem)


def header(page: Path, key: str) -> str:
    (value,) = re.findall(rf"^- {key}: (\S.*)$", page.read_text(), re.MULTILINE)
    return value


@each_decision
def test_every_decision_has_number_date_status_and_what_was_considered(page: Path) -> None:
    number = page.name[:4]
    assert re.fullmatch(r"\d{4}-[a-z0-9-]+\.md", page.name)
    assert page.read_text().startswith(f"# {number}. ")
    assert dt.date.fromisoformat(header(page, "Date"))
    assert STATUS.fullmatch(header(page, "Status"))
    assert header(page, "Considered")


def test_decisions_are_numbered_without_a_gap() -> None:
    assert [int(page.name[:4]) for page in DECISIONS] == list(range(1, len(DECISIONS) + 1))


@each_decision
def test_the_index_has_every_decision_as_it_is(page: Path) -> None:
    title = page.read_text().splitlines()[0].partition(". ")[2]
    row = f"| {page.name[:4]} | [{title}]({page.name}) | {header(page, 'Date')} | {header(page, 'Status')} |"
    assert row in (DOCS / "decisions" / "README.md").read_text().splitlines()


def floors() -> list[str]:
    """The first cells of the table of floors in docs/architecture.md."""
    section = (DOCS / "architecture.md").read_text().partition("## The floors")[2].partition("\n## ")[0]
    return [line.split("|")[1] for line in section.splitlines() if line.startswith(("| `", "| *"))]


def test_the_table_of_floors_is_what_import_linter_checks() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    (layers,) = (contract["layers"] for contract in contracts if contract["type"] == "layers")
    checked = [set(re.findall(r"nightshift\.(\w+)", layer)) for layer in layers]
    assert [set(SPAN.findall(cell)) for cell in floors() if "`" in cell] == checked


def test_the_table_of_floors_has_every_room_and_module_that_is_there() -> None:
    there = {path.stem for path in PACKAGE.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()}
    assert set(SPAN.findall(" ".join(floors()))) == there - {"__init__"}


def test_rooms_to_come_are_named_and_not_there() -> None:
    rooms = re.findall(r"\*(\w+)\* \(to come\)", " ".join(floors()))
    assert set(rooms) == {"launchers", "features"}
    assert not [room for room in rooms if (PACKAGE / room).exists()]

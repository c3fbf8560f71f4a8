"""What a newcomer and their editor meet first: it is there, it parses, and it only names what exists."""

import configparser
import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from nightshift.stack.ports import DEFAULTS

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "pipelines" / "nightshift"
MAKEFILE = (ROOT / "Makefile").read_text()
TARGETS = set(re.findall(r"^([a-z0-9-]+):", MAKEFILE, re.MULTILINE))
TEMPLATES = ("bug", "feature", "design-proposal")


def read_yaml(path: str) -> Any:
    return yaml.safe_load((ROOT / path).read_text())


def rules() -> dict[str, list[str]]:
    """The owners by pattern, in the file's order."""
    lines = [line.split() for line in (ROOT / "CODEOWNERS").read_text().splitlines()]
    return {words[0]: words[1:] for words in lines if words and not words[0].startswith("#")}


def rooms() -> list[Path]:
    return sorted(file.parent for file in PACKAGE.glob("*/__init__.py"))


def make_targets(command: str) -> set[str]:
    """The targets of a ``make`` command, without its variables."""
    program, *words = command.split()
    assert program == "make", command
    return {word for word in words if "=" not in word}


def test_every_verb_of_the_makefile_is_in_its_list() -> None:
    (phony,) = re.findall(r"^\.PHONY: ((?:.*\\\n)*.*)$", MAKEFILE, re.MULTILINE)
    verbs = set(phony.replace("\\", " ").split())
    assert verbs == set(re.findall(r"^([a-z0-9-]+):.*## \S", MAKEFILE, re.MULTILINE))
    assert {"install", "test", "lint", "format", "docs", "dist", "dist-test", "bench-long"} <= verbs


def test_make_test_stays_without_environments_of_its_own() -> None:
    (needed,) = re.findall(r"^test: (.*?) ##", MAKEFILE, re.MULTILINE)
    assert needed.split() == ["lint", "unit", "dags", "integration", "faults", "e2e"]


def test_hooks_only_call_the_makefile() -> None:
    hooks = [hook for repo in read_yaml(".pre-commit-config.yaml")["repos"] for hook in repo["hooks"]]
    assert [repo["repo"] for repo in read_yaml(".pre-commit-config.yaml")["repos"]] == ["local"]
    assert [hook["entry"] for hook in hooks] == ["make format", "make lint"]
    for hook in hooks:
        assert make_targets(hook["entry"]) <= TARGETS
        assert (hook["language"], hook["pass_filenames"]) == ("system", False)


def test_ci_only_calls_the_makefile_on_the_pythons_that_are_allowed() -> None:
    jobs = read_yaml(".github/workflows/ci.yml")["jobs"]
    commands = [step["run"] for job in jobs.values() for step in job["steps"] if "run" in step]
    made = [re.sub(r"\$\{\{.*?\}\}", "X", command) for command in commands if not command.startswith("sudo apt-get")]
    assert set().union(*map(make_targets, made)) == {"test", "unit", "dags", "dist-test"}
    requires = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"]
    others = jobs["other-pythons"]["strategy"]["matrix"]["python"]
    assert requires == f">=3.11,<3.{len(others) + 12}"


def test_the_editor_knows_tabs_from_spaces() -> None:
    config = configparser.ConfigParser()
    config.read_string(f"[top]\n{(ROOT / '.editorconfig').read_text()}")
    assert config["top"]["root"] == "true"
    assert config["Makefile"]["indent_style"] == "tab"
    ruff = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["ruff"]
    assert int(config["*"]["max_line_length"]) == ruff["line-length"]


def test_the_container_for_development_is_what_make_install_makes() -> None:
    container = json.loads((ROOT / ".devcontainer" / "devcontainer.json").read_text())
    (python,) = re.findall(r"^PYTHON \?= python(\S+)", MAKEFILE, re.MULTILINE)
    assert container["image"].startswith(f"python:{python}-")
    assert make_targets(container["postCreateCommand"]) == {"install"}
    assert sorted(container["forwardPorts"]) == sorted(DEFAULTS.values())
    assert {int(port) for port in container["portsAttributes"]} == set(container["forwardPorts"])


@pytest.mark.parametrize("room", rooms(), ids=lambda room: room.name)
def test_every_room_has_owners(room: Path) -> None:
    owners = rules()[f"/pipelines/nightshift/{room.name}/"]
    assert owners
    assert all(re.fullmatch(r"@nightshift/[a-z-]+", owner) for owner in owners)


def test_owners_own_what_exists() -> None:
    paths = [pattern.strip("/") for pattern in rules() if "*" not in pattern]
    assert [path for path in paths if not (ROOT / path).exists()] == []
    assert next(iter(rules())) == "*"
    assert "/pipelines/nightshift/*.py" in rules()


@pytest.mark.parametrize("name", TEMPLATES)
def test_an_issue_is_asked_for_what_is_needed(name: str) -> None:
    form = read_yaml(f".github/ISSUE_TEMPLATE/{name}.yml")
    assert {"name", "description", "labels", "body"} == set(form)
    fields = [field["id"] for field in form["body"]]
    assert len(set(fields)) == len(fields)
    assert any(field.get("validations", {}).get("required") for field in form["body"])


def test_a_pull_request_is_asked_for_changelog_and_decision() -> None:
    boxes = re.findall(r"^- \[ \] (.*)$", (ROOT / ".github" / "PULL_REQUEST_TEMPLATE.md").read_text(), re.MULTILINE)
    assert [box for box in boxes if "`CHANGELOG.md`" in box]
    assert [box for box in boxes if "`docs/decisions/`" in box]
    for box in boxes:
        for command in re.findall(r"`(make [^`]*)`", box):
            assert make_targets(command) <= TARGETS


def test_a_hole_is_reported_privately_and_the_promises_name_what_exists() -> None:
    text = (ROOT / "SECURITY.md").read_text()
    assert "Privately, never in an issue" in text
    for link in re.findall(r"\]\(([^)]*)\)", text):
        assert (ROOT / link).exists() or (ROOT / f"{link}.md").exists(), link
    for name, folder in {"UnsafeGraph": "scoring", "trusted": "training/trainers"}.items():
        assert f"`{name}`" in text
        assert any(name in file.read_text() for file in (PACKAGE / folder).glob("*.py"))


def test_five_lines_say_where_to_start_reading() -> None:
    lines = (ROOT / "pipelines" / "README.md").read_text().splitlines()
    assert len(lines) == 5
    for path in re.findall(r"`(nightshift/[^`]*)`", "\n".join(lines)):
        assert (ROOT / "pipelines" / path).exists(), path

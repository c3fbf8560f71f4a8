"""A project is the nearest folder with a ``nightshift.toml``: models, Dags and state lie in it."""

import tomllib
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from nightshift.errors import UsageError

PROJECT_FILE = "nightshift.toml"


class ProjectFile(BaseModel):
    """What ``nightshift.toml`` may hold: so far, that this folder is a project, and of which format."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal[1]


def find_project(start: Path) -> Path:
    """The nearest folder at or above ``start`` that has a ``nightshift.toml``. Raises ``UsageError``."""
    for folder in (start, *start.parents):
        if (folder / PROJECT_FILE).is_file():
            return folder
    raise UsageError(
        f"{start} is not inside a Nightshift project (no {PROJECT_FILE} there or above)",
        fix="cd into your project, set NIGHTSHIFT_PROJECT to it, or make one: nightshift init DIR",
    )


def read_project_file(project: Path) -> ProjectFile:
    """The checked ``nightshift.toml`` of a project. Raises ``UsageError`` naming file and key."""
    path = project / PROJECT_FILE
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError) as error:
        raise UsageError(
            f"{project} is not a Nightshift project: it has no {PROJECT_FILE}",
            fix=f"correct NIGHTSHIFT_PROJECT, or write the line `format = 1` into {path}",
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} is not TOML: {error}", fix="correct it") from error
    return _checked(path, content)


def _checked(path: Path, content: dict[str, Any]) -> ProjectFile:
    try:
        return ProjectFile.model_validate(content)
    except ValidationError as error:
        problem = error.errors()[0]
        key = ".".join(str(part) for part in problem["loc"])
        allowed = ", ".join(ProjectFile.model_fields)
        message = f"unknown key; allowed: {allowed}" if problem["type"] == "extra_forbidden" else problem["msg"]
        raise UsageError(f"{path}: {key}: {message}", fix="correct it") from error

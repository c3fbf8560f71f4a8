"""Pydantic's findings in the words of a person who edits YAML: file, key, got, allowed."""

import datetime as dt
import difflib
import types
import typing
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, Tag, ValidationError
from pydantic_core import ErrorDetails

MOST_SHOWN = 10
LONGEST_GOT = 80
UNQUOTED = (bool, int, float, dt.date)
"""What YAML makes of some texts: no and on, 1 and 1.5, 2024-01-31."""


def explain(path: Path, error: ValidationError, root: type[BaseModel]) -> str:
    """One line per wrong key, at most ten, then how many more."""
    findings_by_key: dict[str, list[ErrorDetails]] = {}
    for finding in error.errors():
        # Each branch of a union has a finding of its own for the same key.
        key = _key(root, finding)
        findings_of_key = findings_by_key.setdefault(key, [])
        findings_of_key.append(finding)
    lines = []
    for key, findings in findings_by_key.items():
        message = _message(findings, root)
        lines.append(f"{path}: {key}: {message}")
    if len(lines) > MOST_SHOWN:
        more = len(lines) - MOST_SHOWN
        lines = [*lines[:MOST_SHOWN], f"... and {more} more"]
    return "\n".join(lines)


def _key(root: type[BaseModel], finding: ErrorDetails) -> str:
    parts, _ = _walk(root, finding["loc"])
    return ".".join(parts) or "the file"


def _message(findings: list[ErrorDetails], root: type[BaseModel]) -> str:
    finding = findings[0]
    if finding["type"] == "extra_forbidden":
        *section, key = finding["loc"]
        allowed_keys = _keys_at(root, section)
        return f"unknown key; {_near(str(key), allowed_keys)}"
    if finding["type"] == "missing":
        return "missing, but required"
    if finding["type"] in {"value_error", "source_kind"}:
        return finding["msg"].removeprefix("Value error, ")
    got = _short(repr(finding["input"]))
    allowed = dict.fromkeys(_allowed(finding) for finding in findings)
    message = f"got {got}, allowed: {' or '.join(allowed)}"
    if finding["type"] == "string_type" and isinstance(finding["input"], UNQUOTED):
        return f"{message}; YAML reads it as no text: put it in quotes"
    return message


def _short(text: str) -> str:
    if len(text) <= LONGEST_GOT:
        return text
    return text[: LONGEST_GOT - 3] + "..."


def _allowed(finding: ErrorDetails) -> str:
    expected = finding.get("ctx", {}).get("expected")
    if expected:
        return str(expected)
    message = finding["msg"].removeprefix("Input should be ").removeprefix("String should ")
    return message.strip()


def _near(key: str, allowed: list[str]) -> str:
    if not allowed:
        return "no key is allowed here"
    close = difflib.get_close_matches(key, allowed, n=1)
    hint = f"did you mean {close[0]}? " if close else ""
    return f"{hint}allowed: {', '.join(allowed)}"


def _keys_at(root: type[BaseModel], loc: Sequence[int | str]) -> list[str]:
    """The keys of the model found by walking ``loc`` from ``root``."""
    _, there = _walk(root, loc)
    if not _is_model(there):
        return []
    return sorted(there.model_fields)


def _walk(root: Any, loc: Sequence[int | str]) -> tuple[list[str], Any]:
    """The parts of ``loc`` that a person wrote, without the names of a union's branches; and the type there."""
    written: list[str] = []
    current: Any = root
    for part in loc:
        branches = _branches(current)
        if len(branches) > 1:
            matching = [branch for name, branch in branches if name == part]
            current = matching[0] if matching else None
        elif part != "[key]":
            written.append(str(part))
            current = _inner(_only_branch(current), part)
    return written, _only_branch(current)


def _inner(current: Any, part: int | str) -> Any:
    if _is_model(current):
        field = current.model_fields.get(str(part))
        return field.annotation if field else None
    arguments = typing.get_args(current)
    if typing.get_origin(current) is dict:
        return arguments[1]
    return arguments[0] if arguments else None


def _only_branch(annotation: Any) -> Any:
    branches = _branches(annotation)
    if len(branches) != 1:
        return None
    _, branch = branches[0]
    return branch


def _branches(annotation: Any) -> list[tuple[str, Any]]:
    """The plain types that a value may be of, None left out; the tag of each, or its name, before it."""
    if annotation is None:
        return []
    origin = typing.get_origin(annotation)
    if origin is typing.Annotated:
        inner, *marks = typing.get_args(annotation)
        tags = [mark.tag for mark in marks if isinstance(mark, Tag)]
        branches = _branches(inner)
        return [(tags[0], branch) for _, branch in branches] if tags else branches
    if origin in {typing.Union, types.UnionType}:
        branches = []
        for member in typing.get_args(annotation):
            if member is not type(None):
                branches += _branches(member)
        return branches
    name = getattr(annotation, "__name__", str(annotation))
    return [(name, annotation)]


def _is_model(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)

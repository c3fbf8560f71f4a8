"""Pydantic's findings in the words of a person who edits YAML: file, key, got, allowed."""

import difflib
import types
import typing
from pathlib import Path
from typing import Any

from pydantic import BaseModel, Tag, ValidationError
from pydantic_core import ErrorDetails

MOST_SHOWN = 10


def explain(path: Path, error: ValidationError, root: type[BaseModel]) -> str:
    """One line per wrong key, at most ten, then how many more."""
    findings: dict[str, list[ErrorDetails]] = {}
    for finding in error.errors():
        # Each branch of a union has a finding of its own for the same key.
        findings.setdefault(_key(root, finding), []).append(finding)
    lines = [f"{path}: {key}: {_said(of_key, root)}" for key, of_key in findings.items()]
    if len(lines) > MOST_SHOWN:
        lines = [*lines[:MOST_SHOWN], f"... and {len(lines) - MOST_SHOWN} more"]
    return "\n".join(lines)


def _key(root: type[BaseModel], finding: ErrorDetails) -> str:
    shown, _ = _walk(root, finding["loc"])
    return ".".join(shown) or "the file"


def _said(findings: list[ErrorDetails], root: type[BaseModel]) -> str:
    finding = findings[0]
    if finding["type"] == "extra_forbidden":
        return f"unknown key; {_near(str(finding['loc'][-1]), _keys_at(root, finding['loc'][:-1]))}"
    if finding["type"] == "missing":
        return "missing, but required"
    if finding["type"] in {"value_error", "source_kind"}:
        return finding["msg"].removeprefix("Value error, ")
    got = repr(finding["input"])
    if len(got) > 80:
        got = got[:77] + "..."
    return f"got {got}, allowed: {' or '.join(dict.fromkeys(map(_allowed, findings)))}"


def _allowed(finding: ErrorDetails) -> str:
    expected = finding.get("ctx", {}).get("expected")
    if expected:
        return str(expected)
    message = finding["msg"]
    return message.removeprefix("Input should be ").removeprefix("String should ").strip()


def _near(key: str, allowed: list[str]) -> str:
    close = difflib.get_close_matches(key, allowed, n=1)
    hint = f"did you mean {close[0]}? " if close else ""
    return f"{hint}allowed: {', '.join(allowed)}" if allowed else "no key is allowed here"


def _keys_at(root: type[BaseModel], loc: tuple[int | str, ...]) -> list[str]:
    """The keys of the model found by walking ``loc`` from ``root``."""
    _, current = _walk(root, loc)
    return sorted(current.model_fields) if _is_model(current) else []


def _walk(root: Any, loc: tuple[int | str, ...]) -> tuple[list[str], Any]:
    """The parts of ``loc`` that a person wrote, without the names of a union's branches; and the type there."""
    shown: list[str] = []
    current: Any = root
    for part in loc:
        branches = _branches(current)
        if len(branches) > 1:
            current = next((branch for name, branch in branches if name == part), None)
        elif part != "[key]":
            shown.append(str(part))
            current = _inner(branches[0][1] if branches else None, part)
    branches = _branches(current)
    return shown, branches[0][1] if len(branches) == 1 else None


def _inner(current: Any, part: int | str) -> Any:
    if _is_model(current):
        field = current.model_fields.get(str(part))
        return field.annotation if field else None
    arguments = typing.get_args(current)
    return arguments[1] if typing.get_origin(current) is dict else next(iter(arguments), None)


def _branches(annotation: Any) -> list[tuple[str, Any]]:
    """The plain types that a value may be of, None left out; the tag of each, or its name, before it."""
    origin = typing.get_origin(annotation)
    if origin is typing.Annotated:
        inner, *marks = typing.get_args(annotation)
        tag = next((mark.tag for mark in marks if isinstance(mark, Tag)), None)
        return [(tag or name, plain) for name, plain in _branches(inner)]
    if origin in {typing.Union, types.UnionType}:
        return [found for one in typing.get_args(annotation) if one is not type(None) for found in _branches(one)]
    return [] if annotation is None else [(getattr(annotation, "__name__", str(annotation)), annotation)]


def _is_model(found: Any) -> bool:
    return isinstance(found, type) and issubclass(found, BaseModel)

"""Pydantic's findings in the words of a person who edits YAML: file, key, got, allowed."""

import difflib
import types
import typing
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

MOST_SHOWN = 10


def explain(path: Path, error: ValidationError, root: type[BaseModel]) -> str:
    """One line per wrong key, at most ten, then how many more."""
    findings = error.errors()
    lines = [f"{path}: {_line(finding, root)}" for finding in findings[:MOST_SHOWN]]
    if len(findings) > MOST_SHOWN:
        lines.append(f"... and {len(findings) - MOST_SHOWN} more")
    return "\n".join(lines)


def _line(finding: ErrorDetails, root: type[BaseModel]) -> str:
    key = ".".join(str(part) for part in finding["loc"] if part != "[key]") or "the file"
    got = repr(finding["input"])
    if len(got) > 80:
        got = got[:77] + "..."
    if finding["type"] == "extra_forbidden":
        return f"{key}: unknown key; {_near(str(finding['loc'][-1]), _keys_at(root, finding['loc'][:-1]))}"
    if finding["type"] == "missing":
        return f"{key}: missing, but required"
    if finding["type"] == "value_error":
        return f"{key}: {finding['msg'].removeprefix('Value error, ')}"
    return f"{key}: got {got}, allowed: {_allowed(finding)}"


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
    current: Any = root
    for part in loc:
        if isinstance(current, type) and issubclass(current, BaseModel):
            field = current.model_fields.get(str(part))
            current = None if field is None else _plain(field.annotation)
        elif typing.get_origin(current) is dict:
            current = _plain(typing.get_args(current)[1])
    return sorted(current.model_fields) if isinstance(current, type) and issubclass(current, BaseModel) else []


def _plain(annotation: Any) -> Any:
    """``X`` of ``X | None`` and of ``Annotated[X, ...]``."""
    origin = typing.get_origin(annotation)
    if origin is typing.Annotated:
        return _plain(typing.get_args(annotation)[0])
    if origin in {typing.Union, types.UnionType}:
        return _plain(next(a for a in typing.get_args(annotation) if a is not type(None)))
    return annotation

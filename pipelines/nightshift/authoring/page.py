"""The text of a model.yaml: one key a line, each with a comment, beside it or above, that says where it came from."""

from dataclasses import dataclass, field
from typing import Any

import yaml

WIDEST = 120
BESIDE = 40


@dataclass
class Page:
    """Lines of YAML, each with its comment."""

    lines: list[tuple[str, str]] = field(default_factory=list)

    def say(self, comment: str) -> None:
        """A line that is only a comment."""
        self.lines.append(("", comment))

    def gap(self) -> None:
        """An empty line."""
        self.lines.append(("", ""))

    def section(self, name: str, comment: str = "", depth: int = 0) -> None:
        """The head of a mapping."""
        indent = "  " * depth
        code = f"{indent}{inline(name)}:"
        self.lines.append((code, comment))

    def put(self, name: str, value: Any, comment: str, depth: int = 0) -> None:
        """One key with its value in one line; both may come from data."""
        indent = "  " * depth
        code = f"{indent}{inline(name)}: {inline(value)}"
        self.lines.append((code, comment))

    def text(self) -> str:
        """The whole file."""
        lines = [_with_comment(code, comment) for code, comment in self.lines]
        return "\n".join(lines) + "\n"


class _OneLineDumper(yaml.SafeDumper):
    """Texts that hold more than letters a line can show are quoted, with escapes."""


def _text(dumper: _OneLineDumper, text: str) -> yaml.ScalarNode:
    style = None if text.isprintable() else '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_OneLineDumper.add_representer(str, _text)


def inline(value: Any) -> str:
    """A key or a value as YAML in one line, which is read back as what it was: ``no`` and ``1e3`` in quotes."""
    text: str = yaml.dump(
        value,
        Dumper=_OneLineDumper,
        default_flow_style=True,
        sort_keys=False,
        allow_unicode=True,
        width=10**9,
    )
    return text.removesuffix("\n").removesuffix("\n...")


def _shown(comment: str) -> str:
    """A comment in one line, without the characters that YAML forbids even there."""
    words = " ".join(comment.split())
    characters = [character if character.isprintable() else "?" for character in words]
    return "".join(characters)


def _with_comment(code: str, comment: str) -> str:
    comment = _shown(comment)
    if not comment:
        return code
    if not code:
        return f"# {comment}"
    beside = f"{code:<{BESIDE}}  # {comment}"
    if len(beside) <= WIDEST:
        return beside
    indent = " " * (len(code) - len(code.lstrip()))
    return f"{indent}# {comment}\n{code}"

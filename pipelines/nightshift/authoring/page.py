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

    def section(self, name: str, comment: str = "") -> None:
        """The head of a mapping."""
        self.lines.append((f"{name}:", comment))

    def put(self, name: str, value: Any, comment: str, depth: int = 0) -> None:
        """One key with its value in one line."""
        indent = "  " * depth
        code = f"{indent}{name}: {inline(value)}"
        self.lines.append((code, comment))

    def text(self) -> str:
        """The whole file."""
        lines = [_with_comment(code, comment) for code, comment in self.lines]
        return "\n".join(lines) + "\n"


def inline(value: Any) -> str:
    """A value as YAML in one line."""
    text = yaml.safe_dump(
        value,
        default_flow_style=True,
        sort_keys=False,
        allow_unicode=True,
        width=10**9,
    )
    return text.removesuffix("\n").removesuffix("\n...")


def _with_comment(code: str, comment: str) -> str:
    comment = " ".join(comment.split())
    if not comment:
        return code
    if not code:
        return f"# {comment}"
    beside = f"{code:<{BESIDE}}  # {comment}"
    if len(beside) <= WIDEST:
        return beside
    indent = " " * (len(code) - len(code.lstrip()))
    return f"{indent}# {comment}\n{code}"

"""YAML whose keys are texts, each given once: what plain YAML reads otherwise, it reads without a word."""

from pathlib import Path
from typing import Any

import yaml

from nightshift.errors import SpecError

MERGE = "tag:yaml.org,2002:merge"


def read_yaml(path: Path, text: str) -> Any:
    """What a file of this text says. Raises ``SpecError`` for a key given twice or that is no text, ``YAMLError``."""
    node = yaml.compose(text, Loader=yaml.SafeLoader)
    if node is None:
        return None
    _check(path, node, [])
    return yaml.safe_load(text)


def _check(
    path: Path,
    node: yaml.Node,
    above: list[str],
) -> None:
    """Every mapping from ``node`` on; ``above`` are the keys that lead to it."""
    if isinstance(node, yaml.SequenceNode):
        for item in node.value:
            _check(path, item, above)
    if not isinstance(node, yaml.MappingNode):
        return
    lines: dict[str, int] = {}
    for key, value in node.value:
        if key.tag == MERGE:
            continue
        name = _name(path, key, above)
        line = key.start_mark.line + 1
        if name in lines:
            raise SpecError(
                f"{path}: {'.'.join([*above, name])} is given twice, in line {lines[name]} and in line {line}",
                fix="leave one of the two, then `nightshift check`",
            )
        lines[name] = line
        _check(path, value, [*above, name])


def _name(
    path: Path,
    key: yaml.Node,
    above: list[str],
) -> str:
    """A key's text. Raises ``SpecError`` where YAML reads something else in it."""
    written = key.value if isinstance(key, yaml.ScalarNode) else "a list or a mapping"
    constructed = yaml.SafeLoader("").construct_object(key, deep=True)
    if isinstance(constructed, str):
        return constructed
    raise SpecError(
        f"{path}: {'.'.join([*above, written])}: line {key.start_mark.line + 1}: YAML reads the name"
        f" {written} as {constructed!r}, allowed: text",
        fix=f"write it in quotes: '{written}'",
    )

"""YAML as a person wrote it: what YAML itself takes for something else, or keeps only the last of, is said."""

from typing import Any

import yaml

KINDS = {
    "tag:yaml.org,2002:bool": "true or false",
    "tag:yaml.org,2002:null": "nothing",
    "tag:yaml.org,2002:int": "a number",
    "tag:yaml.org,2002:float": "a number",
    "tag:yaml.org,2002:timestamp": "a date",
}
"""What YAML makes of a text that is not in quotes, by the tag that it resolves it to."""


MOST_CHARACTERS = 2**21
MOST_VALUES = 300_000
"""With every alias written out: a few lines of aliases of aliases are more than any memory holds."""
MOST_DEPTH = 100
"""Of lists and sections in one another: a model.yaml has five."""
FAST = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""Four times as fast, with a look at the depth before: a Dag processor reads the model.yaml of all models."""


class KeyMistake(Exception):
    """A key that is no text, or that a section has twice; or values that are too many or too deep."""


def read(text: str) -> Any:
    """The values of one document. Raises ``KeyMistake``, ``yaml.YAMLError``."""
    if len(text) > MOST_CHARACTERS:
        raise KeyMistake(f"the file has {len(text):,} characters, allowed {MOST_CHARACTERS:,}")
    try:
        return _read_by_either(text)
    except RecursionError as error:
        raise KeyMistake("lists or sections lie too deep in one another") from error
    except (ValueError, OverflowError) as error:
        # A date such as 2024-13-45, a number of ten thousand digits.
        raise KeyMistake(f"a value is none: {error}") from error


def _read_by_either(text: str) -> Any:
    try:
        _require_flat(text)
        return _read(text, FAST)
    except yaml.YAMLError:
        # The slow one says what is wrong in more words, and shows the line.
        return _read(text, yaml.SafeLoader)


def _require_flat(text: str) -> None:
    """The fast one composes by calls in C, and takes the process with it where they are too many.

    Its events come without any. Raises ``RecursionError``, ``yaml.YAMLError``.
    """
    depth = 0
    for event in yaml.parse(text, Loader=FAST):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > MOST_DEPTH:
            raise RecursionError


def _read(text: str, loader_class: Any) -> Any:
    loader = loader_class(text)
    try:
        node = loader.get_single_node()
        if node is None:
            return None
        _check(node, (), set())
        if _values(node, {}) > MOST_VALUES:
            raise KeyMistake(f"with its aliases written out it has more than {MOST_VALUES:,} values")
        return loader.construct_document(node)
    finally:
        loader.dispose()


def _values(node: yaml.Node, known: dict[int, int]) -> int:
    """How many values there are in a node with every alias written out; one that holds itself counts once."""
    if id(node) in known or not isinstance(node, yaml.CollectionNode):
        return known.get(id(node), 1)
    known[id(node)] = 1
    count = 1
    for item in node.value:
        parts = item if isinstance(item, tuple) else (item,)
        for part in parts:
            count += _values(part, known)
    known[id(node)] = count
    return count


def _check(node: yaml.Node, path: tuple[str, ...], seen: set[int]) -> None:
    # An alias is the node that it names: it may hold itself, and what is seen once is right everywhere.
    if id(node) in seen:
        return
    seen.add(id(node))
    if isinstance(node, yaml.MappingNode):
        _check_section(node, path, seen)
    elif isinstance(node, yaml.SequenceNode):
        for place, item in enumerate(node.value):
            _check(item, (*path, str(place)), seen)


def _check_section(section: yaml.MappingNode, path: tuple[str, ...], seen: set[int]) -> None:
    lines: dict[str, int] = {}
    for key, value in section.value:
        line = key.start_mark.line + 1
        if not isinstance(key, yaml.ScalarNode):
            raise KeyMistake(f"line {line}: {'.'.join(path) or 'the file'} has a key that is no text")
        name = str(key.value)
        dotted = ".".join((*path, name))
        if key.tag in KINDS:
            raise KeyMistake(
                f'line {line}: {dotted}: YAML reads {name} as {KINDS[key.tag]}; in quotes it is a name: "{name}"'
            )
        if name in lines:
            raise KeyMistake(f"line {line}: {dotted}: the key is given twice, first on line {lines[name]}")
        lines[name] = line
        _check(value, (*path, name), seen)

"""``docs/spec.md``: every key of model.yaml, written out of ``ModelSpec`` so that it cannot differ from it.

``make docs`` runs ``python -m nightshift.authoring.reference docs/spec.md``.
"""

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from nightshift.spec import ModelSpec
from nightshift.spec.base import NAME_PATTERN
from nightshift.spec.reserved import MONITORED, RESERVED

JsonSchema = Mapping[str, Any]

RESERVED_NAMES = ", ".join(f"`{name}`" for name in RESERVED)
MONITORED_NAMES = ", ".join(f"`{name}`" for name in MONITORED)
HEAD = f"""# model.yaml

Written by `make docs` out of `ModelSpec`; change that, not this page. `nightshift check` holds every
`models/<model>/model.yaml` to it; `nightshift check --schema` prints the same as JSON schema, for editors.
[Your own data](your-own-data.md) says how to come to a first one.

An unknown key is an error. A *name* has small letters, digits and `_`, begins with a letter, and is at most 63 long.
Columns, label, partition column, scores and prediction each have a name of their own, and none of them is
{RESERVED_NAMES}. The partition column is none of {MONITORED_NAMES} either.
"""
TABLE_HEAD = ("| key | value | default | what |", "|---|---|---|---|")
BOUNDS = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}
WORDS = {"boolean": "true or false", "integer": "whole number", "number": "number", "string": "text"}
SCHEMA_REFERENCE = "#/$defs/"


def reference() -> str:
    """The page as Markdown: a table of the whole file, then one for each section."""
    schema = ModelSpec.model_json_schema()
    lines = [HEAD]
    lines += _table("", schema, schema)
    lines += _sections("", schema, schema)
    return "\n".join(lines) + "\n"


def anchor(heading: str) -> str:
    """The address of a heading within its page, as GitHub makes it."""
    kept = ""
    for letter in heading.lower():
        if letter.isalnum() or letter in " -_":
            kept += letter
    return kept.replace(" ", "-")


def _sections(path: str, parent: JsonSchema, root: JsonSchema) -> Iterator[str]:
    """Heading, description and table of each section below ``path``, outer ones before those inside them."""
    for key, value in parent["properties"].items():
        names = _section_names(value)
        for name in names:
            section = root["$defs"][name]
            title = _title(f"{path}{key}", section, several=len(names) > 1)
            description = _prose(section["description"])
            yield f"\n## {title}\n"
            yield f"{description}{_how_many(value)}\n"
            yield from _table(f"{path}{key}.", section, root)
            yield from _sections(f"{path}{key}.", section, root)


def _title(path: str, section: JsonSchema, *, several: bool) -> str:
    """The dotted path; a section that is one of several kinds is told by the key that only it has."""
    if not several:
        return path
    own_key = section["required"][0]
    return f"{path}: {own_key}"


def _how_many(value: JsonSchema) -> str:
    if "items" in value:
        return " A list of these."
    if "patternProperties" in value:
        return " One of these under each name."
    return ""


def _table(path: str, section: JsonSchema, root: JsonSchema) -> Iterator[str]:
    yield from TABLE_HEAD
    required = section.get("required", ())
    for key, value in section["properties"].items():
        allowed = _allowed(f"{path}{key}", value, root)
        default = _default(value)
        if key in required:
            default = "**required**"
        what = _what(value, root)
        yield f"| `{key}` | {allowed} | {default} | {what} |"


def _what(value: JsonSchema, root: JsonSchema) -> str:
    """Its description; a section without one of its own is described by what it is."""
    if "description" in value:
        return _prose(value["description"])
    (name,) = _section_names(value)
    section = root["$defs"][name]
    description: str = section["description"]
    return _prose(description.removesuffix("."))


def _prose(description: str) -> str:
    """A description as a cell of a table takes it."""
    one_line = " ".join(description.split())
    as_code = one_line.replace("``", "`")
    return as_code.replace("<", "&lt;").replace("|", r"\|")


def _section_names(value: JsonSchema) -> list[str]:
    """The sections that a value may be: none, one, or the kinds between which it chooses."""
    if "$ref" in value:
        return [value["$ref"].removeprefix(SCHEMA_REFERENCE)]
    inner = _branches(value)
    inner += value.get("patternProperties", {}).values()
    if "items" in value:
        inner.append(value["items"])
    names = []
    for part in inner:
        names += _section_names(part)
    return names


def _branches(value: JsonSchema) -> list[JsonSchema]:
    """What a value chooses between, if it does.

    Null is left out, since it is what stands where nothing is said, and so are whole numbers beside numbers.
    """
    branches = [*value.get("anyOf", ()), *value.get("oneOf", ())]
    types = {branch.get("type") for branch in branches}
    implied = {"null"}
    if "number" in types:
        implied.add("integer")
    return [branch for branch in branches if branch.get("type") not in implied]


def _default(value: JsonSchema) -> str:
    default = value.get("default")
    all_choices = value.get("items", {}).get("enum")
    if default in (None, [], {}):
        return "none"
    if isinstance(default, dict):
        return "as below"
    if default == all_choices:
        return "all of them"
    if isinstance(default, str):
        return f"`{default}`"
    return f"`{json.dumps(default)}`"


def _allowed(path: str, value: JsonSchema, root: JsonSchema) -> str:
    """What may stand at ``path``; sections are links to their own tables."""
    names = _section_names(value)
    if not names:
        return _plain(value)
    links = []
    for name in names:
        title = _title(path, root["$defs"][name], several=len(names) > 1)
        links.append(f"[{title}](#{anchor(title)})")
    together = " or ".join(links)
    if "items" in value:
        return f"list of {together}"
    if "patternProperties" in value:
        return f"{together} by name"
    return together


def _plain(value: JsonSchema) -> str:
    """A value that holds no keys of the spec's own: text, numbers, choices, lists and mappings of them."""
    branches = _branches(value)
    if branches:
        return " or ".join(map(_plain, branches))
    if "enum" in value:
        return ", ".join(f"`{choice}`" for choice in value["enum"])
    if value["type"] == "array":
        return _list(value)
    if value["type"] == "object":
        return _mapping(value)
    return _scalar(value)


def _list(value: JsonSchema) -> str:
    items = _plain(value["items"])
    if "minItems" in value:
        return f"list: {items}, at least one"
    return f"list: {items}"


def _mapping(value: JsonSchema) -> str:
    keys = "text"
    if "propertyNames" in value:
        keys = _plain(value["propertyNames"])
    values = _plain(value["additionalProperties"])
    return f"mapping: {keys} to {values}"


def _scalar(value: JsonSchema) -> str:
    if value.get("format") == "date":
        return "date"
    if value.get("pattern") == NAME_PATTERN:
        return "name"
    if "pattern" in value:
        return f"text like `{value['pattern']}`"
    bounds = []
    for bound, sign in BOUNDS.items():
        if bound in value:
            bounds.append(f"{sign} {value[bound]:g}")
    limits = " and ".join(bounds)
    return f"{WORDS[value['type']]} {limits}".strip()


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(reference(), encoding="utf-8")

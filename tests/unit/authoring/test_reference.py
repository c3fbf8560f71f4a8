"""docs/spec.md: no key of model.yaml is missing in it, and each says what may stand there."""

import re

import pytest

from nightshift.authoring.reference import anchor, reference
from nightshift.spec import ModelSpec

SCHEMA = ModelSpec.model_json_schema()
PAGE = reference()
ROW = re.compile(r"^\| `(?P<key>\w+)` \| (?P<value>.+) \| (?P<default>.+) \| (?P<what>.+) \|$")


def sections() -> dict[str, dict[str, re.Match[str]]]:
    """The rows of each heading's table, by key."""
    tables: dict[str, dict[str, re.Match[str]]] = {"": {}}
    title = ""
    for line in PAGE.splitlines():
        if line.startswith("## "):
            title = line.removeprefix("## ")
            tables[title] = {}
        elif row := ROW.match(line):
            tables[title][row["key"]] = row
    return tables


TABLES = sections()


def keys_of(title: str) -> set[str]:
    return set(TABLES[title])


def test_the_first_table_has_every_key_of_the_file() -> None:
    assert keys_of("") == set(ModelSpec.model_fields)


def test_each_section_of_the_schema_has_a_table_with_all_its_keys() -> None:
    tables = [set(table) for table in TABLES.values()]
    for name, definition in SCHEMA["$defs"].items():
        assert set(definition["properties"]) in tables, name


def test_sections_inside_sections_have_the_path_that_a_person_writes() -> None:
    assert {"night.history", "night.compare", "night.references", "columns", "optimize"} <= set(TABLES)


def test_a_section_of_several_kinds_has_a_table_for_each() -> None:
    kinds = {title for title in TABLES if title.startswith("source: ")}
    assert kinds == {"source: python", "source: files", "source: sql", "source: callable"}
    assert all(f"[{kind}](#{anchor(kind)})" in TABLES[""]["source"]["value"] for kind in kinds)


@pytest.mark.parametrize(
    ("section", "key", "value", "default"),
    [
        ("", "name", "name", "**required**"),
        ("", "owner", "text", "`nightshift`"),
        ("", "keys", "list: name, at least one", "**required**"),
        ("", "columns", "[columns](#columns) by name", "**required**"),
        ("", "drift", "[drift](#drift)", "as below"),
        ("night", "history", "[night.history](#nighthistory)", "none"),
        ("night", "compare", "list of [night.compare](#nightcompare)", "none"),
        ("night", "max_quarantined_share", "number ≥ 0 and < 1", "`0.05`"),
        ("source: files", "night", "`column`, `path`, `arrival`", "`column`"),
        ("partition", "start", "date", "**required**"),
        ("columns", "min", "number or date", "none"),
        ("columns", "nullable", "true or false", "`false`"),
        ("training", "max_age_days", "whole number ≥ 1", "none"),
        ("drift", "bins", "whole number ≥ 2 and ≤ 100", "`10`"),
    ],
)
def test_a_key_says_what_may_stand_there(section: str, key: str, value: str, default: str) -> None:
    row = TABLES[section][key]
    assert (row["value"], row["default"]) == (value, default)


def test_a_list_that_has_all_its_choices_by_default_says_so() -> None:
    row = TABLES["optimize"]["variants"]
    assert row["value"].startswith("list: `fp32_optimized`, `codes`")
    assert row["default"] == "all of them"


@pytest.mark.parametrize("section", TABLES)
def test_every_key_is_described(section: str) -> None:
    assert all(row["what"].strip() for row in TABLES[section].values())


def test_every_link_within_the_page_leads_to_a_heading() -> None:
    headings = {anchor(title) for title in TABLES}
    assert set(re.findall(r"\(#([\w-]+)\)", PAGE)) <= headings


def test_the_page_is_the_same_every_time() -> None:
    assert reference() == PAGE

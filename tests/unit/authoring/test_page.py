"""Whatever a text from data is, model.yaml reads it back as it was."""

import pytest
import yaml

from nightshift.authoring.page import Page, inline

TEXTS = [
    "no", "On", "off", "null", "~", "1e3", "012", "2024-01-01", "a: b", "#x", " trailing ", "'single'", '"double"',
    "Straße", "価格", "two\nlines", "two\u2028lines", "\x00", "=", "<<", "-", "", "{a}", "&a", "*a", "!x", "%x", "@x",
]  # fmt: skip


@pytest.mark.parametrize("text", TEXTS)
def test_a_text_is_read_back_as_key_as_value_and_in_a_list(text: str) -> None:
    page = Page()
    page.section(text, f"a comment on {text}")
    page.put(text, text, f"a comment on {text}", 1)
    page.put("list", [text, {text: text}], text * 50, 1)
    page.say(text)
    written = page.text()
    assert yaml.safe_load(written) == {text: {text: text, "list": [text, {text: text}]}}


@pytest.mark.parametrize("text", TEXTS)
def test_it_stands_in_one_line(text: str) -> None:
    assert len(inline({text: [text]}).splitlines()) == 1


def test_numbers_and_truth_values_are_no_texts() -> None:
    assert [inline(value) for value in (1, 0.5, True, None)] == ["1", "0.5", "true", "null"]

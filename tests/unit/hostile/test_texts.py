"""Texts of data that would be more than texts stay what they are: in pages, logs, terminals, Markdown and drafts."""

import io
import logging
from html.parser import HTMLParser
from importlib.resources import files

import pandas as pd
import pytest

from nightshift.authoring.page import Page
from nightshift.cli.output import say
from nightshift.errors import DataError, NightshiftError, UsageError, plain
from nightshift.optimization.variants.evaluator import VariantResult
from nightshift.optimization.variants.report import _verdict
from nightshift.terminal import open_console
from nightshift.validation.checks import Matches
from nightshift.validation.data_docs import POLICY, escaped
from nightshift.validation.expectations import report
from nightshift.validation.results import Breach, CheckResult

MARKUP = [
    "<script>alert(1)</script>",
    "</script><img src=x onerror=alert(3)>",
    '<meta http-equiv="refresh" content="0;url=http://127.0.0.1:9/evil">',
    "<style>body{display:none}</style>",
    "<svg onload=alert(1)><animate onbegin=alert(1)>",
    '<a href="javascript:alert(1)">click</a>',
    "<iframe src=http://127.0.0.1:9/></iframe>",
    "</div></td></table><base href=http://127.0.0.1:9/>",
    '" onmouseover="alert(1)" x="',
    "{{ 7 * 7 }} ${7 * 7} $column",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
]
OBEYED = ["\x1b[31mred", "a\x07b", "a\rb", "\x9b2J", "a\u2028b", "\u202egnp.exe", "a\x00b", "\x1b]0;title\x07"]


class Tags(HTMLParser):
    """The tags of a page, and what they would do by themselves."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.acts: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        for name, value in attributes:
            refreshes = name == "http-equiv" and (value or "").lower() == "refresh"
            if name.startswith("on") or refreshes or (value or "").strip().lower().startswith("javascript:"):
                self.acts.append(f"{tag} {name}={value}")


def page_of(examples: list[str]) -> tuple[str, list[Breach]]:
    """The Data Docs of a night with these values, and its breaches."""
    check = Matches(("kind",), "refuse", "^[a-z]+$")
    frame = pd.DataFrame({"kind": examples})
    result = CheckResult(check, len(examples), len(examples), False, examples)
    outcome = report([result], "shop 2024-01-01", frame)
    return outcome.html, outcome.breaches


@pytest.fixture(scope="module")
def plain_page() -> Tags:
    tags = Tags()
    tags.feed(page_of(["1"])[0])
    return tags


@pytest.mark.parametrize("value", MARKUP)
def test_data_docs_hold_a_value_as_a_text(plain_page: Tags, value: str) -> None:
    html, _ = page_of([value])
    found = Tags()
    found.feed(html)
    assert found.tags == plain_page.tags
    assert found.acts == plain_page.acts
    assert not [act for act in found.acts if "127.0.0.1" in act]


def test_data_docs_of_a_large_night_hold_a_value_as_a_text(plain_page: Tags) -> None:
    check = Matches(("kind",), "refuse", "^[a-z]+$")
    html = report([CheckResult(check, 1, 1, False, [MARKUP[0]])], "shop 2024-01-01").html
    assert MARKUP[0] not in html
    assert "&lt;script&gt;alert(1)" in html


def test_a_page_says_itself_that_nothing_of_it_may_run() -> None:
    html, _ = page_of(["1"])
    head = html.split("</head>")[0]
    assert head.index(POLICY) < head.index("<link") if "<link" in head else POLICY in head
    folder = files("nightshift.monitoring")
    source = folder.joinpath("report.html.j2").read_text(encoding="utf-8")
    assert source.index("Content-Security-Policy") < source.index("<style>")


def test_names_and_limits_are_escaped_as_values_are_and_long_ones_are_cut() -> None:
    content = {"column": "<b>", "value_set": ["<i>", 1, None, 2.5], "deep": [{"x": "'\""}], "long": "x" * 1000}
    found = escaped(content)
    assert found["column"] == "&lt;b&gt;"
    assert found["value_set"] == ["&lt;i&gt;", 1, None, 2.5]
    assert found["deep"] == [{"x": "&#x27;&quot;"}]
    assert len(found["long"]) == 503


def test_the_result_as_json_keeps_the_values_as_they_are() -> None:
    check = Matches(("kind",), "refuse", "^[a-z]+$")
    outcome = report([CheckResult(check, 1, 1, False, [MARKUP[0]])], "shop 2024-01-01")
    assert outcome.json["results"][0]["result"]["partial_unexpected_list"] == [MARKUP[0]]
    assert outcome.json["results"][0]["expectation_config"]["kwargs"]["regex"] == "^[a-z]+$"


@pytest.mark.parametrize("text", OBEYED)
def test_an_error_holds_nothing_that_a_terminal_obeys(text: str) -> None:
    error = UsageError(f"no column {text}", fix=f"take {text}")
    for said in (str(error), error.message, str(error.fix)):
        assert plain(said) == said
        assert all(character.isprintable() or character == "\n" for character in said)


def test_what_people_read_everywhere_stays_as_it_is() -> None:
    for text in ("größer als ½ €", "日本語", "a\n  b\tc", "🚚", "עברית"):
        assert plain(text) == text


def test_a_value_begins_no_line_of_the_log(caplog: pytest.LogCaptureFixture) -> None:
    log = logging.getLogger("nightshift")
    faked = "x\n2026-01-01 INFO all is well\x1b[0m"
    with caplog.at_level(logging.INFO, logger="nightshift"):
        log.warning("%s: %d columns: %s", "shop", 3, faked)
        log.error("%s: %s", "DataError", DataError(f"column {faked}", fix="mend it"))
        log.info("%(a)s", {"a": 1})
        log.info("plain")
    assert caplog.messages == [
        r"shop: 3 columns: x\n2026-01-01 INFO all is well\x1b[0m",
        "DataError: column x\n  2026-01-01 INFO all is well\\x1b[0m\n  -> mend it",
        "1",
        "plain",
    ]


def test_a_breach_quotes_a_value_in_one_line_and_not_all_of_it() -> None:
    breach = Breach("kind", "expect", "all", "1 of 1 rows", ["a\nb\x1b", "x" * 1000])
    assert str(breach) == rf"kind: expect (all): 1 of 1 rows, e.g. a\nb\x1b, {'x' * 56} ..."


def test_a_terminal_shows_markup_as_text(capsys: pytest.CaptureFixture[str]) -> None:
    say({"kind": "[red]a[/red] [link=http://x]y[/link]", "row": {"v": "\x1b[2J"}, "list": ["\x1b"]})
    out = capsys.readouterr().out
    assert "[red]a[/red] [link=http://x]y[/link]" in out
    assert "\x1b" not in out
    from rich.table import Table

    file = io.StringIO()
    table = Table("check")
    table.add_row("[/nothing] [bold]x")
    open_console(file=file).print(table)
    assert "[/nothing] [bold]x" in file.getvalue()


@pytest.mark.parametrize("value", [*MARKUP, "a`b", "a\n# b", "a | b"])
def test_a_cell_of_markdown_holds_no_markup(value: str) -> None:
    cell = _verdict(VariantResult("a", True, f"farthest: {value}"), VariantResult("b", True, ""))
    assert not set(cell) & set("<>|`\n")


@pytest.mark.parametrize("value", ["x\nsource: {python: evil.py}", "x\u2028y: 1", "# x\r\ny: 1", "*a", "{{ ds }}"])
def test_a_draft_holds_a_name_of_the_data_as_one_comment_and_one_value(value: str) -> None:
    import yaml

    page = Page()
    page.say(f"seen: {value}")
    page.put("source", value, f"as {value}")
    assert yaml.safe_load(page.text()) == {"source": value}


def test_an_error_crosses_processes_as_it_was() -> None:
    import pickle

    error = NightshiftError("a\x1b", fix="b")
    again = pickle.loads(pickle.dumps(error))
    assert (again.message, again.fix, str(again)) == (r"a\x1b", "b", "a\\x1b\n  -> b")

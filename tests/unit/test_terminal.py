"""What is piped on is never broken; a long verb says how far it is, and how long it will take."""

import io
import re

import pytest
from rich.console import Console
from rich.table import Table

from nightshift import terminal
from nightshift.terminal import ProgressView, open_console

URL = "http://127.0.0.1:5000/#/experiments/1/runs/" + "0123456789abcdef" * 12


def shown(console: Console, steps: list[tuple[str, int, int]]) -> str:
    with ProgressView(console) as view:
        for step in steps:
            view.on_progress(*step)
    return console.file.getvalue()  # type: ignore[attr-defined,no-any-return]


@pytest.mark.parametrize("columns", ["20", "80"])
def test_a_console_that_is_no_terminal_breaks_nothing(columns: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    out = io.StringIO()
    table = Table("service", "url")
    table.add_row("mlflow", URL)
    console = open_console(file=out)
    console.print(table)
    console.print(f"see {URL} and {URL}")
    assert URL in out.getvalue()
    assert f"see {URL} and {URL}" in out.getvalue().splitlines()


def test_elsewhere_than_on_a_terminal_a_stage_has_a_line_for_each_five_percent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = iter(range(0, 10_000, 2))
    monkeypatch.setattr(terminal.time, "monotonic", lambda: float(next(now)))
    lines = shown(open_console(file=io.StringIO()), [("loading nights", done, 1000) for done in range(1001)])
    assert len(lines.splitlines()) == 21
    assert lines.splitlines()[0] == "loading nights: 0 of 1000"
    assert "loading nights: 500 of 1000, " in lines
    # Half of it is done: what is left takes as long as it has taken.
    (half,) = (line for line in lines.splitlines() if ": 500 of" in line)
    seconds, left = (int(word) for word in half.split() if word.isdecimal() and word not in {"500", "1000"})
    assert left == pytest.approx(seconds, abs=1)
    # Every reading of the clock is two seconds after the last.
    assert re.search(r" s, \d+\.\d a second, about ", half)
    assert lines.splitlines()[-1].endswith("about 0 s left")
    assert "\x1b" not in lines


def test_a_bar_says_how_many_are_done_in_which_time() -> None:
    now = iter(range(0, 100_000, 2))
    console = Console(file=io.StringIO(), force_terminal=True, width=120, get_time=lambda: float(next(now)))
    text = shown(console, [("loading nights", done, 10) for done in range(11)])
    assert re.search(r"\d+\.\d a (minute|second)", text)


def test_who_says_nothing_prints_nothing() -> None:
    assert shown(open_console(file=io.StringIO()), []) == ""


def test_on_a_terminal_there_is_a_bar_and_it_goes_away() -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=120)
    text = shown(console, [("scoring shards", 3, 10)])
    assert "scoring shards" in text
    assert "3/10" in text
    assert "left:" in text
    # The cursor is back, and the last thing that was done was to clear the line.
    assert text.rstrip().endswith("\x1b[2K")
    assert "\x1b[?25h" in text

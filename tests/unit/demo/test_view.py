"""What is on the screen, on a terminal and elsewhere."""

import io

import pytest
from rich.console import Console

from nightshift.demo.board import BoardRun, BoardTask, RunCounts
from nightshift.demo.view import View, lines, names, table

INGEST = "flight_delays.ingest"


def task(name="ingest", state="running", started=100.0, run_id="a"):
    return BoardTask(INGEST, run_id, name, state, started)


def state(*tasks, run_state="running"):
    return lines({INGEST: [BoardRun(INGEST, "a", run_state, "2013-04-01")]}, {INGEST: 14}, list(tasks))


def printed(show, terminal=False):
    out = io.StringIO()
    show(Console(file=out, force_terminal=terminal, width=120, color_system=None))
    return out.getvalue()


def test_equal_tasks_are_one_name_and_a_retry_says_so():
    assert names([task("load"), task("load"), task("train", "up_for_retry")]) == ["load x2", "train (retry)"]


def test_a_line_has_counts_running_and_waiting_tasks():
    [line] = state(task(), task("labels", "queued", None), task("other", run_id="of another act"))
    assert line.counts == RunCounts(running=1)
    assert line.facts() == "ingest: 0 of 14 done, 1 running, [ingest], waiting: labels"


def test_the_table_says_how_long_the_oldest_task_runs():
    text = printed(lambda console: console.print(table(state(task(), task("labels", started=90.0)), now=107.0)))
    assert "0/14" in text
    assert "ingest, labels" in text
    assert "17 s" in text


def test_without_a_terminal_only_changes_are_printed_and_nothing_moves_the_cursor():
    def show(console):
        with View(console, "Act 1: a test") as view:
            for name in ("ingest", "labels", "labels"):
                view.show(state(task(name)))
            view.show(state(run_state="success"))

    text = printed(show)
    assert [line[9:] for line in text.splitlines()[2:-1]] == [
        "ingest: 0 of 14 done, 1 running, [ingest]",
        "ingest: 1 of 14 done",
    ]
    assert text.splitlines()[-1].startswith("done in")
    assert "\x1b" not in text


def test_of_a_single_run_each_task_is_a_change():
    def show(console):
        with View(console, "Act 1") as view:
            for name in ("load", "train", "train"):
                view.show(lines({INGEST: [BoardRun(INGEST, "a", "running")]}, {INGEST: 1}, [task(name)]))

    text = printed(show)
    assert [name for line in text.splitlines() for name in ("[load]", "[train]") if name in line] == [
        "[load]",
        "[train]",
    ]


def test_a_dag_without_a_run_says_nothing_yet():
    def show(console):
        with View(console, "Act 1") as view:
            view.show(lines({INGEST: []}, {INGEST: 14}, []))

    assert "ingest" not in printed(show)


def interrupted(console):
    with View(console, "Act 1") as view:
        view.show(state(task()))
        raise KeyboardInterrupt


def test_an_error_leaves_the_last_state_and_claims_nothing():
    def show(console):
        with pytest.raises(KeyboardInterrupt):
            interrupted(console)

    text = printed(show, terminal=True)
    assert "0/14" in text
    assert "done in" not in text

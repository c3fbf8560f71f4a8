"""Failures and silence."""

import io

import pytest
from rich.console import Console

from nightshift.demo import watch
from nightshift.demo.board import Board, BoardRun, BoardTask
from nightshift.demo.view import View, lines
from nightshift.errors import NightshiftError, StackError

RUN = BoardRun("m.predict", "asset__1", "failed", "2013-04-01")


class Api:
    """Knows one failed task and its log."""

    def failed_tasks(self, run):
        return [BoardTask(run.dag, run.run_id, "plan", "failed", attempt=2)]

    def log(self, task):
        return [
            {"level": "info", "event": "begin"},
            {"level": "error", "logger": "nightshift", "event": "NoChampion: x"},
        ]

    def page_of(self, run):
        return f"http://airflow/{run.run_id}"


def test_a_failed_run_is_named_with_task_error_and_page():
    error = watch.explained(RUN, Api())
    assert error.message == "m.predict failed for 2013-04-01 (run asset__1): task plan: NoChampion: x"
    assert "http://airflow/asset__1" in (error.fix or "")


@pytest.mark.parametrize(
    ("records", "line"),
    [
        ([], "no error in its log"),
        ([{"level": "error", "logger": "task.stderr", "event": "a warning of a library"}], "no error in its log"),
        (
            [{"level": "error", "event": "failed", "error_detail": [{"exc_type": "KeyError", "exc_value": "'x'"}]}],
            "KeyError: 'x'",
        ),
        ([{"level": "error", "event": "first"}, {"level": "error", "event": "last"}], "last"),
        (
            [
                {"level": "error", "logger": "nightshift", "event": "ModelError: no form"},
                {"level": "error", "logger": "task", "event": "BoardTask exited"},
            ],
            "ModelError: no form",
        ),
    ],
)
def test_the_error_line_is_the_last_that_the_task_itself_said(records, line):
    assert watch.error_line(records) == line


@pytest.fixture
def clock(monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(watch.time, "monotonic", lambda: now[0])
    return now


def running(state="running"):
    run = BoardRun("m.train", "a", "running")
    return lines({"m.train": [run]}, {"m.train": 1}, [BoardTask("m.train", "a", "load", state, 1.0)])


def test_silence_is_explained_once(clock):
    out = io.StringIO()
    quiet = watch.Quiet(View(Console(file=out, width=200), "Act 1"), "/logs")
    quiet.look(running())
    for _ in range(3):
        clock[0] += watch.QUIET_S
        quiet.look(running())
    assert out.getvalue().count("nothing has moved") == 1
    assert "m.train load; logs: /logs" in out.getvalue()


def test_a_task_that_runs_is_waited_for_and_one_that_never_starts_is_not(clock):
    quiet = watch.Quiet(View(Console(file=io.StringIO()), "Act 1"), "/logs")
    for state in (running(), running("queued")):
        quiet.look(state)
        clock[0] += watch.PATIENCE_S + 1
        if state[0].running:
            quiet.look(state)
    with pytest.raises(StackError, match="load"):
        quiet.look(running("queued"))


def test_what_waits_when_no_task_lives_is_the_next_dag():
    state = lines(
        {"m.ingest": [BoardRun("m.ingest", "a", "success")], "m.validate": []}, {"m.ingest": 1, "m.validate": 1}, []
    )
    assert watch.waits(state) == "the scheduler, to start validate"


class Act:
    """One run, which was failed when the demo began."""

    title = "a test"

    def advance(self, board):
        pass

    def runs(self, board):
        return {"m.predict": board.of("m.predict")}

    def expected(self, dag):
        return 1

    def done(self, board):
        return all(run.state == "success" for run in board.of("m.predict"))


class Replies(Api):
    """Answers poll after poll."""

    def __init__(self, *polls):
        self.polls, self.cleared = list(polls), []

    def changed_runs(self):
        return [self.polls.pop(0)]

    def live_tasks(self):
        return []

    def clear(self, run):
        self.cleared.append(run)
        return BoardRun(run.dag, run.run_id, "queued", run.partition)


def play(api, monkeypatch):
    monkeypatch.setattr(watch.time, "sleep", lambda _: None)
    with View(Console(file=io.StringIO()), "Act 1") as view:
        watch.play(Act(), api, Board(), view, "/logs")


def test_what_had_failed_before_is_cleared_and_goes_on(monkeypatch):
    api = Replies(RUN, BoardRun("m.predict", "asset__1", "success", "2013-04-01"))
    play(api, monkeypatch)
    assert api.cleared == [RUN]


def test_what_fails_now_ends_the_demo(monkeypatch):
    with pytest.raises(NightshiftError, match="failed for 2013-04-01"):
        play(Replies(RUN, RUN), monkeypatch)

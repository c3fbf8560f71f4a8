"""Detached processes: found again, never confused with strangers, stopped with all they started."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from nightshift.stack import processes
from nightshift.stack.processes import Running, forget, recall, record, spawn, stop

# A child in a process group of its own, like a task of Airflow; both deaf to SIGTERM.
STUBBORN = """
import os, signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
if os.fork() == 0:
    os.setpgid(0, 0)
print("ready", flush=True)
time.sleep(60)
"""


@pytest.fixture
def start(tmp_path: Path) -> Iterator[object]:
    started: list[Running] = []

    def run(code: str) -> Running:
        running = spawn([sys.executable, "-c", code], env=os.environ, cwd=tmp_path, log=tmp_path / "log")
        started.append(running)
        return running

    yield run
    stop(started, patience=0)


def wait_for(text: str, log: Path) -> None:
    deadline = time.monotonic() + 10
    while log.read_text().count(text) < 2 and time.monotonic() < deadline:
        time.sleep(0.02)


def test_runs_in_a_session_of_its_own_and_is_found_again(start, tmp_path: Path) -> None:
    running = start("import time; time.sleep(60)")
    assert os.getsid(running.pid) == running.pid != os.getsid(0)
    record(tmp_path, "one", running)
    found = recall(tmp_path, "one")
    assert found == running
    assert found.leader is not None
    forget(tmp_path, "one")
    assert recall(tmp_path, "one") is None


def test_stop_ends_it_and_reaps_it(start) -> None:
    running = start("import time; time.sleep(60)")
    stop([running])
    assert running.leader is None
    assert not psutil.pid_exists(running.pid)
    stop([running])


def test_stop_ends_what_ignores_it_in_other_process_groups_too(start, tmp_path: Path) -> None:
    running = start(STUBBORN)
    wait_for("ready", tmp_path / "log")
    assert len(running.family()) == 2
    began = time.monotonic()
    stop([running], patience=0.3)
    assert running.family() == []
    assert time.monotonic() - began < 5


def test_orphans_of_a_killed_leader_are_stopped(start, tmp_path: Path) -> None:
    running = start(STUBBORN)
    wait_for("ready", tmp_path / "log")
    os.kill(running.pid, signal.SIGKILL)
    while running.leader:
        time.sleep(0.01)
    assert len(running.family()) == 1
    stop([running], patience=0.2)
    assert running.family() == []


def test_a_reused_pid_is_a_stranger_and_left_alone() -> None:
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], start_new_session=True) as stranger:
        later = Running(stranger.pid, psutil.Process(stranger.pid).create_time() + 100)
        earlier = Running(stranger.pid, psutil.Process(stranger.pid).create_time() - 100)
        assert later.leader is None
        assert earlier.leader is None
        stop([later], patience=0)
        assert stranger.poll() is None
        stranger.kill()


def test_exit_code_and_log_are_kept(start, tmp_path: Path) -> None:
    running = start("print('last words'); raise SystemExit(7)")
    while running.leader:
        time.sleep(0.01)
    assert running.exit_code == 7
    assert "last words" in (tmp_path / "log").read_text()


def test_damaged_record_is_as_none(tmp_path: Path) -> None:
    (tmp_path / "one.json").write_text('{"pid": 1}')
    assert recall(tmp_path, "one") is None
    assert processes.recall(tmp_path, "two") is None

"""docker/backup: whatever ends it, what ran runs again, what was stopped stays so, and no part of a backup is left."""

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
# Compose as far as the script goes: it notes what it is told, and a save takes its time.
COMPOSE = """#!/bin/sh
echo "$*" >>"$NOTES"
case "$*" in
*version*) exit 0 ;;
*" ps --services "*|"compose ps --services "*) if [ -e "$NOTES.stopped" ]; then echo "$LEFT"; else echo "worker"; fi ;;
*" stop"*) touch "$NOTES.stopped" ;;
*" run "*) echo begun >"$NOTES.begun"; printf state; sleep "$SECONDS_OF_A_SAVE" ;;
esac
"""


def begin(folder: Path, seconds: int, left: str = "") -> subprocess.Popen[str]:
    """A backup into ``folder``, in a shell that hears of signals."""
    docker = folder / "docker"
    docker.write_text(COMPOSE)
    docker.chmod(0o755)
    told = {
        "PATH": f"{folder}:{os.environ['PATH']}",
        "NOTES": str(folder / "notes"),
        "TO": str(folder / "state.tar"),
        "SECONDS_OF_A_SAVE": str(seconds),
        "LEFT": left,
    }
    return subprocess.Popen(
        [ROOT / "docker" / "backup"],
        env={**os.environ, **told}, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
        preexec_fn=hear,
    )  # fmt: skip


def hear() -> None:
    """What nohup began hears of neither, and a shell cannot trap what was ignored before it."""
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


def notes(folder: Path) -> list[str]:
    return (folder / "notes").read_text().splitlines()


def test_it_keeps_all_and_starts_what_ran(tmp_path: Path) -> None:
    backup = begin(tmp_path, seconds=0)
    backup.communicate(timeout=30)
    assert backup.returncode == 0
    assert (tmp_path / "state.tar").read_text() == "state"
    assert (tmp_path / "state.tar").stat().st_mode & 0o777 == 0o600
    assert notes(tmp_path)[-1] == "compose start worker"


@pytest.mark.parametrize("ended_by", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_one_that_is_ended_leaves_nothing_behind(tmp_path: Path, ended_by: signal.Signals) -> None:
    backup = begin(tmp_path, seconds=30)
    deadline = time.monotonic() + 30
    while not (tmp_path / "notes.begun").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    os.killpg(backup.pid, ended_by)
    backup.communicate(timeout=30)
    assert backup.returncode != 0
    assert not list(tmp_path.glob("state.tar*"))
    assert notes(tmp_path)[-1] == "compose start worker"


def test_what_still_runs_is_not_copied(tmp_path: Path) -> None:
    backup = begin(tmp_path, seconds=0, left="postgres")
    _, said = backup.communicate(timeout=30)
    assert backup.returncode == 1
    assert "error: still running: postgres" in said
    assert not list(tmp_path.glob("state.tar*"))


def test_a_file_that_is_there_is_not_written_over(tmp_path: Path) -> None:
    (tmp_path / "state.tar").write_text("of yesterday")
    backup = begin(tmp_path, seconds=0)
    _, said = backup.communicate(timeout=30)
    assert backup.returncode == 1
    assert "is there already" in said
    assert (tmp_path / "state.tar").read_text() == "of yesterday"

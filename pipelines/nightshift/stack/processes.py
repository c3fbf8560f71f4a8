"""Detached processes: started in a session of their own, found again later, stopped for sure."""

import os
import signal
import subprocess
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from nightshift.stack.files import read_json, write_json

# Popen objects of processes that outlive this one; kept so that a long-lived parent can reap them.
_children: dict[int, subprocess.Popen[bytes]] = {}


@dataclass(frozen=True)
class Running:
    """A process by pid *and* start time: a pid alone may have been given to a stranger."""

    pid: int
    started: float

    @property
    def leader(self) -> psutil.Process | None:
        """The process itself, if it still lives."""
        child = _children.get(self.pid)
        if child:
            child.poll()
        try:
            process = psutil.Process(self.pid)
            is_ours = abs(process.create_time() - self.started) < 1
            is_zombie = is_ours and process.status() == psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return None
        return process if is_ours and not is_zombie else None

    @property
    def exit_code(self) -> int | None:
        """How it ended, where this process is its parent."""
        child = _children.get(self.pid)
        return child.poll() if child else None

    def has_children(self) -> bool:
        """Whether it has started processes of its own."""
        leader = self.leader
        try:
            return leader is not None and bool(leader.children())
        except psutil.NoSuchProcess:
            return False

    def family(self) -> list[psutil.Process]:
        """Every live process of its session, also those whose parents have died."""
        every_process = psutil.process_iter()
        return [process for process in every_process if self._is_member(process)]

    def _is_member(self, process: psutil.Process) -> bool:
        try:
            # A task is put in a process group of its own, but never leaves the session.
            if os.getsid(process.pid) != self.pid:
                return False
            if process.create_time() < self.started - 1:
                return False
            return bool(process.status() != psutil.STATUS_ZOMBIE)
        except (psutil.NoSuchProcess, ProcessLookupError, PermissionError):
            return False


def spawn(command: Sequence[str], *, env: Mapping[str, str], cwd: Path, log: Path) -> Running:
    """Start ``command`` detached from the terminal, its output appended to ``log``."""
    cwd.mkdir(parents=True, exist_ok=True)
    log.parent.mkdir(parents=True, exist_ok=True)
    log.touch(mode=0o600)
    with log.open("ab") as output:
        # A session of its own: closing the terminal or Ctrl-C must not reach it.
        child = subprocess.Popen(
            command,
            env=dict(env),
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            umask=0o077,
        )
    _children[child.pid] = child
    started = psutil.Process(child.pid).create_time()
    return Running(child.pid, started)


def stop(running: Iterable[Running], *, patience: float = 20.0) -> None:
    """SIGTERM to each process group, then SIGKILL to whatever of their sessions is left."""
    sessions = list(running)
    for session in sessions:
        if session.leader:
            _signal_group(session.pid)
        else:
            _signal_each(session.family(), signal.SIGTERM)
    left = _wait_for_end(sessions, patience)
    _signal_each(left, signal.SIGKILL)
    psutil.wait_procs(left, timeout=5)
    for session in sessions:
        child = _children.pop(session.pid, None)
        if child:
            child.wait(timeout=5)


def _wait_for_end(sessions: Sequence[Running], patience: float) -> list[psutil.Process]:
    """The processes that still live after ``patience`` seconds."""
    deadline = time.monotonic() + patience
    while True:
        left = [process for session in sessions for process in session.family()]
        if not left or time.monotonic() >= deadline:
            return left
        time.sleep(0.05)


def _signal_group(pid: int) -> None:
    try:
        os.killpg(pid, signal.SIGTERM)
    except ProcessLookupError:
        return


def _signal_each(processes: Iterable[psutil.Process], number: signal.Signals) -> None:
    for process in processes:
        try:
            process.send_signal(number)
        except psutil.NoSuchProcess:
            continue


def record(folder: Path, name: str, running: Running) -> None:
    """Remember a process under ``name``."""
    path = folder / f"{name}.json"
    write_json(path, asdict(running))


def recall(folder: Path, name: str) -> Running | None:
    """The process remembered under ``name``, dead or alive."""
    stored = read_json(folder / f"{name}.json")
    if "pid" not in stored or "started" not in stored:
        return None
    return Running(int(stored["pid"]), float(stored["started"]))


def forget(folder: Path, name: str) -> None:
    """Forget the process remembered under ``name``."""
    path = folder / f"{name}.json"
    path.unlink(missing_ok=True)

"""A process that carries out one task after the other, warm, and may be stopped, gone on with or killed at any instant.

Each has a proxy of its own before the store, so that faults meet it and nobody else. One that was killed is replaced.
"""

import os
import random
import resource
import signal
import time
import traceback
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any, Self

from nightshift.errors import NightshiftError
from nightshift.settings import Settings
from tests.faults import chain, tasks
from tests.faults.proxy import Plan, Proxy, nothing
from tests.faults.tasks import Task
from tests.faults.worker import CONTEXT
from tests.faults.world import small_pieces

PATIENCE = 120
LONGEST_DELAY = 0.05


@dataclass(frozen=True)
class Done:
    """How a task ended: ``done`` with a value, the name of a Nightshift error, ``killed`` or ``crashed``."""

    task: Task
    how: str
    value: Any = None

    @property
    def settled(self) -> bool:
        """Whether it did what it was asked, or found that another had."""
        return self.how in {"done", "Superseded"}


class TaskProcess:
    """One of them. Its clients take the proxy for the store."""

    def __init__(self, settings: Settings, folder: Path, rng: random.Random) -> None:
        self._folder, self._task = folder, Task("ingest", "")
        self.proxy = Proxy(settings.endpoint or "", longest_delay=LONGEST_DELAY, rng=rng)
        self._direct = self._settings = settings

    def __enter__(self) -> Self:
        self.proxy.__enter__()
        self._settings = self._settings.model_copy(update={"endpoint": self.proxy.url})
        self.proxy.kill, self.proxy.pause = self.kill, self.pause
        self._begin()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        self.process.join()
        self.link.close()
        self.proxy.__exit__()

    def start(self, task: Task, plan: Plan | None = None) -> None:
        """Let it begin a task, through the proxy where there is a plan of faults."""
        if not self.process.is_alive():
            self._begin()
        self._task = task
        if plan is not None:
            self.proxy.start_counting(plan, self.kill)
        self.link.send((self._direct if plan is None else self._settings, task))

    def do(self, task: Task, plan: Plan | None = None) -> Done:
        """A task from beginning to end."""
        self.start(task, plan)
        return self.wait()

    def wait(self, seconds: float = PATIENCE) -> Done:
        """How the task ended. One that was stopped at its very end, or by a request of it that outlived it, goes on."""
        ready: list[object] = []
        end = time.monotonic() + seconds
        while not ready and time.monotonic() < end:
            ready = wait([self.link, self.process.sentinel], 1)
            if not ready:
                self.resume()
        self.proxy.plan = nothing
        if not ready:
            self.kill()
            self.process.join()
            return Done(self._task, "crashed", f"still running after {seconds} s")
        self.resume()
        with suppress(EOFError, ConnectionResetError):
            if self.link.poll():
                how, value = self.link.recv()
                return Done(self._task, how, value)
        self.process.join()
        code = self.process.exitcode
        return Done(self._task, "killed" if code == -signal.SIGKILL else "crashed", f"exit code {code}")

    @property
    def busy(self) -> bool:
        """Whether its task has not ended."""
        return not wait([self.link, self.process.sentinel], 0)

    def stands_still(self) -> bool:
        """Whether SIGSTOP reached it."""
        with suppress(OSError):
            return Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"
        return False

    def kill(self) -> None:
        """SIGKILL."""
        self._signal(signal.SIGKILL)

    def pause(self) -> None:
        """SIGSTOP, as a machine stands still."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """SIGCONT."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: int) -> None:
        # It may have ended since, and another process may have been the one to bury it.
        with suppress(ProcessLookupError):
            if self.process.is_alive():
                os.kill(self.process.pid, number)

    def _begin(self) -> None:
        if hasattr(self, "link"):
            self.link.close()
        self.link, theirs = CONTEXT.Pipe()
        self.process: Any = CONTEXT.Process(target=serve, args=(self._folder, theirs), daemon=True)
        self.process.start()
        theirs.close()


def serve(folder: Path, link: Connection) -> None:
    """What the process does, until it is killed."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    small_pieces(chain.ROW_GROUP_ROWS)
    tasks.quick_retries()
    chain.OUTSIDE.folder = folder
    while True:
        try:
            settings, task = link.recv()
        except EOFError:
            os._exit(0)
        link.send(_outcome(settings, task))


def _outcome(settings: Settings, task: Task) -> tuple[str, Any]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    if task.file_limit is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (task.file_limit, hard))
    try:
        return "done", tasks.carry_out(settings, task)
    except NightshiftError as error:
        return type(error).__name__, str(error)
    except BaseException:  # noqa: BLE001 - whatever it is, the parent must see it
        return "crashed", traceback.format_exc()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

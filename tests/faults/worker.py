"""One attempt at a night, in a process of its own that may be killed at any instant.

A server process imports everything once and forks a child for each attempt, so that hundreds of kills take
minutes. What the child says last travels through a pipe; a killed child says nothing.
"""

import multiprocessing as mp
import os
import resource
import signal
import time
import traceback
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

from nightshift.errors import NightshiftError
from nightshift.s3 import trust
from nightshift.settings import Settings
from nightshift.steps.predict import predict
from nightshift.validation import uniqueness
from tests.faults.world import make_spec, open_stores, small_pieces

CONTEXT = mp.get_context("forkserver")
CONTEXT.set_forkserver_preload(["tests.faults.warm"])


@dataclass(frozen=True)
class Job:
    """Score and publish a night with a version.

    ``file_limit``: bytes that it may write to a local file. ``rows_in_memory``: keys are checked on disk beyond.
    """

    settings: Settings
    partition: str
    version: str
    shard_rows: int
    row_group_rows: int
    file_limit: int | None = None
    rows_in_memory: int = 2_000_000


@dataclass(frozen=True)
class Outcome:
    """How an attempt ended: ``published``, the name of a Nightshift error, ``killed``, or ``crashed``."""

    how: str
    said: str = ""
    seconds: float = 0.0


class Attempt:
    """A running child."""

    def __init__(self, job: Job) -> None:
        self._hears, says = CONTEXT.Pipe(duplex=False)
        self.process: Any = CONTEXT.Process(target=work, args=(job, says), daemon=True)
        self.process.start()
        says.close()

    def kill(self) -> None:
        """SIGKILL."""
        self.process.kill()

    def pause(self) -> bool:
        """Stand still, as a machine does whose network or memory is gone; False when it had ended."""
        return self._signal(signal.SIGSTOP)

    def resume(self) -> bool:
        """Go on, long after."""
        return self._signal(signal.SIGCONT)

    @property
    def running(self) -> bool:
        """Whether it has not ended."""
        return bool(self.process.is_alive())

    def wait(self, seconds: float = 300) -> Outcome:
        """Its outcome."""
        self.process.join(seconds)
        if self.process.is_alive():
            self.kill()
            self.process.join()
            return Outcome("crashed", f"still running after {seconds} s")
        try:
            return self._hears.recv() if self._hears.poll() else self._silent()
        except EOFError:
            return self._silent()
        finally:
            self._hears.close()

    def _signal(self, number: int) -> bool:
        try:
            os.kill(self.process.pid, number)
        except ProcessLookupError:
            return False
        return True

    def _silent(self) -> Outcome:
        code = self.process.exitcode
        return Outcome("killed") if code == -signal.SIGKILL else Outcome("crashed", f"exit code {code}")


def work(job: Job, says: Connection) -> None:
    """What the child does."""
    small_pieces(job.row_group_rows)
    # Each run is a process of its own and would try the store anew, among the writes that are counted here.
    trust.require = lambda settings: None
    uniqueness.BUCKET_ROWS = job.rows_in_memory
    began = time.monotonic()
    if job.file_limit is not None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (job.file_limit, job.file_limit))
    try:
        how, said = "published", publish_night(job)
    except NightshiftError as error:
        how, said = type(error).__name__, str(error)
    except BaseException:  # noqa: BLE001 - whatever it is, the parent must see it
        how, said = "crashed", traceback.format_exc()
    says.send(Outcome(how, said, time.monotonic() - began))
    says.close()
    # No clean-up of libraries: what a worker leaves behind at its end is not what is looked at here.
    os._exit(0)


def publish_night(job: Job) -> str:
    """As the Dag does. The generation that stands then."""
    stores = open_stores(job.settings, job.version)
    return predict(make_spec(job.shard_rows), job.partition, stores).generation

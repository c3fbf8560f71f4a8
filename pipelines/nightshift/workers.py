"""Processes that deal with the parts of one thing side by side, each with what it needs made once.

Results come in the order of the parts, whoever is quicker, and so do the errors and the lines of the log: it reads as
if one process had done it all. A worker begins when the memory that is free holds twice what the largest one has taken
so far. It ends with its parent, however that ends; where it dies itself, as when there is no memory left, the error
says at what part it was.
"""

import logging
import multiprocessing
import os
import resource
import signal
import sys
import traceback
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from logging.handlers import QueueHandler
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from queue import SimpleQueue
from typing import Any, Generic, TypeVar

import psutil

from nightshift.concurrency import CORES, cores
from nightshift.errors import NightshiftError

T = TypeVar("T")
R = TypeVar("R")
MOST_WORKERS = 8
"""Each asks the source and the store: more of them would wait there."""
MEMORY_LIMIT = Path("/sys/fs/cgroup/memory.max")
MEMORY_USED = Path("/sys/fs/cgroup/memory.current")
SECONDS_TO_END = 10
log = logging.getLogger("nightshift")


@dataclass(frozen=True)
class Done:
    """What came of a part, what was logged meanwhile, and the most memory that the worker has taken so far."""

    result: Any
    error: BaseException | None
    records: list[logging.LogRecord]
    most_bytes: int


@dataclass(frozen=True)
class Worker:
    """A process, and where it is told its parts."""

    process: BaseProcess
    connection: Connection


class Workers(Generic[T, R]):
    """Up to ``most`` processes; each calls ``start`` once, and what that returns with every part that it gets.

    ``start`` crosses to the process: a function of a module, or a method of an object that crosses too. ``preload`` are
    modules that are imported once for all. ``named`` says a part in words.
    """

    def __init__(
        self,
        start: Callable[[], Callable[[T], R]],
        most: int,
        preload: Sequence[str],
        named: Callable[[T], str],
    ) -> None:
        self._start = start
        self._most = min(most, MOST_WORKERS)
        self._named = named
        # Not forked from this process: its threads hold locks. Not spawned each: imports take seconds of a core.
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(list(preload))
        self._idle: list[Worker] = []
        self._busy: dict[Connection, tuple[Worker, int]] = {}
        self._largest = 0

    def map(self, parts: Sequence[T]) -> Iterator[R]:
        """The result of each part, in their order.

        The first error in that order is raised, once what is under way is finished; after an interruption that is cut
        off. Raises ``NightshiftError`` for a worker that was killed.
        """
        waiting = deque(range(len(parts)))
        done: dict[int, Done] = {}
        try:
            for number in range(len(parts)):
                while number not in done:
                    self._hand_out(waiting, parts)
                    done |= self._came(parts)
                    if any(came.error for came in done.values()):
                        waiting.clear()
                if done[number].error:
                    self._finish(parts)
                yield _result(done.pop(number))
        finally:
            self._end()

    def _hand_out(self, waiting: "deque[int]", parts: Sequence[T]) -> None:
        """A part to each that waits, and new workers for what is left, as far as there is room for them."""
        while waiting and (self._idle or self._has_room()):
            worker = self._idle.pop() if self._idle else self._began()
            number = waiting.popleft()
            self._busy[worker.connection] = (worker, number)
            # One that has died is found out where its answer is waited for.
            with suppress(BrokenPipeError):
                worker.connection.send(parts[number])

    def _has_room(self) -> bool:
        if not self._busy:
            return True
        # What the first one takes is not known before it is through with a part.
        if len(self._busy) >= self._most or not self._largest:
            return False
        return free_bytes() >= 2 * self._largest

    def _began(self) -> Worker:
        ours, theirs = self._context.Pipe()
        of_each = {**os.environ, CORES: str(max(1, cores() // self._most))}
        arguments = (theirs, self._start, of_each, log.getEffectiveLevel())
        process = self._context.Process(target=_work, args=arguments, daemon=True)
        process.start()
        # Only the process has it then: its end is seen here.
        theirs.close()
        return Worker(process, ours)

    def _came(self, parts: Sequence[T]) -> dict[int, Done]:
        """What has come since, by the number of the part; waits for at least one answer."""
        answers = {}
        ready = wait(list(self._busy))
        for connection in [one for one in self._busy if one in ready]:
            worker, number = self._busy.pop(connection)
            answers[number] = self._answer(worker, self._named(parts[number]))
        return answers

    def _answer(self, worker: Worker, part: str) -> Done:
        try:
            done: Done = worker.connection.recv()
        except (EOFError, ConnectionResetError):
            worker.process.join(SECONDS_TO_END)
            return Done(None, _killed(part, worker.process.exitcode), [], 0)
        self._idle.append(worker)
        self._largest = max(self._largest, done.most_bytes)
        return done

    def _finish(self, parts: Sequence[T]) -> None:
        while self._busy:
            self._came(parts)

    def _end(self) -> None:
        workers = [*self._idle, *(worker for worker, _ in self._busy.values())]
        for worker in workers:
            worker.connection.close()
            worker.process.terminate()
        for worker in workers:
            worker.process.join(SECONDS_TO_END)
            if worker.process.is_alive():
                worker.process.kill()
        self._idle.clear()
        self._busy.clear()


def _result(done: Done) -> Any:
    for record in done.records:
        logger = logging.getLogger(record.name)
        if logger.isEnabledFor(record.levelno):
            logger.handle(record)
    if done.error is not None:
        raise done.error
    return done.result


def _killed(part: str, exit_code: int | None) -> NightshiftError:
    code = exit_code or 0
    how = f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with {code}"
    # Nobody but the kernel sends this one as a rule, and for that reason.
    why = ": mostly there was no memory left" if -code == signal.SIGKILL else ""
    return NightshiftError(
        f"the process that worked on {part} {how}{why}",
        fix=f"run it again, with fewer side by side: {CORES}=1",
    )


def free_bytes() -> int:
    """Memory that a further process may take: of the machine, or of the control group where that is less."""
    free = int(psutil.virtual_memory().available)
    try:
        limit = MEMORY_LIMIT.read_text().strip()
        used = int(MEMORY_USED.read_text())
    except (FileNotFoundError, PermissionError):
        return free
    return free if limit == "max" else min(free, int(limit) - used)


def _work(
    connection: Connection, start: Callable[[], Callable[[Any], Any]], environment: dict[str, str], level: int
) -> None:
    """What a worker does until nobody has a part for it any more."""
    # Whoever presses Ctrl-C means the parent, which ends this one.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _ended)
    os.environ.clear()
    os.environ.update(environment)
    records: SimpleQueue[logging.LogRecord] = SimpleQueue()
    logging.getLogger().addHandler(QueueHandler(records))
    log.setLevel(level)
    work: Callable[[Any], Any] | None = None
    while True:
        try:
            part = connection.recv()
        except EOFError:
            return
        result: Any = None
        error: Exception | None = None
        try:
            work = work or start()
            result = work(part)
        except Exception as raised:  # noqa: BLE001 - whatever it is, the parent raises it
            error = _crossing(raised, part)
        logged = [records.get() for _ in range(records.qsize())]
        try:
            connection.send(Done(result, error, logged, _most_bytes()))
        except BrokenPipeError:
            return


def _ended(*_: object) -> None:
    """Not at once, as by default: what libraries hold outside of the process is given back."""
    sys.exit(0)


def _crossing(error: Exception, part: object) -> Exception:
    """The error as it can cross to the parent: one that nobody explains as a text, with where it was raised."""
    if isinstance(error, NightshiftError):
        return error
    return RuntimeError(f"{part}: {error!r}\n{traceback.format_exc()}")


def _most_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024

"""Who waits too long is ended: one timer for all requests, since a timer for each costs more than to read its body."""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar, cast

T = TypeVar("T")
LOOKS = 4
"""So often within the time that one may wait: who waits too long is ended so much too late at most."""


class Deadlines:
    """Those of one server, in its event loop: each may wait for so many seconds."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        # In the order in which they end.
        self._ends: dict[asyncio.Task[object], float] = {}
        self._late: set[asyncio.Task[object]] = set()
        self._loop: asyncio.AbstractEventLoop | None = None

    async def within(self, awaited: Awaitable[T]) -> T:
        """What is awaited by the task that runs. Raises ``TimeoutError``."""
        task = cast("asyncio.Task[object]", asyncio.current_task())
        self._ends[task] = self._start() + self._seconds
        try:
            return await awaited
        except asyncio.CancelledError:
            if task not in self._late:
                raise
            task.uncancel()
            raise TimeoutError from None
        finally:
            del self._ends[task]
            self._late.discard(task)

    def _start(self) -> float:
        """The time by the loop, which looks from time to time from now on."""
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            self._loop = loop
            loop.call_later(self._seconds / LOOKS, self._look, loop)
        return loop.time()

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        now = loop.time()
        for task, end in self._ends.items():
            if end > now:
                break
            if task not in self._late:
                self._late.add(task)
                task.cancel()
        if self._ends:
            loop.call_later(self._seconds / LOOKS, self._look, loop)
        else:
            self._loop = None

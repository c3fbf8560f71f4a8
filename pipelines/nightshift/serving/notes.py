"""What is counted and logged of requests: soon after they were answered, and many at once.

A line that is written in between costs a request as much as its score: a call of the system empties what the processor
has learnt. So notes wait for a twentieth of a second; a scrape of figures and the server's end settle them.
"""

import asyncio
import datetime as dt
import logging
from dataclasses import dataclass

from starlette.types import Scope

from nightshift.errors import plain
from nightshift.serving import access_log
from nightshift.serving.access_log import Line, fields_of, log
from nightshift.serving.exchange import Exchange, Reply
from nightshift.serving.metrics import ServeMetrics

SECONDS = 0.05


@dataclass(frozen=True)
class Note:
    """A request that was answered, and in how many seconds."""

    moment: dt.datetime
    scope: Scope
    exchange: Exchange
    reply: Reply
    seconds: float


class Notes:
    """Those of one server, in its event loop."""

    def __init__(self, metrics: ServeMetrics) -> None:
        self._metrics = metrics
        self._pending: list[Note] = []
        self._loop: asyncio.AbstractEventLoop | None = None

    def add(self, scope: Scope, exchange: Exchange, reply: Reply, seconds: float) -> None:
        """Note a request that was answered just now."""
        moment = dt.datetime.now(dt.UTC)  # noqa: TID251 - when it was asked, which is no night
        self._pending.append(Note(moment, scope, exchange, reply, seconds))
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            self._loop = loop
            loop.call_later(SECONDS, self.settle)

    def settle(self) -> None:
        """Count and log what waits."""
        notes = self._pending
        self._pending = []
        self._loop = None
        for note in notes:
            reply = note.reply
            self._metrics.count(note.exchange.route, reply.status, note.seconds, reply.rows)
        if notes and log.isEnabledFor(logging.INFO):
            access_log.write([_line(note) for note in notes])


def _line(note: Note) -> Line:
    scope = note.scope
    path = plain(scope["path"], kept="").encode("ascii", "backslashreplace").decode()
    return Line(note.moment, f"{scope['method']} {path}", fields_of(note.exchange, note.reply, note.seconds))

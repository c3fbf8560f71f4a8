"""A share of the requests, kept as they came and as they were answered until a thread has put them into the lake.

The loop only adds a reference to a queue; all that takes time is the thread's. What does not fit, or cannot be kept, is
counted by its reason.
"""

import hashlib
import logging
import uuid
from collections import Counter, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import NamedTuple

from nightshift.errors import NightshiftError
from nightshift.scoring.kept_rows import AnsweredRows, KeptColumns, KeptFile, as_parquet
from nightshift.scoring.machine import kernels_here
from nightshift.serving.clock import arrival, now
from nightshift.serving.exchange import Exchange, Reply
from nightshift.serving.kept_request import answered_rows
from nightshift.serving.version import ServedVersion
from nightshift.serving.wire import UNREADABLE, Wire, WireBody
from nightshift.stores import layout
from nightshift.stores.types import REFUSALS

log = logging.getLogger("nightshift.serving")
MOST_ROWS = 50_000
MOST_BYTES = 64 * 2**20
HASH_BYTES = 8
HASHES = 2 ** (8 * HASH_BYTES)
FULL = "full"
PERSONAL = "personal"
NO_SCORES = "no_scores"
UNFIT = "unfit"
LAKE = "lake"
DROPPED = (FULL, PERSONAL, NO_SCORES, UNFIT, LAKE)
"""Why rows are not kept: as many wait already; a personal number has no code; the caller wanted other outputs than
scores; a value is none that a night could have; the lake did not take them before the server ended."""
Put = Callable[[str, bytes], None]


class KeptRequest(NamedTuple):
    """A request and its answer, as they went over the wire."""

    request_id: str
    route: str
    version: ServedVersion
    arrived: float
    asked: WireBody
    answer: WireBody
    rows: int

    @property
    def size(self) -> int:
        """Bytes that it holds."""
        return len(self.asked.raw) + len(self.answer.raw)


@dataclass(frozen=True)
class UnsentFile:
    """Rows on their way into the lake, where they may come twice: the key is theirs."""

    key: str
    body: bytes
    rows: int


class RequestKeeper:
    """Keeps those whose id the hash draws, the same at each server. Counts rows: ``kept`` are in the lake."""

    def __init__(self, share: float, put: Put) -> None:
        self.kept = 0
        self.dropped: Counter[str] = Counter(dict.fromkeys(DROPPED, 0))
        self._bound = int(share * HASHES)
        self._put = put
        self._queue: deque[KeptRequest] = deque()
        self._unsent: list[UnsentFile] = []
        # Of two threads each adds to counters of its own: no lock is taken while a request waits.
        self._rows_in = 0
        self._rows_out = 0
        self._bytes_in = 0
        self._bytes_out = 0

    @property
    def rows_waiting(self) -> int:
        """Rows that are not in the lake yet."""
        return self._rows_in - self._rows_out

    def offer(self, exchange: Exchange, body: bytes, reply: Reply, wire: Wire) -> None:
        """Keep a request that was answered, if it is drawn and there is room. By the loop alone."""
        if reply.version is None or not reply.rows or not self.draws(exchange.request_id):
            return
        size = len(body) + len(reply.body)
        has_room = self.rows_waiting + reply.rows <= MOST_ROWS and self._bytes_in - self._bytes_out + size <= MOST_BYTES
        if not has_room:
            self.dropped[FULL] += reply.rows
            return
        self._rows_in += reply.rows
        self._bytes_in += size
        asked = wire.asked(exchange, body)
        answer = wire.answered(reply)
        kept = KeptRequest(exchange.request_id, exchange.route, reply.version, now(), asked, answer, reply.rows)
        self._queue.append(kept)

    def draws(self, request_id: str) -> bool:
        """Whether a request of this id is one of the share."""
        digest = hashlib.blake2b(request_id.encode(), digest_size=HASH_BYTES).digest()
        return int.from_bytes(digest) < self._bound

    def flush(self) -> None:
        """Put what waits into the lake; what it does not take waits on. By the thread alone."""
        for requests in self._grouped(self._taken()):
            self._encode(requests)
        waiting, self._unsent = self._unsent, []
        for place, file in enumerate(waiting):
            try:
                self._put(file.key, file.body)
            except NightshiftError as error:
                log.warning("%s rows that were answered wait for the lake: %s", self.rows_waiting, error.message)
                self._unsent = waiting[place:]
                return
            self.kept += file.rows
            self._rows_out += file.rows
            self._bytes_out += len(file.body)

    def close(self) -> None:
        """The last flush: what the lake does not take now is lost, and counted."""
        self.flush()
        lost = sum(file.rows for file in self._unsent)
        if lost:
            self.dropped[LAKE] += lost
            log.warning("%s rows that were answered are not kept: the lake did not take them", lost)

    def give_up(self) -> None:
        """The thread still waits for the lake, and nobody waits for it: what is not there is lost, and counted."""
        lost = self.rows_waiting
        if lost:
            self.dropped[LAKE] += lost
            log.warning("%s rows that were answered are not kept: the lake did not answer in time", lost)

    def _taken(self) -> Iterable[KeptRequest]:
        # Those that come meanwhile are of the next flush.
        for _ in range(len(self._queue)):
            yield self._queue.popleft()

    def _grouped(self, requests: Iterable[KeptRequest]) -> list[list[KeptRequest]]:
        """By who answered, and the day of their arrival."""
        groups: dict[tuple[str, str, str], list[KeptRequest]] = {}
        for request in requests:
            pin = request.version.pin
            day = arrival(request.arrived).date().isoformat()
            groups.setdefault((pin.version, pin.sha256, day), []).append(request)
        return list(groups.values())

    def _encode(self, requests: list[KeptRequest]) -> None:
        """One file of them, or none: what is not in it is dropped."""
        first = requests[0]
        self._bytes_out += sum(request.size for request in requests)
        columns = KeptColumns(first.version.spec, first.version.graph)
        if columns.without_code:
            self._drop(sum(request.rows for request in requests), PERSONAL)
            return
        read = map(self._read, requests)
        answered = [rows for rows in read if rows is not None]
        if not answered:
            return
        rows = sum(each.rows for each in answered)
        try:
            body = _file_of(first, columns, answered)
        except REFUSALS as error:
            log.warning("rows that were answered are not kept: %s", error)
            self._drop(rows, UNFIT)
            return
        self._bytes_out -= len(body)
        self._unsent.append(UnsentFile(_key_of(first), body, rows))

    def _read(self, request: KeptRequest) -> AnsweredRows | None:
        try:
            rows = answered_rows(request)
        except UNREADABLE as error:
            # It takes none of the others with it.
            log.warning("rows of request %s are not kept: %s", request.request_id, type(error).__name__)
            self._drop(request.rows, UNFIT)
            return None
        if rows is None:
            self._drop(request.rows, NO_SCORES)
        return rows

    def _drop(self, rows: int, why: str) -> None:
        self.dropped[why] += rows
        self._rows_out += rows


def _file_of(first: KeptRequest, columns: KeptColumns, answered: list[AnsweredRows]) -> bytes:
    pin = first.version.pin
    kept_file = KeptFile(
        model=pin.model,
        version=pin.version,
        sha256=pin.sha256,
        personal=columns.personal,
        kernels=kernels_here(),
    )
    return as_parquet(columns.as_table(answered), kept_file)


def _key_of(first: KeptRequest) -> str:
    pin = first.version.pin
    moment = arrival(first.arrived)
    name = f"{moment:%H%M%S}-{pin.version}-{uuid.uuid4().hex[:12]}"
    return layout.requests_file(pin.model, moment.date().isoformat(), name)

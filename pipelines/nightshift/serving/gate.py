"""How much of a request is taken, and how many at once: bytes, time, and who is under way."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from nightshift.serving.deadlines import Deadlines
from nightshift.serving.exchange import Exchange
from nightshift.serving.options import ServeOptions
from nightshift.serving.refusal import Refusal, TookTooLong

T = TypeVar("T")
THREADS = 2
SECONDS_TO_RETRY = 1


class Gate:
    """The bounds of one server. Requests for scores go through it; those for its health do not."""

    def __init__(self, options: ServeOptions) -> None:
        self._options = options
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="score")
        self._deadlines = Deadlines(options.timeout)
        self.under_way = 0

    def __enter__(self) -> None:
        """Take a place among those under way. Raises ``Refusal`` where all are taken."""
        if self.under_way >= self._options.concurrency:
            raise Refusal(
                503, f"{self.under_way} requests are under way, as many as there may be", retry_after=SECONDS_TO_RETRY
            )
        self.under_way += 1

    def __exit__(self, *_: object) -> None:
        """Give it back."""
        self.under_way -= 1

    async def body(self, exchange: Exchange) -> bytes:
        """All of it. Raises ``Refusal`` for more bytes than are allowed, and for a caller who stops or is too slow."""
        length = exchange.headers.get(b"content-length", b"0")
        self._require_small(int(length) if length.isdigit() else 0)
        try:
            return await self._deadlines.within(self._received(exchange))
        except TimeoutError:
            raise Refusal(408, f"the body was not there after {self._options.timeout:g} seconds") from None

    async def _received(self, exchange: Exchange) -> bytes:
        message = await exchange.receive()
        parts = [message.get("body", b"")]
        size = len(parts[0])
        while message.get("more_body"):
            message = await exchange.receive()
            part = message.get("body", b"")
            size += len(part)
            self._require_small(size)
            parts.append(part)
        if message["type"] == "http.disconnect":
            raise Refusal(400, "the caller went away before the body was there")
        self._require_small(size)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def _require_small(self, size: int) -> None:
        if size > self._options.max_body:
            raise Refusal(
                413, f"the body has more than {self._options.max_body:,} bytes: send rows in several requests"
            )

    async def in_thread(self, work: Callable[[], T]) -> T:
        """What takes long, away from the loop. Raises ``Refusal`` when it takes too long."""
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._options.timeout):
                return await loop.run_in_executor(self._pool, work)
        except TimeoutError:
            raise TookTooLong(
                503, f"no answer after {self._options.timeout:g} seconds", retry_after=SECONDS_TO_RETRY
            ) from None

    def close(self) -> None:
        """No more threads."""
        self._pool.shutdown(wait=False, cancel_futures=True)

"""How much callers asked in windows of time: by one server in memory, or by all of them in Redis.

A window begins with a caller's first request in it, and ends by its length; what is refused counts too.
"""

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from cachetools import LRUCache

log = logging.getLogger("nightshift.serving")
PREFIX = "nightshift:limits:"
SECONDS_TO_ANSWER = 0.25
SECONDS_AWAY = 5.0
"""For so long Redis is not asked after it did not answer: each request would wait for it."""


@dataclass(frozen=True)
class CountedWindow:
    """What is counted: under which name, and for how many seconds."""

    name: str
    seconds: int


@dataclass
class _Spent:
    """How much there is in a window, and when that ends, by the clock of whoever counts."""

    amount: int
    ends: float


class MemoryCounts:
    """Those of one server. Of ``most`` windows the ones that were not asked for longest are forgotten."""

    def __init__(self, most: int) -> None:
        self._known: LRUCache[str, _Spent] = LRUCache(most)

    def add(self, windows: Sequence[CountedWindow], amount: int) -> list[tuple[int, float]]:
        """How much is in each window now, and the seconds until it ends."""
        now = time.monotonic()
        return [self._added(window, amount, now) for window in windows]

    def _added(self, window: CountedWindow, amount: int, now: float) -> tuple[int, float]:
        counted = self._known.get(window.name)
        if counted is None or counted.ends <= now:
            counted = _Spent(0, now + window.seconds)
            self._known[window.name] = counted
        counted.amount += amount
        return counted.amount, counted.ends - now


class SharedCounts:
    """Those of all servers that ask the same Redis; while it is away, those of this one.

    ``by_memory`` counts how often that was.
    """

    def __init__(self, url: str, memory: MemoryCounts) -> None:
        from redis.asyncio import Redis
        from redis.asyncio.retry import Retry
        from redis.backoff import NoBackoff

        self.by_memory = 0
        self._memory = memory
        self._redis = Redis.from_url(
            url,
            socket_timeout=SECONDS_TO_ANSWER,
            socket_connect_timeout=SECONDS_TO_ANSWER,
            # Once, for a connection that Redis closed; with pauses between, a request would wait for seconds.
            retry=Retry(NoBackoff(), 1),
        )
        self._away_until = 0.0
        self._is_away = False

    async def add(self, windows: Sequence[CountedWindow], amount: int) -> list[tuple[int, float]]:
        """As ``MemoryCounts``: one way to Redis and back for all windows."""
        from redis.exceptions import RedisError

        if time.monotonic() >= self._away_until:
            try:
                counted = await self._asked(windows, amount)
            except (RedisError, OSError) as error:
                self._leave(error)
            else:
                self._come_back()
                return counted
        self.by_memory += 1
        return self._memory.add(windows, amount)

    async def _asked(self, windows: Sequence[CountedWindow], amount: int) -> list[tuple[int, float]]:
        async with self._redis.pipeline(transaction=True) as pipeline:
            for window in windows:
                name = PREFIX + window.name
                pipeline.incrby(name, amount)
                pipeline.expire(name, window.seconds, nx=True)
                pipeline.pttl(name)
            answers: list[Any] = await pipeline.execute()
        counted = zip(answers[::3], answers[2::3], strict=True)
        return [(amount, milliseconds / 1000) for amount, milliseconds in counted]

    def _leave(self, error: Exception) -> None:
        self._away_until = time.monotonic() + SECONDS_AWAY
        if not self._is_away:
            # Not what it says: an address may have a password in it.
            log.warning("Redis is away (%s): limits count what this server alone is asked", type(error).__name__)
        self._is_away = True

    def _come_back(self) -> None:
        if self._is_away:
            log.info("Redis is back: limits count what all servers are asked")
        self._is_away = False

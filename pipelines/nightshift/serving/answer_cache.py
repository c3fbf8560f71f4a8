"""Answers that were given before, for bodies that come again.

They are those of the version that answers, and go with it: another one, or the same opened again, begins with none.
"""

from typing import Any

from cachetools import LRUCache
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

from nightshift.serving.exchange import Exchange, Reply
from nightshift.serving.version import ServedVersion

OF_ONE = 200
"""Bytes that an entry takes besides its bodies, about."""


class AnswerCache:
    """At most ``most_bytes`` of bodies and answers; those that were not asked for longest go. For the loop alone."""

    def __init__(self, most_bytes: int) -> None:
        self.hits = 0
        self.misses = 0
        self._most = most_bytes
        self._known: LRUCache[tuple[str, bytes], tuple[int, Reply]] = LRUCache(most_bytes, lambda kept: kept[0])
        self._of: ServedVersion | None = None

    def find(self, version: ServedVersion, exchange: Exchange, body: bytes) -> Reply | None:
        """What this version answered to this body by this route."""
        kept = self._known.get((exchange.route, body)) if version is self._of else None
        if kept is None:
            self.misses += 1
            return None
        self.hits += 1
        return kept[1]

    def keep(self, version: ServedVersion, exchange: Exchange, body: bytes, reply: Reply) -> None:
        """For the next time. An answer of a version before, which ended late, empties what there is, no more."""
        if version is not self._of:
            self._known.clear()
            self._of = version
        size = len(body) + len(reply.body) + OF_ONE
        if size <= self._most:
            self._known[exchange.route, body] = (size, reply)

    def collect(self) -> list[Any]:
        """Its figures, as a registry of Prometheus asks for them."""
        held = "Bytes of the answers that are kept."
        return [
            CounterMetricFamily("nightshift_serve_cache_hits", "Answers that were given before.", self.hits),
            CounterMetricFamily("nightshift_serve_cache_misses", "Answers that were not.", self.misses),
            GaugeMetricFamily("nightshift_serve_cache_bytes", held, value=float(self._known.currsize)),
        ]

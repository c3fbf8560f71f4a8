"""What Prometheus may know of a server: requests, rows, who answers, and how its looks at the ledger go."""

from collections.abc import Callable
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from nightshift.serving.stand import Stand

SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0)
PREFIX = "nightshift_serve_"


class ServeMetrics:
    """The figures of one server, in a registry of its own."""

    def __init__(self, stand: Stand, under_way: Callable[[], int]) -> None:
        self._registry = CollectorRegistry(auto_describe=False)
        self._requests = Counter(
            f"{PREFIX}requests", "Requests by route and status.", ["route", "status"], registry=self._registry
        )
        self._seconds = Histogram(
            f"{PREFIX}request_seconds",
            "How long they took, by route.",
            ["route"],
            buckets=SECONDS,
            registry=self._registry,
        )
        self._rows = Counter(f"{PREFIX}rows", "Rows that were scored.", registry=self._registry)
        under = Gauge(f"{PREFIX}under_way", "Requests for scores that are under way.", registry=self._registry)
        under.set_function(under_way)
        self._registry.register(_OfStand(stand))
        # To ask for a child by its labels takes longer than to count.
        self._known: dict[tuple[str, int], tuple[Any, Any]] = {}

    def count(self, route: str, status: int, seconds: float, rows: int) -> None:
        """A request that ended."""
        known = self._known.get((route, status))
        if known is None:
            known = (self._requests.labels(route, str(status)), self._seconds.labels(route))
            self._known[route, status] = known
        requests, of_seconds = known
        requests.inc()
        of_seconds.observe(seconds)
        if rows:
            self._rows.inc(rows)

    def also(self, collector: Any) -> None:
        """Figures of what goes on beside the answers, asked at each scrape."""
        self._registry.register(collector)

    def exposition(self) -> tuple[bytes, str]:
        """As Prometheus reads it, and its type."""
        return generate_latest(self._registry), CONTENT_TYPE_LATEST


class _OfStand:
    """What the stand knows, asked at each scrape."""

    def __init__(self, stand: Stand) -> None:
        self._stand = stand

    def collect(self) -> list[Any]:
        """A family for each."""
        stand = self._stand
        info = GaugeMetricFamily(
            f"{PREFIX}version_info", "Who answers; the value is always 1.", labels=["model", "version", "sha256"]
        )
        if stand.version is not None:
            pin = stand.version.pin
            info.add_metric([pin.model, pin.version, pin.sha256], 1)
        age = "Seconds since the ledger last said who is champion."
        failed = "Champions that could not be opened: the one before went on."
        return [
            info,
            GaugeMetricFamily(f"{PREFIX}ready", "1 where requests should come here.", value=float(stand.is_ready)),
            GaugeMetricFamily(f"{PREFIX}ledger_look_age_seconds", age, value=stand.look_age),
            CounterMetricFamily(f"{PREFIX}swaps", "Times that the champion moved, and answers since.", stand.swaps),
            CounterMetricFamily(f"{PREFIX}failed_swaps", failed, stand.failed_swaps),
        ]

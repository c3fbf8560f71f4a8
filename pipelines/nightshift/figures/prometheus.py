"""The figures in Prometheus' format, and the door at which they are asked for."""

import hmac
import logging
from collections.abc import Callable, Iterable, Iterator
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from nightshift.figures.catalogue import Sample

PATH = "/metrics"
ALIVE = "/healthz"
"""Asked by who starts it, without a token: it says nothing but that it answers."""
PATIENCE = 10
"""Seconds that a caller has to say what it wants."""
log = logging.getLogger("nightshift")


class _Collector:
    """What ``prometheus_client`` asks for the figures, each time anew."""

    def __init__(self, samples: Callable[[], Iterable[Sample]]) -> None:
        self._samples = samples

    def collect(self) -> Iterator[Any]:
        """A family for each figure that has a value."""
        from prometheus_client.core import GaugeMetricFamily

        families: dict[str, Any] = {}
        for figure, value, labels in self._samples():
            name = figure.name
            if name not in families:
                families[name] = GaugeMetricFamily(
                    name,
                    figure.help,
                    labels=figure.labels,
                )
            families[name].add_metric(labels, value)
        yield from families.values()


def exposition(samples: Callable[[], Iterable[Sample]], accept: str = "") -> tuple[bytes, str]:
    """The figures as text, and its type, by what the caller accepts."""
    from prometheus_client.exposition import choose_encoder

    encode, content_type = choose_encoder(accept)
    # It asks a registry for nothing but this.
    return encode(_Collector(samples)), content_type


def serve(samples: Callable[[], Iterable[Sample]], host: str, port: int, token: str) -> ThreadingHTTPServer:
    """A server of the figures for who knows the token; port 0 is any that is free. Raises ``OSError``."""

    class Door(BaseHTTPRequestHandler):
        timeout = PATIENCE
        server_version = "nightshift"
        sys_version = ""

        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            if path == ALIVE:
                self._answer(HTTPStatus.OK, b"", "text/plain")
            elif not self._knows(token):
                wanted = {"WWW-Authenticate": "Bearer"}
                self._answer(HTTPStatus.UNAUTHORIZED, b"", "text/plain", **wanted)
            elif path != PATH:
                self._answer(HTTPStatus.NOT_FOUND, b"", "text/plain")
            else:
                accepted = self.headers.get("Accept", "")
                body, content_type = exposition(samples, accepted)
                self._answer(HTTPStatus.OK, body, content_type)

        def log_message(self, format: str, *args: Any) -> None:
            """A scrape is no event, and what a caller sends is nobody's line of the log."""

        def _knows(self, token: str) -> bool:
            given = self.headers.get("Authorization", "")
            wanted = f"Bearer {token}"
            expected = wanted.encode()
            return hmac.compare_digest(given.encode(), expected)

        def _answer(self, status: HTTPStatus, body: bytes, content_type: str, **headers: str) -> None:
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

    return ThreadingHTTPServer((host, port), Door)

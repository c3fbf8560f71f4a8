"""Calls of Airflow's REST API, to a server that answers as a busy one does."""

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import ClassVar

import pytest

from nightshift.demo import airflow_api


class Busy(BaseHTTPRequestHandler):
    """Answers 500 as often as ``failures`` says, then 200."""

    failures: ClassVar[int] = 0
    asked: ClassVar[int] = 0

    def do_POST(self) -> None:
        Busy.asked += 1
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(500 if Busy.asked <= Busy.failures else 200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def address() -> Iterator[str]:
    Busy.asked = 0
    with HTTPServer(("127.0.0.1", 0), Busy) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_a_busy_database_is_asked_again(address: str) -> None:
    """A demo ended in its first minute by one 500 of a locked SQLite: the retries were mounted where nobody looks."""
    Busy.failures = 1
    with airflow_api._session() as session:
        assert session.post(f"{address}/dagRuns", json={}).status_code == 200
    assert Busy.asked == 2

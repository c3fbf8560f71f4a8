"""What Chromium does with a page that holds markup of the data: as the pages are served, and as files."""

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from nightshift.orchestration.web.pages import STORED_HEADERS
from nightshift.validation.data_docs import with_policy

pytestmark = pytest.mark.e2e
ATTACKS = {
    "script": "<script>fetch('/evil')</script>",
    "event": "<img src=x onerror=\"fetch('/evil')\">",
    "svg": "<svg onload=\"fetch('/evil')\"></svg>",
    "image": "<img src=/evil>",
    "style": "<style>body{background:url(/evil)}</style>",
    "frame": "<iframe src=/evil></iframe>",
    "form": "<form action=/evil><button autofocus>x</button></form>",
    "base": "<base href=/evil/><img src=y>",
}
REFRESH = '<meta http-equiv="refresh" content="0;url=/evil">'


class Server:
    """Serves one page, and takes note of what is asked for besides."""

    def __init__(self) -> None:
        self.page = ""
        self.headers: dict[str, str] = {}
        self.asked: list[str] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                server.asked.append(self.path)
                self.send_response(200)
                self.send_header("Content-Type", "text/html; charset=utf-8")
                for name, value in server.headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(server.page.encode())

            def log_message(self, *arguments: Any) -> None:
                return

        return Handler


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    yield made
    made.close()


@pytest.fixture
def opened(browser: Any, server: Server) -> Callable[..., list[str]]:
    """``opened(page, headers)``: what a browser asks for when it opens that page."""

    def see(page: str, headers: dict[str, str] | None = None) -> list[str]:
        server.page, server.headers = page, headers or {}
        tab = browser.new_page()
        tab.goto(f"{server.url}/page", wait_until="load")
        tab.wait_for_timeout(300)
        tab.close()
        return [path for path in server.asked if path not in {"/page", "/favicon.ico"}]

    return see


def page(markup: str) -> str:
    return f"<html><head><title>x</title></head><body>{markup}</body></html>"


@pytest.mark.parametrize("kind", ATTACKS)
def test_a_stored_page_asks_for_nothing_wherever_it_is_opened(opened: Callable[..., list[str]], kind: str) -> None:
    assert opened(page(ATTACKS[kind]), dict(STORED_HEADERS)) == []
    assert opened(with_policy(page(ATTACKS[kind]))) == []


def test_a_served_page_sends_the_reader_nowhere(opened: Callable[..., list[str]]) -> None:
    assert opened(page(REFRESH), dict(STORED_HEADERS)) == []


def test_the_attacks_would_be_seen(opened: Callable[..., list[str]]) -> None:
    assert opened(page(REFRESH + ATTACKS["image"]))

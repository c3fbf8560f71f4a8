"""A proxy between the S3 client and the store that breaks what the network breaks, on request.

It forwards each request as it came: the Host header is signed, so it stays the client's. The most
valuable fault is ``LOST_ANSWER``: the store did what was asked, and the client never learns it.
"""

import http.client
import itertools
import random
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import urlsplit

HOP = {"connection", "transfer-encoding", "expect", "keep-alive", "proxy-connection"}
LONGEST_DELAY = 0.3
WRITES = ("PUT", "POST", "DELETE")


class Fault(StrEnum):
    """What happens to one request."""

    ERROR_500 = "500 InternalError"
    SLOW_DOWN = "503 SlowDown"
    DELAY = "delay"
    CUT_REQUEST = "connection cut within the request"
    CUT_ANSWER = "connection cut within the answer"
    LOST_ANSWER = "answer lost, request done"
    KILL_BEFORE = "client killed before the store got the request"
    KILL_AFTER = "client killed after the store did it"


NETWORK = tuple(fault for fault in Fault if not fault.name.startswith("KILL"))


@dataclass(frozen=True)
class Request:
    """The ``number``-th request since ``Proxy.start_counting``, from 1."""

    number: int
    method: str
    path: str
    headers: list[tuple[str, str]]
    body: bytes


Plan = Callable[[Request], Fault | None]


def nothing(_: Request) -> None:
    """No fault at all."""


def nth_write(number: int, fault: Fault) -> Plan:
    """One fault, at the ``number``-th request that changes the store; a retry of it goes through."""
    lock, seen = threading.Lock(), itertools.count(1)

    def plan(request: Request) -> Fault | None:
        with lock:
            return fault if request.method in WRITES and next(seen) == number else None

    return plan


def sometimes(rng: random.Random, share: float) -> Plan:
    """A random network fault at a share of all requests."""
    lock = threading.Lock()

    def plan(_: Request) -> Fault | None:
        with lock:
            return rng.choice(NETWORK) if rng.random() < share else None

    return plan


@dataclass
class Proxy:
    """Listens on a free port of the loopback. ``plan`` and ``kill`` may be changed at any time."""

    upstream: str
    plan: Plan = nothing
    kill: Callable[[], None] = lambda: None
    injected: Counter[str] = field(default_factory=Counter)
    requests: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __enter__(self) -> Self:
        self._server = Server(self)
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def where(self) -> str:
        """Host and port of the store."""
        return urlsplit(self.upstream).netloc

    @property
    def url(self) -> str:
        """What the client takes for the store."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def start_counting(self, plan: Plan, kill: Callable[[], None] = lambda: None) -> None:
        """Requests are numbered from 1 again, and meet this plan."""
        with self._lock:
            self.requests, self.plan, self.kill = 0, plan, kill

    def decide(self, request: Callable[[int], Request]) -> tuple[Request, Fault | None]:
        """Number a request, and choose its fault."""
        with self._lock:
            self.requests += 1
            numbered = request(self.requests)
        fault = self.plan(numbered)
        if fault is not None:
            with self._lock:
                self.injected[fault.value] += 1
        return numbered, fault


class Server(ThreadingHTTPServer):
    """One thread per connection; none of them keeps the process alive."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, proxy: Proxy) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.proxy = proxy


class Handler(BaseHTTPRequestHandler):
    """One connection of a client."""

    server: Server
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *_: Any) -> None:
        """Nothing: thousands of requests."""

    def handle(self) -> None:
        """Requests until the client hangs up; one that was killed does so rudely."""
        try:
            super().handle()
        except OSError:
            self.close_connection = True

    def serve(self) -> None:
        """One request, with its fault."""
        body = _body(self)
        headers = [(name, value) for name, value in self.headers.items() if name.lower() not in HOP]
        request, fault = self.server.proxy.decide(
            lambda number: Request(number, self.command, self.path, headers, body)
        )
        try:
            self._act(request, fault)
        except (OSError, http.client.HTTPException):
            self._hang_up()

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = serve  # noqa: N815

    def _act(self, request: Request, fault: Fault | None) -> None:
        proxy = self.server.proxy
        if fault in {Fault.KILL_BEFORE, Fault.CUT_REQUEST}:
            proxy.kill() if fault is Fault.KILL_BEFORE else _send_half(proxy.where, request)
            self._hang_up()
        elif fault in {Fault.ERROR_500, Fault.SLOW_DOWN}:
            self._refuse(fault.value)
        else:
            time.sleep(random.uniform(0, LONGEST_DELAY) if fault is Fault.DELAY else 0)
            self._forward(request, fault)

    def _forward(self, request: Request, fault: Fault | None) -> None:
        status, headers, content = _forward(self.server.proxy.where, request)
        if fault is Fault.KILL_AFTER:
            self.server.proxy.kill()
        if fault in {Fault.KILL_AFTER, Fault.LOST_ANSWER}:
            self._hang_up()
        else:
            self._answer(status, headers, content, cut=fault is Fault.CUT_ANSWER)

    def _refuse(self, what: str) -> None:
        status, code = what.split()
        content = f"<Error><Code>{code}</Code><Message>injected</Message></Error>".encode()
        given = [("Content-Type", "application/xml"), ("Content-Length", str(len(content)))]
        self._answer(int(status), given, content, cut=False)

    def _answer(self, status: int, headers: list[tuple[str, str]], content: bytes, *, cut: bool) -> None:
        self.send_response_only(status)
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content[: len(content) // 2] if cut else content)
        if cut:
            self._hang_up()

    def _hang_up(self) -> None:
        self.close_connection = True
        with suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)


def _body(handler: BaseHTTPRequestHandler) -> bytes:
    if handler.headers.get("Transfer-Encoding", "").lower() != "chunked":
        return handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
    parts = []
    while size := int(handler.rfile.readline().split(b";")[0], 16):
        parts.append(handler.rfile.read(size))
        handler.rfile.readline()
    while handler.rfile.readline().strip():
        continue
    return b"".join(parts)


def _forward(where: str, request: Request) -> tuple[int, list[tuple[str, str]], bytes]:
    connection = http.client.HTTPConnection(where, timeout=60)
    try:
        _send_head(connection, request)
        connection.endheaders(request.body or None)
        answer = connection.getresponse()
        content = answer.read()
        kept = [(name, value) for name, value in answer.getheaders() if name.lower() not in HOP]
        if request.method != "HEAD" and answer.status not in {204, 304}:
            kept = [pair for pair in kept if pair[0].lower() != "content-length"]
            kept.append(("Content-Length", str(len(content))))
        return answer.status, kept, content
    finally:
        connection.close()


def _send_half(where: str, request: Request) -> None:
    connection = http.client.HTTPConnection(where, timeout=60)
    try:
        _send_head(connection, request)
        connection.endheaders()
        connection.send(request.body[: len(request.body) // 2])
        if request.body:
            connection.sock.shutdown(socket.SHUT_WR)
    finally:
        connection.close()


def _send_head(connection: http.client.HTTPConnection, request: Request) -> None:
    connection.putrequest(request.method, request.path, skip_host=True, skip_accept_encoding=True)
    for name, value in request.headers:
        if name.lower() != "content-length":
            connection.putheader(name, value)
    if request.method in {"PUT", "POST"}:
        connection.putheader("Content-Length", str(len(request.body)))

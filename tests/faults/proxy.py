"""A proxy between the S3 client and the store that breaks what the network breaks, on request.

It forwards each request as it came: the Host header is signed, so it stays the client's. The most
valuable fault is ``LOST_ANSWER``: the store did what was asked, and the client never learns it. What lies about
bytes and pages is made in ``lies``.
"""

import http.client
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

from tests.faults import lies
from tests.faults.lies import Answer

HOP = {"connection", "transfer-encoding", "expect", "keep-alive", "proxy-connection"}
LONGEST_DELAY = 0.3
WRITES = ("PUT", "POST", "DELETE")
# Where a process tries the store once before its first commit.
PROBES = "/_doctor/"


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
    PAUSE = "client stopped before it got the answer"
    LATE = "request held back, connection cut"
    FLIP = "a bit of the answer flipped"
    CUT_BODY = "body cut, with the length of the rest"
    SHORT_PAGE = "listing that comes back short"
    LOST_PAGE = "second page of a listing that is not there"


NETWORK = (
    Fault.ERROR_500,
    Fault.SLOW_DOWN,
    Fault.DELAY,
    Fault.CUT_REQUEST,
    Fault.CUT_ANSWER,
    Fault.LOST_ANSWER,
)
LIES = (Fault.FLIP, Fault.CUT_BODY, Fault.SHORT_PAGE, Fault.LOST_PAGE)


@dataclass(frozen=True)
class Request:
    """The ``number``-th request since ``Proxy.start_counting``, from 1."""

    number: int
    method: str
    path: str
    headers: list[tuple[str, str]]
    body: bytes

    @property
    def writes(self) -> bool:
        """Whether it changes what the store has, beyond a trial of it."""
        return self.method in WRITES and PROBES not in self.path

    @property
    def lists(self) -> bool:
        """Whether it asks for a listing of objects."""
        return self.method == "GET" and "list-type=2" in self.path


Plan = Callable[[Request], Fault | None]


def nothing(_: Request) -> None:
    """No fault at all."""


@dataclass
class Proxy:
    """Listens on a free port of the loopback. ``plan``, ``kill`` and ``pause`` may be changed at any time."""

    upstream: str
    plan: Plan = nothing
    kill: Callable[[], None] = lambda: None
    pause: Callable[[], object] = lambda: None
    longest_delay: float = LONGEST_DELAY
    rng: random.Random = field(default_factory=random.Random)
    late: list[Request] = field(default_factory=list)
    rests: dict[str, Answer] = field(default_factory=dict)
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

    def release(self) -> list[int]:
        """Requests that were held back reach the store now, long after; its answers, which nobody gets."""
        held, self.late = self.late, []
        return [_forward(self.where, request).status for request in held]

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
        rest = proxy.rests.get(lies.token_in(request.path))
        if fault is Fault.LATE:
            proxy.late.append(request)
            self._hang_up()
        elif fault in {Fault.KILL_BEFORE, Fault.CUT_REQUEST}:
            proxy.kill() if fault is Fault.KILL_BEFORE else _send_half(proxy.where, request)
            self._hang_up()
        elif fault in {Fault.ERROR_500, Fault.SLOW_DOWN}:
            self._answer(lies.refusal(fault.value))
        elif rest is not None:
            self._answer(rest)
        else:
            time.sleep(random.uniform(0, proxy.longest_delay) if fault is Fault.DELAY else 0)
            self._forward(request, fault)

    def _forward(self, request: Request, fault: Fault | None) -> None:
        proxy = self.server.proxy
        answer = _forward(proxy.where, request)
        if fault is Fault.KILL_AFTER:
            proxy.kill()
        elif fault is Fault.PAUSE:
            proxy.pause()
        elif fault in LIES:
            answer = self._lie(answer, fault)
        if fault in {Fault.KILL_AFTER, Fault.LOST_ANSWER}:
            self._hang_up()
        else:
            self._answer(answer, cut=fault is Fault.CUT_ANSWER)

    def _lie(self, answer: Answer, fault: Fault) -> Answer:
        proxy = self.server.proxy
        match fault:
            case Fault.FLIP:
                return lies.flipped(answer, proxy.rng)
            case Fault.CUT_BODY:
                return lies.cut(answer, proxy.rng)
            case Fault.SHORT_PAGE:
                return lies.short(answer, proxy.rng)
        first, token = lies.first_page(answer)
        proxy.rests[token] = lies.refusal("404 NoSuchKey")
        return first

    def _answer(self, answer: Answer, *, cut: bool = False) -> None:
        self.send_response_only(answer.status)
        for name, value in answer.headers:
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body[: len(answer.body) // 2] if cut else answer.body)
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


def _forward(where: str, request: Request) -> Answer:
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
        return Answer(answer.status, kept, content)
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

"""What goes over the wire leaves in one piece."""

import json
import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import uvicorn

from nightshift.serving.one_write import OneWriteProtocol
from nightshift.serving.options import ServeOptions
from nightshift.serving.server import _Server, listen_at
from tests.unit.serving.conftest import Site

ASKED = 60
LENGTH = re.compile(rb"content-length: (\d+)")


def is_whole(received: bytes) -> bool:
    """Whether a first read has the head and all of the body."""
    head, _, body = received.partition(b"\r\n\r\n")
    length = LENGTH.search(head)
    return length is not None and len(body) == int(length[1])


@contextmanager
def served(app: Any) -> Iterator[Any]:
    """Where callers connect to it."""
    started = threading.Event()
    with listen_at(ServeOptions(port=0)) as opened:
        server = _Server(uvicorn.Config(app, http=OneWriteProtocol, lifespan="off"), started.set)
        thread = threading.Thread(target=server.run, args=([opened],))
        thread.start()
        assert started.wait(10)
        try:
            yield opened.getsockname()
        finally:
            server.should_exit = True
            thread.join()


@pytest.mark.parametrize("last", ["keep-alive", "close"])
def test_an_answer_is_never_seen_in_halves(site: Callable[..., Site], last: str) -> None:
    here = site()
    body = json.dumps({"rows": here.rows(2)}).encode()
    head = f"POST /score HTTP/1.1\r\nhost: a\r\nconnection: {last}\r\ncontent-length: {len(body)}\r\n\r\n".encode()
    halves = 0
    with served(here.client.app) as address:
        for _ in range(ASKED):
            with socket.create_connection(address) as caller:
                caller.sendall(head + body)
                halves += not is_whole(caller.recv(65_536))
    assert halves == 0


def test_an_answer_without_a_body_comes_at_once_and_the_next_one_after_it(site: Callable[..., Site]) -> None:
    with served(site().client.app) as address, socket.create_connection(address, timeout=5) as caller:
        for _ in range(3):
            caller.sendall(b"HEAD /v2/health/live HTTP/1.1\r\nhost: a\r\n\r\n")
            head, _, body = caller.recv(65_536).partition(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200 OK")
            assert body == b""


def test_who_waits_for_the_word_to_go_on_gets_it_before_the_answer(site: Callable[..., Site]) -> None:
    here = site()
    body = json.dumps({"rows": here.rows(1)}).encode()
    head = f"POST /score HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: {len(body)}\r\n\r\n".encode()
    with served(here.client.app) as address, socket.create_connection(address, timeout=5) as caller:
        for _ in range(3):
            caller.sendall(head)
            assert caller.recv(65_536) == b"HTTP/1.1 100 Continue\r\n\r\n"
            caller.sendall(body)
            assert is_whole(caller.recv(65_536))


def test_requests_that_come_together_are_answered_one_after_the_other(site: Callable[..., Site]) -> None:
    asked = b"GET /v2/health/live HTTP/1.1\r\nhost: a\r\n\r\n"
    with served(site().client.app) as address, socket.create_connection(address, timeout=5) as caller:
        caller.sendall(asked * 3)
        received = b""
        while received.count(b'{"live":true}') < 3:
            received += caller.recv(65_536)
    assert received.count(b"HTTP/1.1 200 OK") == 3

"""What goes over the wire leaves in one piece."""

import json
import re
import socket
import threading
from collections.abc import Callable

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


@pytest.mark.parametrize("last", ["keep-alive", "close"])
def test_an_answer_is_never_seen_in_halves(site: Callable[..., Site], last: str) -> None:
    here = site()
    body = json.dumps({"rows": here.rows(2)}).encode()
    head = f"POST /score HTTP/1.1\r\nhost: a\r\nconnection: {last}\r\ncontent-length: {len(body)}\r\n\r\n".encode()
    started = threading.Event()
    with listen_at(ServeOptions(port=0)) as opened:
        server = _Server(uvicorn.Config(here.client.app, http=OneWriteProtocol, lifespan="off"), started.set)
        thread = threading.Thread(target=server.run, args=([opened],))
        thread.start()
        assert started.wait(10)
        halves = 0
        for _ in range(ASKED):
            with socket.create_connection(opened.getsockname()) as caller:
                caller.sendall(head + body)
                halves += not is_whole(caller.recv(65_536))
        server.should_exit = True
        thread.join()
    assert halves == 0

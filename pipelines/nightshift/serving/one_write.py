"""An answer leaves in one piece: head and body together, or nothing of it.

uvicorn writes them one after the other. A server that is killed in between leaves half an answer, which whoever stands
before it has passed on already and cannot ask another server for; and a write costs a call of the system.
"""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

INTERIM = b"HTTP/1.1 100 "
"""How the word to go on begins, which is no answer yet."""


class OneWrite:
    """The transport of one answer: its first write waits for the second one. All else is the transport's own."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._head = b""
        self._has_begun = False

    def write(self, data: bytes) -> None:
        """The head is kept; what follows it goes out, with the head before it."""
        if self._has_begun:
            self._transport.write(self._head + data)
            self._head = b""
        elif data.startswith(INTERIM):
            self._transport.write(data)
        else:
            self._has_begun = True
            self._head = data

    def close(self) -> None:
        """When all is written."""
        self.flush()
        self._transport.close()

    def flush(self) -> None:
        """A head that no body follows goes out alone."""
        if self._head:
            self._transport.write(self._head)
            self._head = b""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


class OneWriteProtocol(HttpToolsProtocol):
    """uvicorn's, with such a transport for each answer."""

    def on_headers_complete(self) -> None:
        """A request began, and nobody answers it yet."""
        former = self.cycle
        super().on_headers_complete()
        cycle = self.cycle
        # What is upgraded to another protocol has no cycle of its own.
        if cycle is not former:
            transport = OneWrite(self.transport)
            cycle.transport = transport  # type: ignore[assignment]
            cycle.on_response = partial(_end, transport, self.on_response_complete)


def _end(transport: OneWrite, then: Callable[[], None]) -> None:
    transport.flush()
    then()

"""An answer leaves in one piece: head and body together, or nothing of it.

uvicorn writes them one after the other. A server that is killed in between leaves half an answer, which whoever stands
before it has passed on already and cannot ask another server for; and a write costs a call of the system.
"""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol


class OneWrite:
    """A transport whose writes of one turn of the loop are one; all else is the transport's own."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._parts: list[bytes] = []

    def write(self, data: bytes) -> None:
        """At the end of this turn."""
        if not self._parts:
            self._loop.call_soon(self._flush)
        self._parts.append(data)

    def close(self) -> None:
        """When all is written."""
        self._flush()
        self._transport.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def _flush(self) -> None:
        parts = self._parts
        self._parts = []
        if parts and not self._transport.is_closing():
            self._transport.write(b"".join(parts))


class OneWriteProtocol(HttpToolsProtocol):
    """uvicorn's, over such a transport."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A connection began."""
        super().connection_made(OneWrite(transport, self.loop))  # type: ignore[arg-type]

"""Guessing a password over HTTP is slow: attempts are made one at a time, and a wrong one takes a while.

An ASGI middleware, for MLflow's server and for Airflow's. Who has logged in before does not wait behind who guesses.
"""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, TypeAlias

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
AsgiApp: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]
Attempt: TypeAlias = Callable[[Scope], bytes | None]
"""The credentials of a request which tries some, or None; empty where only its body has them.

They are kept as a digest alone. A request whose credentials are empty always waits in the line.
"""

WRONG_SECONDS = 0.5
MOST_WAITING = 20
MOST_REMEMBERED = 100
UNAUTHORIZED = 401
TOO_MANY_REQUESTS = 429


class SlowedLogins:
    """Lets requests through to ``app``; those that try credentials which were never right wait in a line.

    ``attempt`` says which requests these are. Beyond 20 that wait, the next is told so at once, with 429.
    """

    def __init__(self, app: AsgiApp, attempt: Attempt, wrong_seconds: float = WRONG_SECONDS) -> None:
        self.app = app
        self.attempt = attempt
        self.wrong_seconds = wrong_seconds
        self._line = asyncio.Lock()
        self._waiting = 0
        self._right: dict[str, None] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As ASGI has it."""
        tried = self.attempt(scope) if scope["type"] == "http" else None
        if tried is None:
            await self.app(scope, receive, send)
            return
        digest = hashlib.sha256(tried).hexdigest() if tried else ""
        if digest in self._right:
            await self._remembered(digest, scope, receive, send)
        elif self._waiting >= MOST_WAITING:
            await refuse(send, TOO_MANY_REQUESTS, "too many logins at once: try again in a minute")
        else:
            await self._in_line(digest, scope, receive, send)

    async def _remembered(self, digest: str, scope: Scope, receive: Receive, send: Send) -> None:
        status = await self._status(scope, receive, send)
        if status == UNAUTHORIZED:
            # The password was changed meanwhile.
            self._right.pop(digest, None)

    async def _in_line(self, digest: str, scope: Scope, receive: Receive, send: Send) -> None:
        self._waiting += 1
        try:
            async with self._line:
                status = await self._status(scope, receive, send)
                if status == UNAUTHORIZED:
                    await asyncio.sleep(self.wrong_seconds)
                elif digest:
                    self._remember(digest)
        finally:
            self._waiting -= 1

    def _remember(self, digest: str) -> None:
        self._right[digest] = None
        if len(self._right) <= MOST_REMEMBERED:
            return
        oldest = next(iter(self._right))
        del self._right[oldest]

    async def _status(self, scope: Scope, receive: Receive, send: Send) -> int:
        """Let a request through; the status of its answer."""
        statuses = [0]

        async def watched(message: Message) -> None:
            if message["type"] == "http.response.start":
                statuses.append(int(message["status"]))
            await send(message)

        await self.app(scope, receive, watched)
        return statuses[-1]


async def refuse(send: Send, status: int, text: str, headers: tuple[tuple[bytes, bytes], ...] = ()) -> None:
    """A whole answer in plain text."""
    body = text.encode()
    described = ((b"content-type", b"text/plain; charset=utf-8"), *headers)
    await send({"type": "http.response.start", "status": status, "headers": list(described)})
    await send({"type": "http.response.body", "body": body})


def header(scope: Scope, name: bytes) -> bytes | None:
    """The first header of a name in small letters."""
    for key, value in scope["headers"]:
        if key.lower() == name:
            return bytes(value)
    return None

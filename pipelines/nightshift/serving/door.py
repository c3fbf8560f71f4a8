"""What is around every route: request ids, errors as JSON, figures, and the line of the log."""

import logging
import os
import re
import time
from typing import TYPE_CHECKING

import orjson
from starlette.routing import Router
from starlette.types import Receive, Scope, Send

from nightshift.errors import DataError, NightshiftError
from nightshift.serving.exchange import Exchange, Reply
from nightshift.serving.notes import Notes
from nightshift.serving.refusal import Headers, Refusal
from nightshift.serving.route_table import RouteTable
from nightshift.serving.stand import Stand

if TYPE_CHECKING:
    from nightshift.serving.access.guard import Guard

log = logging.getLogger("nightshift.serving")
REQUEST_ID = re.compile(rb"[A-Za-z0-9._:-]{1,128}")
ID_BYTES = 16
NOBODY = 401
"""The status of who does not say who they are, or says it in vain."""


class Door:
    """An ASGI application, to be run by uvicorn or mounted into another one."""

    def __init__(self, table: RouteTable, stand: Stand, notes: Notes, guard: "Guard | None" = None) -> None:
        self._table = table
        self._no_http = Router()
        self._guard = guard
        self._stand = stand
        self._notes = notes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._no_http(scope, receive, send)
            return
        began = time.perf_counter()
        headers = dict(scope["headers"])
        exchange = Exchange(receive, headers, _request_id(headers), guard=self._guard)
        if self._guard is not None:
            exchange.peer = _peer(scope)
        reply = await self._reply(scope, exchange)
        await _send(reply, exchange, send, self._stand.is_draining)
        self._notes.add(scope, exchange, reply, time.perf_counter() - began)

    def settle(self) -> None:
        """At the end: count and log what was answered last."""
        self._notes.settle()

    async def _reply(self, scope: Scope, exchange: Exchange) -> Reply:
        """What a route says, or why none does."""
        try:
            route, exchange.path = self._table.find(scope["method"], _own_path(scope))
            exchange.route = route.name
            if self._guard is not None:
                await self._guard.admit(exchange)
            return await route.handle(exchange)
        except Refusal as refusal:
            return _error(refusal.status, refusal.message, refusal.retry_after, refusal.headers)
        except DataError as error:
            return _error(400, error.message)
        except NightshiftError as error:
            log.warning("a request failed: %s", error)
            return _error(500, error.message)
        except Exception:  # one request that fails takes no other with it, and its caller learns nothing of the code
            log.exception("a request broke off", extra={"request": exchange.request_id})
            return _error(500, f"internal error; the log of the server has it as request {exchange.request_id}")


def _own_path(scope: Scope) -> str:
    """The path below where the application is mounted."""
    path: str = scope["path"]
    return path.removeprefix(scope.get("root_path", ""))


def _peer(scope: Scope) -> str:
    client = scope.get("client")
    return str(client[0]) if client else ""


def _error(status: int, message: str, retry_after: int | None = None, headers: Headers = ()) -> Reply:
    return Reply(orjson.dumps({"error": message}), status, retry_after=retry_after, headers=headers)


def _request_id(headers: dict[bytes, bytes]) -> str:
    """The caller's own, where it is one that a log may show."""
    given = headers.get(b"x-request-id", b"")
    return given.decode() if REQUEST_ID.fullmatch(given) else os.urandom(ID_BYTES).hex()


async def _send(reply: Reply, exchange: Exchange, send: Send, is_last: bool) -> None:
    headers = [
        (b"content-type", reply.content_type.encode()),
        (b"content-length", b"%d" % len(reply.body)),
        (b"x-request-id", exchange.request_id.encode()),
    ]
    if reply.version is not None:
        headers += reply.version.headers
    if reply.status == NOBODY:
        headers.append((b"www-authenticate", b"Bearer"))
    if reply.retry_after is not None:
        headers.append((b"retry-after", b"%d" % reply.retry_after))
    headers.extend(reply.headers)
    if is_last:
        # Who asks again over a new connection is sent to a server that stays.
        headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": reply.body})

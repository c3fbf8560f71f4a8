"""What is around every route: request ids, errors as JSON, figures, and the line of the log."""

import time
from typing import TYPE_CHECKING

import orjson
from starlette.routing import Router
from starlette.types import Receive, Scope, Send

from nightshift.serving.exchange import Exchange, Reply
from nightshift.serving.failures import refusal_of
from nightshift.serving.notes import Notes
from nightshift.serving.refusal import Refusal
from nightshift.serving.request_ids import request_id_of
from nightshift.serving.route_table import RouteTable
from nightshift.serving.stand import Stand

if TYPE_CHECKING:
    from nightshift.serving.access.guard import Guard

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
        exchange = Exchange(receive, headers, request_id_of(headers.get(b"x-request-id", b"")))
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
        except Exception as error:  # noqa: BLE001 one request that fails takes no other with it
            return _refused(refusal_of(error, exchange.request_id))


def _own_path(scope: Scope) -> str:
    """The path below where the application is mounted."""
    path: str = scope["path"]
    return path.removeprefix(scope.get("root_path", ""))


def _peer(scope: Scope) -> str:
    client = scope.get("client")
    return str(client[0]) if client else ""


def _refused(refusal: Refusal) -> Reply:
    body = orjson.dumps({"error": refusal.message})
    return Reply(body, refusal.status, retry_after=refusal.retry_after, headers=refusal.headers)


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

"""What is around every route: request ids, errors as JSON, figures, and the line of the log."""

import logging
import os
import re
import time
from collections.abc import Awaitable, Callable
from typing import Any

import orjson
from starlette.exceptions import HTTPException
from starlette.routing import Router
from starlette.types import Receive, Scope, Send

from nightshift.errors import DataError, NightshiftError, plain
from nightshift.serving.exchange import Exchange, Reply
from nightshift.serving.metrics import ServeMetrics
from nightshift.serving.refusal import Refusal
from nightshift.serving.stand import Stand

log = logging.getLogger("nightshift.serving")
REQUEST_ID = re.compile(rb"[A-Za-z0-9._:-]{1,128}")
ID_BYTES = 16
EXCHANGE = "nightshift.exchange"
REPLY = "nightshift.reply"
"""Where the request and what comes of it lie in ASGI's scope."""
Handle = Callable[[Exchange], Awaitable[Reply]]


class Endpoint:
    """A route's handler as an ASGI application, without the layers that Starlette puts around a function."""

    def __init__(self, name: str, handle: Handle) -> None:
        self._name = name
        self._handle = handle

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer into the exchange of the door."""
        exchange: Exchange = scope[EXCHANGE]
        exchange.route = self._name
        exchange.path = scope["path_params"]
        scope[REPLY] = await self._handle(exchange)


class Door:
    """An ASGI application, to be run by uvicorn or mounted into another one."""

    def __init__(self, router: Router, stand: Stand, metrics: ServeMetrics) -> None:
        self._router = router
        self._stand = stand
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._router(scope, receive, send)
            return
        began = time.perf_counter()
        headers = dict(scope["headers"])
        exchange = Exchange(receive, headers, _request_id(headers))
        reply = await self._reply(scope, exchange, receive, send)
        await _send(reply, exchange, send, self._stand.is_draining)
        seconds = time.perf_counter() - began
        self._metrics.count(exchange.route, reply.status, seconds, reply.rows)
        _log(scope, exchange, reply, seconds)

    async def _reply(self, scope: Scope, exchange: Exchange, receive: Receive, send: Send) -> Reply:
        """What a route says, or why none does."""
        scope[EXCHANGE] = exchange
        # With an application in its scope the router raises where it would answer by itself.
        scope.setdefault("app", self)
        try:
            await self._router(scope, receive, send)
            reply: Reply = scope[REPLY]
            return reply
        except Refusal as refusal:
            return _error(refusal.status, refusal.message, refusal.retry_after)
        except HTTPException as error:
            reply = _error(error.status_code, f"there is no such route here: {error.detail}")
            # Which methods there are: who is answered 405 is told.
            allowed = (error.headers or {}).items()
            reply.more_headers = tuple((name.lower().encode(), value.encode()) for name, value in allowed)
            return reply
        except DataError as error:
            return _error(400, error.message)
        except NightshiftError as error:
            log.warning("a request failed: %s", error)
            return _error(500, error.message)
        except Exception:  # one request that fails takes no other with it, and its caller learns nothing of the code
            log.exception("a request broke off", extra={"request": exchange.request_id})
            return _error(500, f"internal error; the log of the server has it as request {exchange.request_id}")


def _error(status: int, message: str, retry_after: int | None = None) -> Reply:
    return Reply(orjson.dumps({"error": message}), status, retry_after=retry_after)


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
        pin = reply.version.pin
        headers.append((b"nightshift-version", pin.version.encode()))
        headers.append((b"nightshift-sha256", pin.sha256.encode()))
    if reply.retry_after is not None:
        headers.append((b"retry-after", b"%d" % reply.retry_after))
    headers.extend(reply.more_headers)
    if is_last:
        # Who asks again over a new connection is sent to a server that stays.
        headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": reply.body})


def _log(scope: Scope, exchange: Exchange, reply: Reply, seconds: float) -> None:
    if not log.isEnabledFor(logging.INFO):
        return
    fields: dict[str, Any] = {
        "request": exchange.request_id,
        "route": exchange.route,
        "status": reply.status,
        "rows": reply.rows,
        "milliseconds": round(1000 * seconds, 3),
    }
    if reply.version is not None:
        pin = reply.version.pin
        fields |= {"version": pin.version, "digest": pin.sha256}
    # As log.info does, without a look at who called it: that takes as long as all the rest.
    message = f"{scope['method']} {plain(scope['path'], kept='')}"
    log.handle(log.makeRecord(log.name, logging.INFO, __file__, 0, message, (), None, extra=fields))

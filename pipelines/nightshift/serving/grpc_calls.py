"""A call of gRPC as REST knows requests: its metadata are headers, and its messages bodies."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from nightshift.serving.exchange import Exchange, Reply
from nightshift.serving.request_ids import request_id_of

PREFIX = "grpc_"
"""Before the routes of figures and the log."""


@dataclass
class Call:
    """A call under way: the message that came, what came of it; ``exchange`` has the route that REST has for it."""

    exchange: Exchange
    body: bytes
    reply: Reply
    problem: str = ""

    @property
    def route(self) -> str:
        """What figures and the log call it."""
        return f"{PREFIX}{self.exchange.route}"

    @property
    def metadata(self) -> tuple[tuple[str, str], ...]:
        """What goes back as REST's headers do."""
        headers = [(b"x-request-id", self.exchange.request_id.encode())]
        if self.reply.version is not None:
            headers += self.reply.version.headers
        headers += self.reply.headers
        return tuple((name.decode(), value.decode()) for name, value in headers)


def call_of(context: Any, route: str, body: bytes) -> Call:
    """What came by a context of ``grpc.aio``."""
    headers = {}
    for name, value in context.invocation_metadata() or ():
        headers[name.encode()] = value if isinstance(value, bytes) else value.encode()
    request_id = request_id_of(headers.get(b"x-request-id", b""))
    exchange = Exchange(_no_body, headers, request_id, route=route, peer=_peer(context.peer()))
    return Call(exchange, body, Reply(b""))


async def _no_body() -> Any:
    """A call of gRPC comes whole: whoever would wait for more of it is told that nothing comes."""
    return {"type": "http.disconnect"}


def _peer(address: str) -> str:
    """The address in gRPC's ``ipv4:127.0.0.1:5000`` or ``ipv6:[::1]:5000``."""
    _, _, host_and_port = address.partition(":")
    return unquote(host_and_port.rpartition(":")[0]).strip("[]")

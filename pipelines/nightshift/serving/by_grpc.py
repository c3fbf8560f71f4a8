"""The Open Inference Protocol over gRPC, beside REST in one process: the same version, bounds and bits."""

import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias
from urllib.parse import unquote

import grpc
import grpc.aio

from nightshift import __version__
from nightshift.errors import PortTaken
from nightshift.serving.access_log import fields_of
from nightshift.serving.entrance import Entrance
from nightshift.serving.exchange import Exchange, Reply
from nightshift.serving.failures import refusal_of
from nightshift.serving.grpc_messages import SERVICE, RpcMethod, answer_of, message, methods, request_of
from nightshift.serving.options import ServeOptions
from nightshift.serving.protocol import PLATFORM, infer, inputs_of, outputs_of
from nightshift.serving.request_ids import request_id_of
from nightshift.serving.routes import LARGE_BODY, LARGE_ROWS
from nightshift.serving.stand import Stand
from nightshift.serving.version import ServedVersion

log = logging.getLogger("nightshift.serving")
OK = 200
CODES = {
    400: grpc.StatusCode.INVALID_ARGUMENT,
    401: grpc.StatusCode.UNAUTHENTICATED,
    403: grpc.StatusCode.PERMISSION_DENIED,
    404: grpc.StatusCode.NOT_FOUND,
    408: grpc.StatusCode.DEADLINE_EXCEEDED,
    413: grpc.StatusCode.RESOURCE_EXHAUSTED,
    429: grpc.StatusCode.RESOURCE_EXHAUSTED,
    503: grpc.StatusCode.UNAVAILABLE,
}
"""Of each status that REST would give; all others are internal errors."""
PREFIX = "grpc_"
"""Before the routes of figures and the log."""
ROUTES = {
    "ServerLive": "live",
    "ServerReady": "ready",
    "ModelReady": "model_ready",
    "ServerMetadata": "server",
    "ModelMetadata": "model",
    "ModelInfer": "infer",
}
"""REST's route of each method."""
IDLE_PING_MS = 30_000
"""How long a connection may be silent before it is asked whether anybody is there."""


@dataclass
class Call:
    """A call under way, and what came of it: ``exchange`` has the route that REST has for it, ``reply`` no body."""

    exchange: Exchange
    reply: Reply
    problem: str = ""

    @property
    def route(self) -> str:
        """What figures and the log call it."""
        return f"{PREFIX}{self.exchange.route}"


AnswerCall: TypeAlias = Callable[[Any, Call], Awaitable[Any]]


@asynccontextmanager
async def answering(stand: Stand, options: ServeOptions, entrance: Entrance) -> AsyncIterator[None]:
    """Answer while the block lasts; at its end no new call is taken, and those under way are waited for.

    Raises ``PortTaken``.
    """
    server = grpc.aio.server(
        options=(
            ("grpc.max_receive_message_length", options.max_body),
            ("grpc.max_concurrent_streams", options.concurrency),
            ("grpc.keepalive_time_ms", IDLE_PING_MS),
            # Two servers on one port would share its calls.
            ("grpc.so_reuseport", 0),
        )
    )
    server.add_generic_rpc_handlers((GrpcDoor(stand, options, entrance).handler(),))
    _listen(server, options)
    await server.start()
    try:
        yield
    finally:
        await server.stop(options.timeout)


def _listen(server: Any, options: ServeOptions) -> None:
    host = f"[{options.host}]" if ":" in options.host else options.host
    try:
        server.add_insecure_port(f"{host}:{options.grpc_port}")
    except RuntimeError as error:
        raise PortTaken(
            f"nobody can listen on {options.host}:{options.grpc_port} for gRPC", fix="give another one: --grpc-port"
        ) from error


class GrpcDoor:
    """The service's methods, each with request id, figures, the line of the log, and errors as status codes."""

    def __init__(self, stand: Stand, options: ServeOptions, entrance: Entrance) -> None:
        self._stand = stand
        self._options = options
        self._gate = entrance.gate
        self._metrics = entrance.metrics
        self._guard = entrance.guard

    def handler(self) -> grpc.GenericRpcHandler:
        """All methods, for a server of ``grpc.aio``."""
        answers: dict[str, AnswerCall] = {
            "ServerLive": self.live,
            "ServerReady": self.ready,
            "ModelReady": self.model_ready,
            "ServerMetadata": self.server,
            "ModelMetadata": self.model,
            "ModelInfer": self.infer,
        }
        handlers = {method.name: self._handler(method, answers[method.name]) for method in methods()}
        return grpc.method_handlers_generic_handler(SERVICE, handlers)

    def _handler(self, method: RpcMethod, answer: AnswerCall) -> grpc.RpcMethodHandler:
        return grpc.unary_unary_rpc_method_handler(
            partial(self._answered, method.name, answer),
            request_deserializer=method.request.FromString,
            response_serializer=method.answer.SerializeToString,
        )

    async def _answered(self, name: str, answer: AnswerCall, asked: Any, context: Any) -> Any:
        began = time.perf_counter()
        call = Call(_exchange(context, ROUTES[name]), Reply(b""))
        made = await self._tried(answer, asked, call)
        seconds = time.perf_counter() - began
        status = call.reply.status
        self._metrics.count(call.route, status, seconds, call.reply.rows)
        log.info("gRPC %s", name, extra=fields_of(call.exchange, call.reply, seconds) | {"route": call.route})
        if status != OK:
            code = CODES.get(status, grpc.StatusCode.INTERNAL)
            await context.abort(code, call.problem, _metadata(call))
        context.set_trailing_metadata(_metadata(call))
        return made

    async def _tried(self, answer: AnswerCall, asked: Any, call: Call) -> Any:
        """The answer; where there is none, the call says why."""
        try:
            if self._guard is not None:
                await self._guard.admit(call.exchange)
            return await answer(asked, call)
        except Exception as error:  # noqa: BLE001 one call that fails takes no other with it
            refusal = refusal_of(error, call.exchange.request_id)
            call.reply.status = refusal.status
            call.problem = refusal.message
        return None

    async def live(self, _: Any, __: Call) -> Any:
        """The process answers."""
        return message("ServerLiveResponse")(live=True)

    async def ready(self, _: Any, __: Call) -> Any:
        """Whether requests should come here."""
        return message("ServerReadyResponse")(ready=self._stand.is_ready)

    async def model_ready(self, asked: Any, call: Call) -> Any:
        """Whether this model answers requests."""
        call.reply.version = self._stand.asked(asked.name, asked.version)
        return message("ModelReadyResponse")(ready=self._stand.is_ready)

    async def server(self, _: Any, __: Call) -> Any:
        """The protocol's description of a server."""
        return message("ServerMetadataResponse")(name="nightshift", version=__version__)

    async def model(self, asked: Any, call: Call) -> Any:
        """The protocol's description of a model."""
        version = self._stand.asked(asked.name, asked.version)
        call.reply.version = version
        properties = {"sha256": version.pin.sha256, "bits": version.bits}
        return message("ModelMetadataResponse")(
            name=version.pin.model,
            versions=[version.pin.version],
            platform=PLATFORM,
            inputs=inputs_of(version.spec),
            outputs=outputs_of(version.spec),
            properties=properties,
        )

    async def infer(self, asked: Any, call: Call) -> Any:
        """Scores of the rows of a request; which version gives them is decided once, before the first of them."""
        with self._gate:
            if self._guard is not None:
                await self._guard.charge(call.exchange, _most_rows(asked))
            version = self._stand.asked(asked.model_name, asked.model_version)
            call.reply.version = version
            work = partial(self._scored, version, asked)
            made, rows = await self._gate.in_thread(work) if _is_large(asked) else work()
            call.reply.rows = rows
            return made

    def _scored(self, version: ServedVersion, asked: Any) -> tuple[Any, int]:
        answer, rows = infer(version, request_of(asked), self._options.max_rows)
        return answer_of(answer, is_raw=bool(asked.raw_input_contents)), rows


def _is_large(asked: Any) -> bool:
    shape = asked.inputs[0].shape if asked.inputs else ()
    return asked.ByteSize() > LARGE_BODY or any(size > LARGE_ROWS for size in shape)


def _most_rows(asked: Any) -> int:
    """How many rows a request seems to have; what it is, is looked at later."""
    sizes = [size for tensor in asked.inputs for size in tensor.shape[:1]]
    return max(sizes, default=0)


def _exchange(context: Any, route: str) -> Exchange:
    """The call as REST knows requests: its metadata are headers."""
    headers = {}
    for name, value in context.invocation_metadata() or ():
        headers[name.encode()] = value if isinstance(value, bytes) else value.encode()
    request_id = request_id_of(headers.get(b"x-request-id", b""))
    return Exchange(_no_body, headers, request_id, route=route, peer=_peer(context.peer()))


async def _no_body() -> Any:
    """A call of gRPC comes whole: whoever would wait for more of it is told that nothing comes."""
    return {"type": "http.disconnect"}


def _peer(address: str) -> str:
    """The address in gRPC's ``ipv4:127.0.0.1:5000`` or ``ipv6:[::1]:5000``."""
    _, _, host_and_port = address.partition(":")
    return unquote(host_and_port.rpartition(":")[0]).strip("[]")


def _metadata(call: Call) -> tuple[tuple[str, str], ...]:
    """What REST says in headers."""
    request_id = ("x-request-id", call.exchange.request_id)
    version = call.reply.version
    if version is None:
        return (request_id,)
    return (request_id, *((name.decode(), value.decode()) for name, value in version.headers))

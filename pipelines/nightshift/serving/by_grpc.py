"""The Open Inference Protocol over gRPC, beside REST in one process: the same version, bounds and bits."""

import logging
import os
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
from nightshift.errors import DataError, NightshiftError, PortTaken
from nightshift.serving.door import ID_BYTES, REQUEST_ID
from nightshift.serving.entrance import Entrance
from nightshift.serving.exchange import Exchange
from nightshift.serving.grpc_messages import SERVICE, RpcMethod, answer_of, message, methods, request_of
from nightshift.serving.options import ServeOptions
from nightshift.serving.protocol import PLATFORM, infer, inputs_of, outputs_of
from nightshift.serving.refusal import Refusal
from nightshift.serving.routes import LARGE_BODY, LARGE_ROWS
from nightshift.serving.stand import Stand
from nightshift.serving.version import ServedVersion

log = logging.getLogger("nightshift.serving")
OK = 200
INTERNAL = 500
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
ROUTES = {
    "ServerLive": "grpc_live",
    "ServerReady": "grpc_ready",
    "ModelReady": "grpc_model_ready",
    "ServerMetadata": "grpc_server",
    "ModelMetadata": "grpc_model",
    "ModelInfer": "grpc_infer",
}
"""What figures and the log call each method."""
IDLE_PING_MS = 30_000
"""How long a connection may be silent before it is asked whether anybody is there."""


@dataclass
class Call:
    """A call under way, and what came of it."""

    route: str
    request_id: str
    version: ServedVersion | None = None
    exchange: Exchange | None = None
    rows: int = 0
    status: int = OK
    problem: str = ""


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
        call = Call(ROUTES[name], _request_id(context))
        if self._guard is not None:
            call.exchange = _exchange(context, call)
        made = await self._tried(answer, asked, call)
        seconds = time.perf_counter() - began
        self._metrics.count(call.route, call.status, seconds, call.rows)
        _log(name, call, seconds)
        if call.status != OK:
            code = CODES.get(call.status, grpc.StatusCode.INTERNAL)
            await context.abort(code, call.problem, _metadata(call))
        context.set_trailing_metadata(_metadata(call))
        return made

    async def _tried(self, answer: AnswerCall, asked: Any, call: Call) -> Any:
        """The answer; where there is none, the call says why."""
        try:
            if self._guard is not None and call.exchange is not None:
                await self._guard.admit(call.exchange)
            return await answer(asked, call)
        except Refusal as refusal:
            _fail(call, refusal.status, refusal.message)
        except DataError as error:
            _fail(call, 400, error.message)
        except NightshiftError as error:
            log.warning("a request failed: %s", error)
            _fail(call, INTERNAL, error.message)
        except (
            Exception
        ):  # as in Door: one that fails takes no other with it, and its caller learns nothing of the code
            log.exception("a request broke off", extra={"request": call.request_id})
            _fail(call, INTERNAL, f"internal error; the log of the server has it as request {call.request_id}")
        return None

    async def live(self, _: Any, __: Call) -> Any:
        """The process answers."""
        return message("ServerLiveResponse")(live=True)

    async def ready(self, _: Any, __: Call) -> Any:
        """Whether requests should come here."""
        return message("ServerReadyResponse")(ready=self._stand.is_ready)

    async def model_ready(self, asked: Any, call: Call) -> Any:
        """Whether this model answers requests."""
        call.version = self._stand.asked(asked.name, asked.version)
        return message("ModelReadyResponse")(ready=self._stand.is_ready)

    async def server(self, _: Any, __: Call) -> Any:
        """The protocol's description of a server."""
        return message("ServerMetadataResponse")(name="nightshift", version=__version__)

    async def model(self, asked: Any, call: Call) -> Any:
        """The protocol's description of a model."""
        version = self._stand.asked(asked.name, asked.version)
        call.version = version
        properties = {"sha256": version.pin.sha256, "bits": str(version.agreement or "not tried")}
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
            if self._guard is not None and call.exchange is not None:
                await self._guard.charge(call.exchange, _most_rows(asked))
            call.version = self._stand.asked(asked.model_name, asked.model_version)
            work = partial(self._scored, call.version, asked)
            made, rows = await self._gate.in_thread(work) if _is_large(asked) else work()
            call.rows = rows
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


def _exchange(context: Any, call: Call) -> Exchange:
    """The call as a guard knows requests: its metadata as headers, and the route that REST has for it."""
    headers = {}
    for name, value in context.invocation_metadata() or ():
        headers[name.encode()] = value if isinstance(value, bytes) else value.encode()
    route = call.route.removeprefix("grpc_")
    return Exchange(_no_body, headers, call.request_id, route=route, peer=_peer(context.peer()))


async def _no_body() -> Any:
    """A call of gRPC comes whole: whoever would wait for more of it is told that nothing comes."""
    return {"type": "http.disconnect"}


def _peer(told: str) -> str:
    """The address in gRPC's ``ipv4:127.0.0.1:5000`` or ``ipv6:[::1]:5000``."""
    _, _, address = told.partition(":")
    return unquote(address.rpartition(":")[0]).strip("[]")


def _fail(call: Call, status: int, problem: str) -> None:
    call.status = status
    call.problem = problem


def _request_id(context: Any) -> str:
    """The caller's own, where it is one that a log may show."""
    for name, value in context.invocation_metadata() or ():
        if name == "x-request-id" and isinstance(value, str) and REQUEST_ID.fullmatch(value.encode()):
            return value
    return os.urandom(ID_BYTES).hex()


def _metadata(call: Call) -> tuple[tuple[str, str], ...]:
    """What REST says in headers."""
    said = (("x-request-id", call.request_id),)
    if call.version is None:
        return said
    pin = call.version.pin
    return (*said, ("nightshift-version", pin.version), ("nightshift-sha256", pin.sha256))


def _log(name: str, call: Call, seconds: float) -> None:
    fields: dict[str, Any] = {
        "request": call.request_id,
        "route": call.route,
        "status": call.status,
        "rows": call.rows,
        "milliseconds": round(1000 * seconds, 3),
    }
    if call.exchange is not None and call.exchange.caller:
        fields["caller"] = call.exchange.caller
    if call.version is not None:
        pin = call.version.pin
        fields |= {"version": pin.version, "digest": pin.sha256}
    log.info("gRPC %s", name, extra=fields)

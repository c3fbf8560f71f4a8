"""The Open Inference Protocol over gRPC, beside REST in one process: the same version, bounds and bits."""

import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, TypeAlias

import grpc
import grpc.aio

from nightshift import __version__
from nightshift.errors import PortTaken
from nightshift.serving.access_log import fields_of
from nightshift.serving.batches import Batches
from nightshift.serving.beside import BesideAnswers
from nightshift.serving.entrance import Entrance
from nightshift.serving.exchange import Reply
from nightshift.serving.failures import refusal_of
from nightshift.serving.grpc_calls import Call, call_of
from nightshift.serving.grpc_messages import SERVICE, RpcMethod, message, methods, request_of
from nightshift.serving.grpc_wire import GRPC
from nightshift.serving.options import ServeOptions
from nightshift.serving.protocol import PLATFORM, infer, inputs_of, outputs_of
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
AnswerCall: TypeAlias = Callable[[Any, Call], Awaitable[Reply]]


@asynccontextmanager
async def answering(
    stand: Stand, options: ServeOptions, entrance: Entrance, beside: BesideAnswers | None = None
) -> AsyncIterator[None]:
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
    server.add_generic_rpc_handlers((GrpcDoor(stand, options, entrance, beside).handler(),))
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
    """The service's methods, each with request id, figures, the line of the log, and errors as status codes.

    Messages come and go as bytes: those are what is kept of a call.
    """

    def __init__(
        self, stand: Stand, options: ServeOptions, entrance: Entrance, beside: BesideAnswers | None = None
    ) -> None:
        self._stand = stand
        self._options = options
        self._gate = entrance.gate
        self._metrics = entrance.metrics
        self._guard = entrance.guard
        self._batches = entrance.batches
        self._beside = beside

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
        return grpc.unary_unary_rpc_method_handler(partial(self._answered, method, answer))

    async def _answered(self, method: RpcMethod, answer: AnswerCall, body: bytes, context: Any) -> bytes:
        began = time.perf_counter()
        call = call_of(context, ROUTES[method.name], body)
        await self._try(method, answer, call)
        seconds = time.perf_counter() - began
        status = call.reply.status
        self._metrics.count(call.route, status, seconds, call.reply.rows)
        log.info("gRPC %s", method.name, extra=fields_of(call.exchange, call.reply, seconds) | {"route": call.route})
        if status != OK:
            code = CODES.get(status, grpc.StatusCode.INTERNAL)
            await context.abort(code, call.problem, call.metadata)
        context.set_trailing_metadata(call.metadata)
        return call.reply.body

    async def _try(self, method: RpcMethod, answer: AnswerCall, call: Call) -> None:
        """The call has its answer afterwards, or says why there is none."""
        try:
            if self._guard is not None:
                await self._guard.admit(call.exchange)
            call.reply = await answer(method.read(call.body), call)
        except Exception as error:  # noqa: BLE001 one call that fails takes no other with it
            refusal = refusal_of(error, call.exchange.request_id)
            call.reply.status = refusal.status
            call.problem = refusal.message

    async def live(self, _: Any, __: Call) -> Reply:
        """The process answers."""
        return _reply(message("ServerLiveResponse")(live=True))

    async def ready(self, _: Any, __: Call) -> Reply:
        """Whether requests should come here."""
        return _reply(message("ServerReadyResponse")(ready=self._stand.is_ready))

    async def model_ready(self, asked: Any, _: Call) -> Reply:
        """Whether this model answers requests."""
        version = self._stand.asked(asked.name, asked.version)
        return _reply(message("ModelReadyResponse")(ready=self._stand.is_ready), version)

    async def server(self, _: Any, __: Call) -> Reply:
        """The protocol's description of a server."""
        return _reply(message("ServerMetadataResponse")(name="nightshift", version=__version__))

    async def model(self, asked: Any, _: Call) -> Reply:
        """The protocol's description of a model."""
        version = self._stand.asked(asked.name, asked.version)
        properties = {"sha256": version.pin.sha256, "bits": version.bits}
        described = message("ModelMetadataResponse")(
            name=version.pin.model,
            versions=[version.pin.version],
            platform=PLATFORM,
            inputs=inputs_of(version.spec),
            outputs=outputs_of(version.spec),
            properties=properties,
        )
        return _reply(described, version)

    async def infer(self, asked: Any, call: Call) -> Reply:
        """Scores of the rows of a request; which version gives them is decided once, before the first of them."""
        with self._gate:
            if self._guard is not None:
                await self._guard.charge(call.exchange, _most_rows(asked))
            version = self._stand.asked(asked.model_name, asked.model_version)
            # Who gets no answer hears, too, who should have given it.
            call.reply.version = version
            if self._beside is None:
                return await self._inferred(version, asked, call.body)
            inferred = self._inferred(version, asked, call.body)
            return await self._beside.answered(call.exchange, call.body, version, GRPC, inferred)

    async def _inferred(self, version: ServedVersion, asked: Any, body: bytes) -> Reply:
        if _is_large(asked, body):
            return await self._gate.in_thread(partial(self._scored, version, asked))
        if self._batches is not None:
            return await self._batched(self._batches, version, asked)
        return self._scored(version, asked)

    def _scored(self, version: ServedVersion, asked: Any) -> Reply:
        request = request_of(asked)
        answer, rows = infer(version, request, self._options.max_rows)
        return GRPC.show(request, answer, version, rows)

    async def _batched(self, batches: Batches, version: ServedVersion, asked: Any) -> Reply:
        request = request_of(asked)
        answer, rows = await infer.gathered(batches, version, request, self._options.max_rows)
        return GRPC.show(request, answer, version, rows)


def _reply(made: Any, version: ServedVersion | None = None) -> Reply:
    return Reply(made.SerializeToString(), version=version)


def _is_large(asked: Any, body: bytes) -> bool:
    shape = asked.inputs[0].shape if asked.inputs else ()
    return len(body) > LARGE_BODY or any(size > LARGE_ROWS for size in shape)


def _most_rows(asked: Any) -> int:
    """How many rows a request seems to have; what it is, is looked at later."""
    sizes = [size for tensor in asked.inputs for size in tensor.shape[:1]]
    return max(sizes, default=0)

"""What is asked at which address: the protocol's routes, ``/score``, and what people and machines look at."""

from functools import partial
from typing import Any

import orjson

from nightshift import __version__
from nightshift.serving import binary
from nightshift.serving.answer_cache import AnswerCache
from nightshift.serving.batches import Batches
from nightshift.serving.beside import BesideAnswers
from nightshift.serving.by_name import score_rows
from nightshift.serving.dialect import Dialect
from nightshift.serving.door import Door
from nightshift.serving.entrance import Entrance, entrance_of
from nightshift.serving.exchange import Exchange, Reply
from nightshift.serving.notes import Notes
from nightshift.serving.openapi import describe
from nightshift.serving.options import ServeOptions
from nightshift.serving.page import HTML, render
from nightshift.serving.protocol import PLATFORM, infer, inputs_of, outputs_of
from nightshift.serving.refusal import Refusal
from nightshift.serving.rest_wire import REST, shown
from nightshift.serving.route_table import Handle, RouteTable, ServedRoute
from nightshift.serving.stand import Stand
from nightshift.serving.version import ServedVersion

LARGE_BODY = 64 * 1024
"""Bytes from which on a body is read in a thread."""
LARGE_ROWS = 32
"""Rows from which on they are scored there: a fifth of a millisecond of a forest of some hundred trees."""


def application(
    stand: Stand, options: ServeOptions, beside: BesideAnswers | None = None, entrance: Entrance | None = None
) -> Door:
    """What uvicorn runs, and what another ASGI application may mount. ``stand`` says who answers.

    ``entrance`` is given where requests come in by another door besides. Raises as ``entrance_of``.
    """
    before = entrance or entrance_of(stand, options)
    notes = Notes(before.metrics)
    routes = _Routes(stand, options, before, notes, beside)
    for layer in (routes.cache, beside):
        if layer is not None:
            before.metrics.register(layer)
    return Door(RouteTable(routes.table()), stand, notes, before.guard)


class _Routes:
    def __init__(
        self, stand: Stand, options: ServeOptions, before: Entrance, notes: Notes, beside: BesideAnswers | None
    ) -> None:
        self._stand = stand
        self._options = options
        self._gate = before.gate
        self._metrics = before.metrics
        self._guard = before.guard
        self._notes = notes
        self.cache = AnswerCache(options.cache_bytes) if options.cache_bytes else None
        self._batches = before.batches
        self._beside = beside

    def table(self) -> list[ServedRoute]:
        """Every one."""
        model = "/v2/models/{model}"
        version = f"{model}/versions/{{version}}"
        return [
            _post("/score", "score", partial(self.scored, score=score_rows)),
            _post(f"{model}/infer", "infer", partial(self.scored, score=infer)),
            _post(f"{version}/infer", "infer", partial(self.scored, score=infer)),
            _get("/v2", "server", self.server),
            _get("/v2/", "server", self.server),
            _get("/v2/health/live", "live", self.live),
            _get("/v2/health/ready", "ready", self.ready),
            _get(model, "model", self.model),
            _get(version, "model", self.model),
            _get(f"{model}/ready", "model_ready", self.model_ready),
            _get(f"{version}/ready", "model_ready", self.model_ready),
            _get("/metrics", "metrics", self.metrics),
            _get("/openapi.json", "openapi", self.openapi),
            _get("/docs", "docs", self.docs),
        ]

    async def server(self, _: Exchange) -> Reply:
        """The protocol's description of a server."""
        return _json({"name": "nightshift", "version": __version__, "extensions": [binary.EXTENSION]})

    async def live(self, _: Exchange) -> Reply:
        """The process answers."""
        return _json({"live": True})

    async def ready(self, _: Exchange) -> Reply:
        """Whether requests should come here, who answers them, and what went wrong at the last look."""
        stand = self._stand
        facts = {
            "ready": stand.is_ready,
            "draining": stand.is_draining,
            "seconds_since_look": round(stand.look_age, 1),
            "problem": stand.problem,
        }
        if stand.version is not None:
            facts |= _identity(stand.version)
        return _json(facts, 200 if stand.is_ready else 503)

    async def model(self, exchange: Exchange) -> Reply:
        """The protocol's description of a model."""
        version = self._asked(exchange)
        facts = {
            "name": version.pin.model,
            "versions": [version.pin.version],
            "platform": PLATFORM,
            "inputs": inputs_of(version.spec),
            "outputs": outputs_of(version.spec),
            "parameters": {"sha256": version.pin.sha256, "bits": version.bits},
        }
        return _json(facts, version=version)

    async def model_ready(self, exchange: Exchange) -> Reply:
        """Whether this model answers requests."""
        version = self._asked(exchange)
        is_ready = self._stand.is_ready
        return _json({"name": version.pin.model, "ready": is_ready}, 200 if is_ready else 503, version)

    async def scored(self, exchange: Exchange, score: Dialect) -> Reply:
        """Scores of the rows of a body; which version gives them is decided once, before the first of them."""
        with self._gate:
            body = await self._gate.body(exchange)
            version = self._asked(exchange)
            if self._beside is None:
                return await self._answered(exchange, score, version, body)
            answered = self._answered(exchange, score, version, body)
            return await self._beside.answered(exchange, body, version, REST, answered)

    async def _answered(self, exchange: Exchange, score: Dialect, version: ServedVersion, body: bytes) -> Reply:
        # Where a length in a header says what is JSON, the bytes alone do not say what was asked.
        if self.cache is None or binary.HEADER in exchange.headers:
            return await self._of_body(exchange, score, version, body)
        return await self._kept(self.cache, exchange, score, version, body)

    async def _kept(
        self, cache: AnswerCache, exchange: Exchange, score: Dialect, version: ServedVersion, body: bytes
    ) -> Reply:
        reply = cache.find(version, exchange, body)
        if reply is None:
            reply = await self._of_body(exchange, score, version, body)
            cache.keep(version, exchange, body, reply)
        elif self._guard is not None:
            await self._guard.charge(exchange, reply.rows)
        return reply

    async def _of_body(self, exchange: Exchange, score: Dialect, version: ServedVersion, body: bytes) -> Reply:
        is_large = len(body) > LARGE_BODY
        if is_large:
            request = await self._gate.in_thread(lambda: _parsed(body, exchange))
        else:
            request = _parsed(body, exchange)
        rows = _count(request)
        if self._guard is not None:
            await self._guard.charge(exchange, rows)
        if is_large or rows > LARGE_ROWS:
            return await self._gate.in_thread(lambda: self._score(score, version, request))
        if self._batches is not None:
            return await self._batched(self._batches, score, version, request)
        return self._score(score, version, request)

    def _score(self, score: Dialect, version: ServedVersion, request: Any) -> Reply:
        answer, rows = score(version, request, self._options.max_rows)
        return shown(request, answer, version, rows)

    async def _batched(self, batches: Batches, score: Dialect, version: ServedVersion, request: Any) -> Reply:
        answer, rows = await score.gathered(batches, version, request, self._options.max_rows)
        return shown(request, answer, version, rows)

    async def metrics(self, _: Exchange) -> Reply:
        """For Prometheus."""
        self._notes.settle()
        body, content_type = self._metrics.exposition()
        return Reply(body, content_type=content_type)

    async def openapi(self, _: Exchange) -> Reply:
        """All of this for machines, with the columns of the model."""
        version = self._stand.required()
        return _json(describe(version, self._options.access), version=version)

    async def docs(self, _: Exchange) -> Reply:
        """The same for people."""
        version = self._stand.required()
        return Reply(render(version), content_type=HTML, version=version)

    def _asked(self, exchange: Exchange) -> ServedVersion:
        """Who answers, if it is who was asked for. Raises ``Refusal``."""
        return self._stand.asked(exchange.path.get("model", self._stand.model), exchange.path.get("version", ""))


def _get(path: str, name: str, handle: Handle) -> ServedRoute:
    return ServedRoute("GET", path, name, handle)


def _post(path: str, name: str, handle: Handle) -> ServedRoute:
    return ServedRoute("POST", path, name, handle)


def _json(facts: dict[str, Any], status: int = 200, version: ServedVersion | None = None) -> Reply:
    return Reply(orjson.dumps(facts), status, version=version)


def _identity(version: ServedVersion) -> dict[str, str]:
    return {"model": version.pin.model, "version": version.pin.version, "sha256": version.pin.sha256}


def _parsed(body: bytes, exchange: Exchange) -> Any:
    header = exchange.headers.get(binary.HEADER)
    try:
        return orjson.loads(body) if header is None else binary.parsed(body, header)
    except orjson.JSONDecodeError as error:
        raise Refusal(400, f"the body is no JSON: {error}") from error


def _count(request: Any) -> int:
    """How many rows a request seems to have, in whichever language has more; what it is, is looked at later."""
    if not isinstance(request, dict):
        return 0
    inputs = request.get("inputs")
    first = inputs[0] if isinstance(inputs, list) and inputs else None
    data = first.get("data") if isinstance(first, dict) else None
    lists = [values for values in (request.get("rows"), data) if isinstance(values, list)]
    return max(map(len, lists), default=0)

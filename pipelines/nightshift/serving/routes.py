"""What is asked at which address: the protocol's routes, ``/score``, and what people and machines look at."""

from collections.abc import Callable
from functools import partial
from typing import Any, TypeAlias

import orjson
from starlette.routing import Route, Router

from nightshift import __version__
from nightshift.quotes import quoted
from nightshift.serving.beside import BesideAnswers
from nightshift.serving.by_name import score_rows
from nightshift.serving.door import Door, Endpoint, Handle
from nightshift.serving.exchange import Exchange, Reply
from nightshift.serving.gate import Gate
from nightshift.serving.metrics import ServeMetrics
from nightshift.serving.openapi import describe
from nightshift.serving.options import ServeOptions
from nightshift.serving.page import HTML, render
from nightshift.serving.protocol import PLATFORM, infer, inputs_of, outputs_of
from nightshift.serving.refusal import Refusal
from nightshift.serving.stand import Stand
from nightshift.serving.version import ServedVersion

ScoreRequest: TypeAlias = Callable[[ServedVersion, Any, int], tuple[dict[str, Any], int]]
LARGE_BODY = 64 * 1024
"""Bytes from which on a body is read in a thread."""
LARGE_ROWS = 32
"""Rows from which on they are scored there: a fifth of a millisecond of a forest of some hundred trees."""


def application(stand: Stand, options: ServeOptions, beside: BesideAnswers | None = None) -> Door:
    """What uvicorn runs, and what another ASGI application may mount. ``stand`` says who answers."""
    gate = Gate(options)
    metrics = ServeMetrics(stand, lambda: gate.under_way)
    if beside is not None:
        metrics.also(beside)
    routes = _Routes(stand, options, gate, metrics, beside)
    return Door(Router(routes.table()), stand, metrics)


class _Routes:
    def __init__(
        self, stand: Stand, options: ServeOptions, gate: Gate, metrics: ServeMetrics, beside: BesideAnswers | None
    ) -> None:
        self._stand = stand
        self._options = options
        self._gate = gate
        self._metrics = metrics
        self._beside = beside

    def table(self) -> list[Route]:
        """Every address."""
        model = "/v2/models/{model}"
        version = f"{model}/versions/{{version}}"
        return [
            # Routes are tried in this order.
            _post("/score", "score", partial(self.scored, score=score_rows)),
            _post(f"{model}/infer", "infer", partial(self.scored, score=infer)),
            _post(f"{version}/infer", "infer", partial(self.scored, score=infer)),
            _get("/v2", "server", self.server),
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
        return _json({"name": "nightshift", "version": __version__, "extensions": []})

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

    async def scored(self, exchange: Exchange, score: ScoreRequest) -> Reply:
        """Scores of the rows of a body; which version gives them is decided once, before the first of them."""
        with self._gate.entered():
            body = await self._gate.body(exchange)
            version = self._asked(exchange)
            if self._beside is None:
                return await self._answered(exchange, body, version, score)
            answered = self._answered(exchange, body, version, score)
            return await self._beside.answered(exchange, body, version, answered)

    async def _answered(self, exchange: Exchange, body: bytes, version: ServedVersion, score: ScoreRequest) -> Reply:
        if len(body) > LARGE_BODY:
            return await self._gate.in_thread(lambda: self._score(score, version, _parsed(body, exchange)))
        request = _parsed(body, exchange)
        if _count(request) > LARGE_ROWS:
            return await self._gate.in_thread(lambda: self._score(score, version, request))
        return self._score(score, version, request)

    def _score(self, score: ScoreRequest, version: ServedVersion, request: Any) -> Reply:
        answer, rows = score(version, request, self._options.max_rows)
        return Reply(orjson.dumps(answer, option=orjson.OPT_SERIALIZE_NUMPY), version=version, rows=rows)

    async def metrics(self, _: Exchange) -> Reply:
        """For Prometheus."""
        body, content_type = self._metrics.exposition()
        return Reply(body, content_type=content_type)

    async def openapi(self, _: Exchange) -> Reply:
        """All of this for machines, with the columns of the model."""
        version = self._stand.required()
        return _json(describe(version), version=version)

    async def docs(self, _: Exchange) -> Reply:
        """The same for people."""
        version = self._stand.required()
        return Reply(render(version), content_type=HTML, version=version)

    def _asked(self, exchange: Exchange) -> ServedVersion:
        """Who answers, if it is who was asked for. Raises ``Refusal``."""
        model = self._stand.model
        asked_model = exchange.path.get("model", model)
        if asked_model != model:
            raise Refusal(404, f"there is no model {quoted(asked_model)} here: this server answers for {model}")
        version = self._stand.required()
        asked = exchange.path.get("version", version.pin.version)
        if asked != version.pin.version:
            raise Refusal(404, f"version {quoted(asked)} does not answer here: the champion is {version.pin.version}")
        return version


def _get(path: str, name: str, handle: Handle) -> Route:
    return Route(path, Endpoint(name, handle), methods=["GET"])


def _post(path: str, name: str, handle: Handle) -> Route:
    return Route(path, Endpoint(name, handle), methods=["POST"])


def _json(facts: dict[str, Any], status: int = 200, version: ServedVersion | None = None) -> Reply:
    return Reply(orjson.dumps(facts), status, version=version)


def _identity(version: ServedVersion) -> dict[str, str]:
    return {"model": version.pin.model, "version": version.pin.version, "sha256": version.pin.sha256}


def _parsed(body: bytes, exchange: Exchange) -> Any:
    if b"inference-header-content-length" in exchange.headers:
        raise Refusal(400, "tensors in binary are not read here: send data as JSON")
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Refusal(400, f"the body is no JSON: {error}") from error


def _count(request: Any) -> int:
    """How many rows a request seems to have; what it is, is looked at later."""
    if not isinstance(request, dict):
        return 0
    rows = request.get("rows")
    if isinstance(rows, list):
        return len(rows)
    inputs = request.get("inputs")
    first = inputs[0] if isinstance(inputs, list) and inputs else None
    data = first.get("data") if isinstance(first, dict) else None
    return len(data) if isinstance(data, list) else 0

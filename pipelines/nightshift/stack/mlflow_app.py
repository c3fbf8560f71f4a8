"""MLflow's app with its own login, and nothing that could make it open a path for somebody.

MLflow opens what an experiment's ``artifact_location`` or a version's ``source`` names, with its own rights: a file of
this machine, or any bucket that its keys reach. So a request that names another place than MLflow's own artifacts is
refused, whoever sends it. ``mlflow server --app-name nightshift`` finds this app.
"""

import json
from collections.abc import Iterator
from typing import Any

from nightshift.logins import UNAUTHORIZED, AsgiApp, Message, Receive, Scope, Send, SlowedLogins, header, refuse

OPEN = frozenset({"/health", "/version"})
"""What may be asked without a login."""
PLACES = frozenset({"artifactlocation", "artifactroot", "artifacturi", "mlflow.artifactlocation", "storagelocation"})
"""Keys whose value MLflow opens sooner or later, in small letters and without ``_``, which JSON may leave out."""
SOURCE = "source"
"""That of a model's version is one too; that of a data set says where its rows come from, and is not opened."""
VERSIONS = "/model-versions/"
OWN = ("mlflow-artifacts:", "runs:", "models:")
MOST_BODY_BYTES = 32 * 2**20
FORBIDDEN = 403
TOO_LARGE = 413
BASIC = ((b"www-authenticate", b'Basic realm="mlflow"'),)


def create_app() -> AsgiApp:
    """The app as MLflow's server starts it."""
    from mlflow.server.auth import create_app as with_login

    return guarded(with_login())


def guarded(app: AsgiApp) -> AsgiApp:
    """An app of MLflow behind what is said above."""
    checked = OwnPlaces(app)
    slowed = SlowedLogins(checked, _credentials)
    return LoginNeeded(slowed)


class LoginNeeded:
    """No request goes further without credentials, also where a route of MLflow's forgets to ask for them."""

    def __init__(self, app: AsgiApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As ASGI has it."""
        is_open = scope["type"] == "lifespan" or scope.get("path") in OPEN
        if is_open or (scope["type"] == "http" and _credentials(scope)):
            await self.app(scope, receive, send)
        elif scope["type"] == "http":
            text = "MLflow asks for a login: `nightshift status` says where it is, `nightshift env` has the password"
            await refuse(send, UNAUTHORIZED, text, BASIC)


class OwnPlaces:
    """No request names a place that is not MLflow's own."""

    def __init__(self, app: AsgiApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As ASGI has it."""
        if scope["type"] != "http" or not _is_call(scope):
            await self.app(scope, receive, send)
            return
        body = await _body(receive)
        if body is None:
            await refuse(send, TOO_LARGE, f"more than {MOST_BODY_BYTES:,} bytes are no call of the API")
            return
        places = PLACES
        if VERSIONS in scope["path"]:
            places |= {SOURCE}
        place = next(foreign_places(body, places), None)
        if place is not None:
            text = f"{place}: only MLflow's own artifacts, mlflow-artifacts:/..., are opened here"
            await refuse(send, FORBIDDEN, text)
            return
        await self.app(scope, _again(body, receive), send)


def foreign_places(body: bytes, places: frozenset[str] = PLACES) -> Iterator[str]:
    """Every key and value of a JSON body by which MLflow would open a place that is not its own."""
    try:
        content = json.loads(body)
        if isinstance(content, str):
            # Old clients send their JSON as a string of JSON, and MLflow takes it.
            content = json.loads(content)
    except (ValueError, RecursionError):
        return
    for key, value in _pairs(content):
        is_place = key.replace("_", "").lower() in places
        if is_place and _is_foreign(value):
            yield f"{key} {value!r}"


def _pairs(content: Any) -> Iterator[tuple[str, Any]]:
    """Every key with its value at any depth, those of tags too: ``{"key": ..., "value": ...}``."""
    waiting = [content]
    while waiting:
        value = waiting.pop()
        if isinstance(value, list):
            waiting += value
        elif isinstance(value, dict):
            waiting += value.values()
            yield from value.items()
            yield str(value.get("key", "")), value.get("value")


def _is_foreign(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip()) and not value.startswith(OWN)


def _is_call(scope: Scope) -> bool:
    """Whether a request is one of the API with a JSON body; artifacts are streamed, and hold what they like."""
    if scope["method"] in {"GET", "HEAD", "OPTIONS"}:
        return False
    return "mlflow-artifacts/artifacts" not in scope["path"] and "upload-artifact" not in scope["path"]


async def _body(receive: Receive) -> bytes | None:
    """All of a request's body; None where it is too long."""
    body = bytearray()
    more = True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
        if len(body) > MOST_BODY_BYTES:
            return None
    return bytes(body)


def _again(body: bytes, receive: Receive) -> Receive:
    """Give a body that was read to the next who reads it."""
    messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def give() -> Message:
        return messages.pop() if messages else await receive()

    return give


def _credentials(scope: Scope) -> bytes | None:
    authorization = header(scope, b"authorization")
    return authorization or None

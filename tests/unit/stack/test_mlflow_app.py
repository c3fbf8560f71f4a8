"""What MLflow is never asked to open, however it is written, and who is asked for a login."""

import asyncio
import json
from typing import Any

import pytest

from nightshift.stack.mlflow_app import MOST_BODY_BYTES, PLACES, SOURCE, foreign_places, guarded

OTHERS = (
    "file:///etc", "/etc/passwd", "etc", "s3://lake/ledger", "http://elsewhere/x", "dbfs:/x", "hdfs://x/y",
    " mlflow-artifacts:/1", "MLFLOW-ARTIFACTS:/1", "mlflow-artifacts-of-another:/1", "ftp://h/p", "..",
)  # fmt: skip


class Served:
    """An app that takes note of what reaches it."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        message = await receive()
        self.bodies.append(message["body"])
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"{}"})


def call(app: Any, path: str, body: bytes, method: str = "POST", *, login: bool = True) -> tuple[int, bytes]:
    """The status and the text of an answer; the body comes in two pieces."""
    pieces = [body[:7], body[7:]]
    sent: list[Any] = []

    async def receive() -> Any:
        piece = pieces.pop(0)
        return {"type": "http.request", "body": piece, "more_body": bool(pieces)}

    async def send(message: Any) -> None:
        sent.append(message)

    headers = [(b"authorization", b"Basic x")] if login else []
    scope = {"type": "http", "method": method, "path": path, "headers": headers}
    asyncio.run(app(scope, receive, send))
    return sent[0]["status"], sent[1]["body"]


@pytest.mark.parametrize("place", OTHERS)
@pytest.mark.parametrize("key", ["artifact_location", "artifactLocation", "artifact_uri", "artifactUri"])
def test_another_place_is_found_at_any_depth(key: str, place: str) -> None:
    for content in ({key: place}, {"a": [{"b": {key: place}}]}, [[{key: place}]]):
        body = json.dumps(content).encode()
        assert list(foreign_places(body))
        assert list(foreign_places(json.dumps(body.decode()).encode()))


@pytest.mark.parametrize("place", OTHERS)
def test_tags_that_mean_a_place_are_looked_at(place: str) -> None:
    tags = [{"key": "mlflow.artifactLocation", "value": place}]
    assert list(foreign_places(json.dumps({"tags": tags}).encode()))
    assert list(foreign_places(json.dumps({"tags": {"mlflow.artifactLocation": place}}).encode()))


def test_own_places_and_other_words_are_let_through() -> None:
    content = {
        "name": "file:///etc", "artifact_location": "mlflow-artifacts:/7", "source": "anywhere", "artifact_uri": "",
    }  # fmt: skip
    assert not list(foreign_places(json.dumps(content).encode()))
    assert not list(foreign_places(b'{"source": "models:/m-1"}', PLACES | {SOURCE}))
    assert list(foreign_places(b'{"source": "s3://lake/x"}', PLACES | {SOURCE}))
    for no_json in (b"", b"{", b"[" * 100_000):
        assert not list(foreign_places(no_json))


@pytest.mark.parametrize("prefix", ["/api/2.0/mlflow", "/ajax-api/2.0/mlflow", "/api/3.0/mlflow"])
def test_a_call_with_another_place_ends_at_the_door(prefix: str) -> None:
    served = Served()
    status, text = call(guarded(served), f"{prefix}/experiments/create", b'{"artifact_location": "file:///etc"}')
    assert (status, served.bodies) == (403, [])
    assert b"only MLflow's own artifacts" in text
    status, _ = call(guarded(served), f"{prefix}/model-versions/create", b'{"name": "m", "source": "s3://lake/x"}')
    assert (status, served.bodies) == (403, [])


def test_a_call_of_its_own_arrives_whole() -> None:
    served = Served()
    body = b'{"artifact_location": "mlflow-artifacts:/7"}'
    assert call(guarded(served), "/api/2.0/mlflow/experiments/create", body)[0] == 200
    assert served.bodies == [body]


def test_a_body_beyond_measure_is_refused() -> None:
    served = Served()
    body = b" " * (MOST_BODY_BYTES + 8)
    assert call(guarded(served), "/api/2.0/mlflow/runs/log-batch", body)[0] == 413
    assert not served.bodies


@pytest.mark.parametrize("path", ["/", "/api/2.0/mlflow/experiments/search", "/static-files/x", "/healthy", "/health/"])
def test_nothing_is_answered_without_a_login(path: str) -> None:
    served = Served()
    assert call(guarded(served), path, b"", "GET", login=False)[0] == 401
    assert not served.bodies


def test_whether_it_lives_may_be_asked_by_anybody() -> None:
    assert call(guarded(Served()), "/health", b"", "GET", login=False)[0] == 200

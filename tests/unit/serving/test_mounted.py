"""The application in somebody else's: under a path of theirs, beside their routes, with its guard."""

from collections.abc import Callable
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from nightshift.serving.access.rules import AccessRules
from nightshift.serving.options import ServeOptions
from nightshift.serving.routes import application
from tests.unit.serving.conftest import Site
from tests.unit.serving.signing import AUDIENCE, EVERYBODY, SECRET, bearer, shared


@pytest.fixture
def mounted(site: Callable[..., Site]) -> Callable[..., tuple[TestClient, Site]]:
    """``mounted(access=...)``: a client of a FastAPI application with ours below ``/late``."""

    def make(**options: Any) -> tuple[TestClient, Site]:
        here = site()
        theirs = FastAPI()
        theirs.add_api_route("/hello", lambda: {"hello": "you"})
        theirs.mount("/late", application(here.stand, ServeOptions(**options)))
        return TestClient(theirs), here

    return make


def test_it_answers_below_the_path_of_a_fastapi_application(mounted: Callable[..., Any]) -> None:
    client, here = mounted()
    rows = here.rows(3)
    found = client.post("/late/score", json={"rows": rows})
    assert found.json() == here.client.post("/score", json={"rows": rows}).json()
    assert client.get(f"/late/v2/models/{here.spec.name}/ready").json()["ready"] is True
    assert client.get("/late/docs").status_code == 200
    assert client.get("/hello").json() == {"hello": "you"}


def test_its_errors_are_its_own_there_too(mounted: Callable[..., Any]) -> None:
    client, _ = mounted(max_rows=1)
    assert client.get("/late/made/up").json() == {"error": "there is no such route here: Not Found"}
    assert client.post("/late/score", json={"rows": []}).json() == {"error": "the request has no rows"}


def test_its_guard_stands_there_too(mounted: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN_SECRET", SECRET)
    jwt = {"algorithms": ["HS256"], "audience": AUDIENCE, "secret_env": "TOKEN_SECRET"}
    client, here = mounted(access=AccessRules.model_validate({"format": 1, "jwt": jwt, "rights": EVERYBODY}))
    body = {"rows": here.rows(1)}
    assert client.post("/late/score", json=body).status_code == 401
    assert client.post("/late/score", json=body, headers=bearer(shared())).status_code == 200
    assert client.get("/hello").status_code == 200

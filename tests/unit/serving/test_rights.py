"""Who may do what: callers, their roles, models, and what is asked of nobody."""

import json
import logging
from collections.abc import Callable
from typing import Any

import pytest

from nightshift.logs import JsonLines
from nightshift.serving.access.rules import AccessRules
from tests.unit.serving.conftest import Site
from tests.unit.serving.signing import AUDIENCE, SECRET, bearer, shared

MakeSite = Callable[..., Site]
HEALTH = [
    "/v2",
    "/v2/",
    "/v2/health/live",
    "/v2/health/ready",
    "/v2/models/{model}/ready",
    "/v2/models/{model}/versions/1/ready",
]
DOCS = ["/docs", "/openapi.json"]


@pytest.fixture
def guarded(site: MakeSite, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Site]:
    """``guarded(rights, open=["docs"])``: a server of callers with these rights."""
    monkeypatch.setenv("TOKEN_SECRET", SECRET)

    def make(rights: list[dict[str, Any]], roles_claim: Any = "roles", **others: Any) -> Site:
        jwt = {"algorithms": ["HS256"], "audience": AUDIENCE, "secret_env": "TOKEN_SECRET", "roles_claim": roles_claim}
        return site(access=AccessRules.model_validate({"format": 1, "jwt": jwt, "rights": rights, **others}))

    return make


def statuses(here: Site, **claims: Any) -> dict[str, int]:
    """What a caller gets, by what is asked."""
    headers = bearer(shared(**claims))
    model = here.spec.name
    found = {
        "score": here.client.post("/score", json={"rows": here.rows(1)}, headers=headers),
        "infer": here.client.post(f"/v2/models/{model}/infer", json={"inputs": tensors(here)}, headers=headers),
        "model": here.client.get(f"/v2/models/{model}", headers=headers),
        "metrics": here.client.get("/metrics", headers=headers),
        "docs": here.client.get("/docs", headers=headers),
        "openapi": here.client.get("/openapi.json", headers=headers),
    }
    return {name: answer.status_code for name, answer in found.items()}


def tensors(here: Site) -> list[dict[str, Any]]:
    (row,) = here.rows(1)
    kinds = {str: "BYTES", int: "INT64", float: "FP64", bool: "BOOL", type(None): "FP64"}
    return [
        {"name": name, "datatype": kinds[type(value)], "shape": [1], "data": [value]} for name, value in row.items()
    ]


SCORING = {"score", "infer", "model"}
MATRIX = [
    # What the rights say, the caller's claims, and what is answered.
    ({"callers": ["portal"], "models": ["*"]}, {}, SCORING),
    ({"callers": ["portal"], "models": ["*"]}, {"sub": "another"}, set()),
    ({"callers": ["portal"], "models": ["another"]}, {}, set()),
    ({"callers": ["*"], "models": ["*"], "may": ["docs"]}, {"sub": "another"}, {"docs", "openapi"}),
    ({"roles": ["ops"], "models": ["*"], "may": ["metrics"]}, {"roles": ["ops", "more"]}, {"metrics"}),
    ({"roles": ["ops"], "models": ["*"], "may": ["metrics"]}, {"roles": "a ops"}, {"metrics"}),
    ({"roles": ["ops"], "models": ["*"]}, {"roles": ["OPS"]}, set()),
    ({"roles": ["ops"], "models": ["*"]}, {"roles": {"ops": True}}, set()),
    ({"roles": ["ops"], "models": ["*"]}, {"roles": [["ops"]]}, set()),
    ({"roles": ["ops"], "models": ["*"]}, {"sub": "ops"}, set()),
]


@pytest.mark.parametrize(("right", "claims", "allowed"), MATRIX)
def test_a_caller_gets_what_a_right_gives_and_403_for_all_else(
    guarded: Callable[..., Site], right: dict[str, Any], claims: dict[str, Any], allowed: set[str]
) -> None:
    here = guarded([right])
    found = statuses(here, **claims)
    assert {name for name, status in found.items() if status == 200} == allowed
    assert set(found.values()) - {200} <= {403}


def test_a_right_for_a_model_is_one_for_its_name(guarded: Callable[..., Site]) -> None:
    name = guarded([{"callers": ["portal"], "models": ["*"]}]).spec.name
    for models, status in (([name], 200), (["other", name], 200), ([name + "s"], 403)):
        assert statuses(guarded([{"callers": ["portal"], "models": models}]))["score"] == status


def test_roles_may_lie_deeper_in_a_token(guarded: Callable[..., Site]) -> None:
    here = guarded([{"roles": ["ops"], "models": ["*"]}], roles_claim=["realm_access", "roles"])
    assert statuses(here, realm_access={"roles": ["ops"]})["score"] == 200
    assert statuses(here, realm_access=["ops"])["score"] == 403
    assert statuses(here, roles=["ops"])["score"] == 403


def test_health_is_asked_of_nobody_and_all_else_of_everybody(guarded: Callable[..., Site]) -> None:
    here = guarded([{"callers": ["portal"], "models": ["*"]}])
    model = here.spec.name
    assert {here.client.get(path.format(model=model)).status_code for path in HEALTH} == {200}
    closed = [*DOCS, "/metrics", f"/v2/models/{model}", f"/v2/models/{model}/versions/1"]
    assert {here.client.get(path).status_code for path in closed} == {401}
    assert here.client.post("/score", json={"rows": here.rows(1)}).status_code == 401
    assert here.client.post(f"/v2/models/{model}/versions/1/infer", json={}).status_code == 401


def test_what_is_open_is_asked_of_nobody(guarded: Callable[..., Site]) -> None:
    here = guarded([{"callers": ["portal"], "models": ["*"]}], open=["docs", "metrics"])
    assert {here.client.get(path).status_code for path in [*DOCS, "/metrics"]} == {200}
    assert here.client.post("/score", json={"rows": here.rows(1)}).status_code == 401


def test_every_route_that_is_not_of_health_is_guarded(guarded: Callable[..., Site]) -> None:
    """Also one that is new."""
    here = guarded([{"callers": ["portal"], "models": ["*"]}])
    door: Any = here.client.app
    paths = {route.path: route.method for route in door._table.routes}
    answers = {
        path: here.client.request(method, path.replace("{model}", here.spec.name).replace("{version}", "1"))
        for path, method in paths.items()
    }
    open_paths = {path for path, answer in answers.items() if answer.status_code != 401}
    assert open_paths == {path.replace("versions/1", "versions/{version}") for path in HEALTH}


def test_a_body_is_not_read_of_who_may_not_ask(guarded: Callable[..., Site]) -> None:
    here = guarded([{"callers": ["portal"], "models": ["*"]}])
    assert here.client.post("/score", content=b"x" * 2_000_000).status_code == 401


def test_the_caller_stands_in_the_line_of_the_log_and_the_token_does_not(
    guarded: Callable[..., Site], caplog: pytest.LogCaptureFixture
) -> None:
    here = guarded([{"callers": ["portal"], "models": ["*"]}])
    for name, status in (("portal", 200), ("stranger", 403)):
        caplog.clear()
        token = shared(sub=name)
        with caplog.at_level(logging.INFO, "nightshift.serving"):
            found = here.client.post("/score", json={"rows": here.rows(1)}, headers=bearer(token))
            here.client.app.settle()
        (record,) = [each for each in caplog.records if each.name == "nightshift.serving"]
        line = JsonLines().format(record)
        known = json.loads(line)
        assert (found.status_code, known["status"], known["caller"]) == (status, status, name)
        assert not [part for part in token.split(".") if part in line + found.text]
    assert "stranger has no right to ask" in found.json()["error"]


def test_a_server_that_asks_nobody_says_no_caller(site: MakeSite, caplog: pytest.LogCaptureFixture) -> None:
    here = site()
    with caplog.at_level(logging.INFO, "nightshift.serving"):
        found = here.client.post("/score", json={"rows": here.rows(1)}, headers=bearer("nonsense"))
        here.client.app.settle()
    assert found.status_code == 200
    assert "caller" not in json.loads(JsonLines().format(caplog.records[-1]))

"""What OpenAPI says of who may ask is what the server does: tokens where it asks for them, limits where it has any."""

import json
from collections.abc import Callable
from typing import Any

import pytest
import schemathesis

from nightshift.serving.access.rules import AccessRules
from tests.unit.serving.conftest import Site, limited
from tests.unit.serving.signing import AUDIENCE, EVERYBODY, SECRET, bearer, shared

MakeSite = Callable[..., Site]
REFUSALS = {"401", "403", "429"}


@pytest.fixture
def guarded(site: MakeSite, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Site]:
    """``guarded(open=["docs"])``: a server whose callers have tokens."""
    monkeypatch.setenv("TOKEN_SECRET", SECRET)
    jwt = {"algorithms": ["HS256"], "audience": AUDIENCE, "secret_env": "TOKEN_SECRET"}

    def make(**others: Any) -> Site:
        rules = {"format": 1, "jwt": jwt, "rights": EVERYBODY, **others}
        return site(access=AccessRules.model_validate(rules))

    return make


def described(here: Site) -> dict[str, Any]:
    """As a caller with a token gets it, once it is held to the schema of OpenAPI itself."""
    answer = here.client.get("/openapi.json", headers=bearer(shared()))
    assert answer.status_code == 200
    description: dict[str, Any] = answer.json()
    schemathesis.openapi.from_dict(description).validate()
    return description


def operations(description: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    """By method and path."""
    return {
        (method, path): operation
        for path, methods in description["paths"].items()
        for method, operation in methods.items()
    }


def asked(here: Site, method: str, path: str, **headers: str) -> int:
    return here.client.request(method, path.replace("{version}", "1"), json={}, headers=headers).status_code


@pytest.mark.parametrize("is_open", [(), ("metrics",), ("metrics", "docs")])
def test_a_token_is_declared_for_just_the_routes_that_ask_for_one(
    guarded: Callable[..., Site], is_open: tuple[str, ...]
) -> None:
    here = guarded(open=is_open)
    description = described(here)
    assert description["components"]["securitySchemes"] == {
        "token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
    }
    assert "security" not in description
    asking = set()
    for (method, path), operation in operations(description).items():
        if asked(here, method, path) == 401:
            asking.add(path)
            assert operation["security"] == [{"token": []}], path
        else:
            assert "security" not in operation, path
        assert REFUSALS & set(operation["responses"]) == ({"401", "403"} if path in asking else set()), path
    assert {"/score", f"/v2/models/{here.spec.name}", "/metrics"} - asking == ({"/metrics"} if is_open else set())


def test_refusals_are_declared_where_they_can_come(guarded: Callable[..., Site]) -> None:
    """Limits count also who needs no token; health is asked of nobody."""
    here = guarded(open=["metrics"], limits={"requests_per_minute": 1})
    for (method, path), operation in operations(described(here)).items():
        is_health = "health" in path or path.endswith("/ready") or path == "/v2"
        declared = REFUSALS & set(operation["responses"])
        wanted = REFUSALS if "security" in operation else {"429"}
        assert declared == (set() if is_health else wanted), path
        assert list(operation["responses"]) == sorted(operation["responses"])
        token = bearer(shared(sub=f"caller of {method} {path}"))
        again = [asked(here, method, path, **token) for _ in range(2)]
        assert (again[-1] == 429) == (not is_health), path


def test_a_caller_who_may_not_is_refused_as_declared(guarded: Callable[..., Site]) -> None:
    here = guarded(rights=[{"callers": ["*"], "models": ["*"], "may": ["docs"]}])
    statuses = {
        path: asked(here, method, path, **bearer(shared()))
        for (method, path), operation in operations(described(here)).items()
        if "security" in operation
    }
    assert set(statuses.values()) == {403}


def test_limits_without_tokens_declare_429_alone(site: MakeSite) -> None:
    description = described(site(access=limited(requests_per_minute=60)))
    assert "securitySchemes" not in description["components"]
    refusals = {path: REFUSALS & set(each["responses"]) for (_, path), each in operations(description).items()}
    assert refusals["/score"] == refusals["/metrics"] == {"429"}
    assert refusals["/v2/health/live"] == set()
    assert '"security"' not in json.dumps(description)


def test_where_nobody_is_asked_nothing_of_callers_is_declared(site: MakeSite) -> None:
    description = described(site())
    assert "securitySchemes" not in description["components"]
    for path, operation in operations(description).items():
        assert not REFUSALS & set(operation["responses"]), path
        assert "security" not in operation, path
    score = description["paths"]["/score"]["post"]
    assert {"200", "400", "404", "413", "503"} == set(score["responses"])

"""How much a caller may ask: by a real clock, counted in memory, and for whom it counts."""

import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from nightshift.serving.access.counts import CountedWindow, MemoryCounts
from nightshift.serving.access.peers import Peers
from nightshift.serving.access.rules import AccessRules
from tests.unit.serving.conftest import Site, limited
from tests.unit.serving.signing import AUDIENCE, EVERYBODY, SECRET, bearer, shared

MakeSite = Callable[..., Site]


def by_token(**limits: Any) -> AccessRules:
    jwt = {"algorithms": ["HS256"], "audience": AUDIENCE, "secret_env": "TOKEN_SECRET"}
    return AccessRules.model_validate({"format": 1, "jwt": jwt, "rights": EVERYBODY, "limits": limits})


def scored(here: Site, rows: int = 1, **headers: str) -> httpx.Response:
    return here.client.post("/score", json={"rows": here.rows(rows)}, headers=headers)


def test_who_asks_too_often_waits_until_the_window_ends(site: MakeSite) -> None:
    here = site(access=limited(requests_per_second=3))
    began = time.monotonic()
    found = [scored(here) for _ in range(5)]
    assert time.monotonic() - began < 1
    assert [answer.status_code for answer in found] == [200, 200, 200, 429, 429]
    assert found[3].headers["retry-after"] == "1"
    assert found[3].json()["error"] == "a caller may have 3 requests a second, and that was more"
    time.sleep(1)
    assert scored(here).status_code == 200


def test_of_two_windows_the_shorter_and_the_longer_count(site: MakeSite) -> None:
    here = site(access=limited(requests_per_second=2, requests_per_minute=3))
    found = [scored(here).status_code for _ in range(3)]
    time.sleep(1)
    late = scored(here)
    assert (found, late.status_code) == ([200, 200, 429], 429)
    assert 50 <= int(late.headers["retry-after"]) <= 60


def test_rows_are_counted_before_they_are_scored(site: MakeSite) -> None:
    here = site(access=limited(rows_per_minute=50))
    assert scored(here, 20).status_code == 200
    assert scored(here, 30).status_code == 200
    assert scored(here, 1).status_code == 429
    metrics = here.client.get("/metrics").text
    assert "nightshift_serve_rows_total 50.0" in metrics


def test_a_request_that_no_window_would_take_is_too_large(site: MakeSite) -> None:
    here = site(access=limited(rows_per_minute=10))
    found = scored(here, 11)
    assert (found.status_code, "retry-after" in found.headers) == (413, False)
    assert "may have 10 rows a minute, and the request has 11" in found.json()["error"]
    tensors = here.client.post(f"/v2/models/{here.spec.name}/infer", json={"inputs": here.tensors(11)})
    assert tensors.status_code == 413


def test_rows_beside_tensors_do_not_hide_these(site: MakeSite) -> None:
    here = site(access=limited(rows_per_minute=10))
    body = {"rows": [], "inputs": here.tensors(11)}
    assert here.client.post(f"/v2/models/{here.spec.name}/infer", json=body).status_code == 413


def test_a_large_body_is_counted_too(site: MakeSite) -> None:
    here = site(access=limited(rows_per_minute=1_500))
    assert len(here.rows(1)) == 1
    many = {"rows": here.rows(1) * 1_000}
    found = [here.client.post("/score", json=many).status_code for _ in range(2)]
    assert found == [200, 429]


def test_health_is_not_counted(site: MakeSite) -> None:
    here = site(access=limited(requests_per_minute=1))
    assert {here.client.get("/v2/health/ready").status_code for _ in range(5)} == {200}
    assert scored(here).status_code == 200


def test_each_caller_of_a_token_has_a_limit_of_their_own(site: MakeSite, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN_SECRET", SECRET)
    here = site(access=by_token(requests_per_minute=2))
    for name in ("one", "two"):
        headers = bearer(shared(sub=name))
        assert [scored(here, **headers).status_code for _ in range(3)] == [200, 200, 429]
    # Another token of the same caller is the same caller.
    assert scored(here, **bearer(shared(sub="one", jti="other"))).status_code == 429


def test_who_is_refused_for_their_token_uses_up_nobody_s_limit(site: MakeSite, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN_SECRET", SECRET)
    here = site(access=by_token(requests_per_minute=1))
    forged = bearer(shared(key="x" * 40, sub="one"))
    assert {scored(here, **forged).status_code for _ in range(3)} == {401}
    assert scored(here, **bearer(shared(sub="one"))).status_code == 200


@pytest.mark.parametrize(
    ("trusted", "peer", "forwarded", "expected"),
    [
        ((), "203.0.113.7", "", "203.0.113.7"),
        ((), "203.0.113.7", "198.51.100.1", "203.0.113.7"),
        (("10.0.0.0/8",), "203.0.113.7", "198.51.100.1", "203.0.113.7"),
        (("10.0.0.0/8",), "10.0.0.2", "", "10.0.0.2"),
        (("10.0.0.0/8",), "10.0.0.2", "198.51.100.1", "198.51.100.1"),
        (("10.0.0.0/8",), "10.0.0.2", "1.2.3.4, 198.51.100.1, 10.9.9.9", "198.51.100.1"),
        (("10.0.0.0/8",), "10.0.0.2", "1.2.3.4, made up", "10.0.0.2"),
        (("10.0.0.0/8",), "::ffff:10.0.0.2", "198.51.100.1", "198.51.100.1"),
        ((), "2001:db8:1:2:3:4:5:6", "", "2001:db8:1:2::/64"),
        ((), "", "198.51.100.1", "unknown"),
    ],
)
def test_only_a_trusted_proxy_says_whose_address_it_is(
    trusted: tuple[str, ...], peer: str, forwarded: str, expected: str
) -> None:
    rules = limited(trusted, rows_per_minute=1)
    assert Peers(rules.trusted_proxies).name(peer, forwarded.encode()) == expected


def test_who_forwards_made_up_addresses_is_one_caller(site: MakeSite) -> None:
    here = site(access=limited(requests_per_minute=2))
    found = [scored(here, **{"x-forwarded-for": f"198.51.100.{place}"}).status_code for place in range(3)]
    assert found == [200, 200, 429]


def test_many_callers_take_bounded_memory_and_who_asks_now_is_not_forgotten() -> None:
    counts = MemoryCounts(most=100)
    for number in range(10_000):
        counts.add([CountedWindow(f"caller {number}", 60)], 1)
        counts.add([CountedWindow("busy", 60)], 1)
    assert len(counts._known) <= 100
    ((spent, seconds),) = counts.add([CountedWindow("busy", 60)], 1)
    assert spent == 10_001
    assert 0 < seconds <= 60

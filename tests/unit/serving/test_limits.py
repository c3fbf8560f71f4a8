"""How much a caller may ask: by a real clock, in memory and in a real Redis, and for whom it counts."""

import asyncio
import contextlib
import logging
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from nightshift.errors import UsageError
from nightshift.serving.access.counts import CountedWindow, MemoryCounts
from nightshift.serving.access.guard import guard_of
from nightshift.serving.access.peers import Peers
from nightshift.serving.access.rules import AccessRules
from nightshift.stack import Ports
from tests.unit.serving.conftest import Site
from tests.unit.serving.signing import AUDIENCE, EVERYBODY, SECRET, bearer, shared

MakeSite = Callable[..., Site]
REDIS_PASSWORD = "a-word-that-nobody-sees"


def limited(trusted: tuple[str, ...] = (), **limits: Any) -> AccessRules:
    """Of callers without tokens."""
    return AccessRules.model_validate({"format": 1, "limits": limits, "trusted_proxies": trusted})


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


# Redis


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator["RedisServer"]:
    """A real one, where its program is installed."""
    if shutil.which("redis-server") is None:
        pytest.skip("redis-server is not installed")
    server = RedisServer(Ports.free().s3, tmp_path_factory.mktemp("redis"))
    server.start()
    yield server
    server.stop()


class RedisServer:
    """A process of it, without a file that outlives it."""

    def __init__(self, port: int, folder: Path) -> None:
        self.port = port
        self.url = f"redis://:{REDIS_PASSWORD}@127.0.0.1:{port}/0"
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        words = ["--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--requirepass", REDIS_PASSWORD]
        self._process = subprocess.Popen(["redis-server", *words], cwd=self._folder, stdout=subprocess.DEVNULL)
        until = time.monotonic() + 10
        while time.monotonic() < until:
            try:
                socket.create_connection(("127.0.0.1", self.port)).close()
                return
            except ConnectionRefusedError:
                time.sleep(0.02)
        raise AssertionError("it does not listen")

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait()
            self._process = None


def together(work: Callable[[list[httpx.AsyncClient]], Awaitable[Any]], *here: Site) -> Any:
    """Ask several servers, in the one loop that their connections to Redis belong to."""

    async def run() -> Any:
        doors: list[Any] = [each.client.app for each in here]
        clients = [httpx.AsyncClient(transport=httpx.ASGITransport(door), base_url="http://x") for door in doors]
        try:
            return await work(clients)
        finally:
            for door in doors:
                await door._guard._limits._counts._redis.aclose()

    return asyncio.run(run())


def by_memory(here: Site) -> int:
    """How often Redis should have counted, as the server's figures have it."""
    guard: Any = here.client.app
    (failures, counted) = guard._guard.collect()
    (sample,) = counted.samples
    assert (failures.name, counted.name) == ("nightshift_serve_key_failures", "nightshift_serve_limits_by_memory")
    return int(sample.value)


def test_several_servers_share_what_redis_counts(
    site: MakeSite, redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LIMITS_REDIS", redis.url)
    rules = limited(requests_per_minute=6, requests_per_second=6, rows_per_minute=5, redis_env="LIMITS_REDIS")
    one, two = site(access=rules), site(access=rules)

    async def ask(clients: list[httpx.AsyncClient]) -> list[int]:
        body = {"rows": one.rows(1)}
        answers = [await clients[place % 2].post("/score", json=body) for place in range(7)]
        assert answers[5].json()["error"] == "a caller may have 5 rows a minute, and that was more"
        assert 50 <= int(answers[5].headers["retry-after"]) <= 60
        return [answer.status_code for answer in answers]

    assert together(ask, one, two) == [200] * 5 + [429] * 2
    assert by_memory(one) == 0


def test_while_redis_is_away_each_server_counts_and_says_so_once(
    site: MakeSite, redis: RedisServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("nightshift.serving.access.counts.SECONDS_AWAY", 0.2)
    monkeypatch.setenv("LIMITS_REDIS", redis.url)
    here = site(access=limited(requests_per_minute=3, redis_env="LIMITS_REDIS"))
    body = {"rows": here.rows(1)}

    async def ask(clients: list[httpx.AsyncClient]) -> list[int]:
        (client,) = clients
        redis.stop()
        statuses = [(await client.post("/score", json=body)).status_code for _ in range(5)]
        assert by_memory(here) == 5
        redis.start()
        await asyncio.sleep(0.2)
        # It begins with nothing counted.
        return [*statuses, (await client.post("/score", json=body)).status_code]

    with caplog.at_level(logging.INFO, "nightshift.serving"):
        assert together(ask, here) == [200, 200, 200, 429, 429, 200]
    told = [record.message for record in caplog.records if "Redis" in record.message]
    assert [text.partition(":")[0].split(" (")[0] for text in told] == ["Redis is away", "Redis is back"]
    assert REDIS_PASSWORD not in caplog.text


def test_a_redis_that_refuses_is_one_that_is_away_and_its_address_is_shown_nowhere(
    site: MakeSite, redis: RedisServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("LIMITS_REDIS", redis.url.replace(REDIS_PASSWORD, "another-word-of-somebody"))
    here = site(access=limited(requests_per_minute=1, redis_env="LIMITS_REDIS"))

    async def ask(clients: list[httpx.AsyncClient]) -> list[int]:
        return [(await clients[0].post("/score", json={"rows": here.rows(1)})).status_code for _ in range(2)]

    assert together(ask, here) == [200, 429]
    assert "Redis is away (AuthenticationError)" in caplog.text
    assert "another-word-of-somebody" not in caplog.text


def test_a_redis_that_does_not_answer_is_not_waited_for_by_each_request(
    site: MakeSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nightshift.serving.access.counts.SECONDS_AWAY", 600)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("LIMITS_REDIS", f"redis://127.0.0.1:{silent.getsockname()[1]}/0")
        here = site(access=limited(requests_per_minute=5, redis_env="LIMITS_REDIS"))

        async def ask(clients: list[httpx.AsyncClient]) -> list[int]:
            body = {"rows": here.rows(1)}
            return [(await clients[0].post("/score", json=body)).status_code for _ in range(4)]

        assert together(ask, here) == [200] * 4
        assert by_memory(here) == 4
        silent.setblocking(False)
        tries = 0
        with contextlib.suppress(BlockingIOError):
            while True:
                silent.accept()[0].close()
                tries += 1
    # The first request tried it, once more when that was in vain, and no other did.
    assert 1 <= tries <= 2


@pytest.mark.parametrize(
    ("value", "words"), [("", "LIMITS_REDIS is not set"), ("cache:word", "is no address of Redis")]
)
def test_an_address_of_redis_that_will_not_do_is_one_error_without_it(
    value: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LIMITS_REDIS", value)
    with pytest.raises(UsageError) as error:
        guard_of(limited(requests_per_minute=1, redis_env="LIMITS_REDIS"), "m")
    assert words in str(error.value)
    assert not value or value not in str(error.value)
    assert os.environ["LIMITS_REDIS"] == value

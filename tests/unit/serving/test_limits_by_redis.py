"""Limits that servers count together in a real Redis, and each by itself while it is away."""

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
from nightshift.serving.access.guard import guard_of
from nightshift.stack import Ports
from tests.unit.serving.conftest import Site, limited

MakeSite = Callable[..., Site]
REDIS_PASSWORD = "a-word-that-nobody-sees"


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

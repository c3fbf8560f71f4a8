"""Guesses wait in a line; who was right before does not wait behind them."""

import asyncio
import time
from typing import Any

from nightshift.logins import MOST_WAITING, SlowedLogins, header

WRONG_SECONDS = 0.05


async def door(scope: Any, receive: Any, send: Any) -> None:
    """An app that knows one password."""
    status = 200 if header(scope, b"authorization") == b"right" else 401
    await send({"type": "http.response.start", "status": status, "headers": []})
    await send({"type": "http.response.body", "body": b""})


async def ask(app: Any, password: bytes | None) -> int:
    statuses = []

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    headers = [] if password is None else [(b"authorization", password)]
    await app({"type": "http", "method": "GET", "path": "/", "headers": headers}, None, send)
    return statuses[0]


def slowed(wrong_seconds: float = WRONG_SECONDS) -> SlowedLogins:
    return SlowedLogins(door, lambda scope: header(scope, b"authorization"), wrong_seconds)


def test_guesses_are_made_one_at_a_time() -> None:
    async def guess() -> tuple[list[int], float]:
        app = slowed()
        began = time.monotonic()
        statuses = await asyncio.gather(*[ask(app, b"%d" % guess) for guess in range(10)])
        return statuses, time.monotonic() - began

    statuses, seconds = asyncio.run(guess())
    assert statuses == [401] * 10
    assert seconds >= 10 * WRONG_SECONDS


def test_who_was_right_before_does_not_wait_behind_guesses() -> None:
    async def guess() -> tuple[int, float]:
        app = slowed(wrong_seconds=1.0)
        assert await ask(app, b"right") == 200
        guesses = [asyncio.create_task(ask(app, b"%d" % guess)) for guess in range(3)]
        await asyncio.sleep(0)
        began = time.monotonic()
        status = await ask(app, b"right")
        seconds = time.monotonic() - began
        for one in guesses:
            one.cancel()
        await asyncio.gather(*guesses, return_exceptions=True)
        return status, seconds

    status, seconds = asyncio.run(guess())
    assert status == 200
    assert seconds < 0.5


def test_a_crowd_of_guesses_is_turned_away() -> None:
    async def guess() -> list[int]:
        app = slowed()
        return await asyncio.gather(*[ask(app, b"%d" % guess) for guess in range(MOST_WAITING + 5)])

    statuses = asyncio.run(guess())
    assert statuses.count(429) == 5
    assert statuses.count(401) == MOST_WAITING


def test_credentials_in_a_body_are_never_taken_for_known() -> None:
    async def guess() -> float:
        app = SlowedLogins(door, lambda _: b"", WRONG_SECONDS)
        assert await ask(app, b"right") == 200
        began = time.monotonic()
        assert await asyncio.gather(*[ask(app, b"wrong") for _ in range(4)]) == [401] * 4
        return time.monotonic() - began

    assert asyncio.run(guess()) >= 4 * WRONG_SECONDS


def test_what_tries_nothing_is_let_through_at_once() -> None:
    assert asyncio.run(ask(SlowedLogins(door, lambda _: None), b"right")) == 200

"""The keys that tokens are tried by: one secret, or the public keys of who signs, which change while a server runs."""

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Any, Protocol

from jwt import PyJWK
from jwt.exceptions import PyJWTError

from nightshift.errors import plain
from nightshift.serving.access.jwks import KnownKeys, keys_of
from nightshift.serving.access.rules import JwtRules
from nightshift.serving.refusal import Refusal

log = logging.getLogger("nightshift.serving")
FETCH_SECONDS = 5.0
NEVER = float("-inf")


class TokenKeys(Protocol):
    """Where a token's key comes from."""

    async def key(self, kid: str | None, algorithm: str) -> Any:
        """Raises ``Refusal`` where there is none."""


class SharedSecret:
    """The one secret; which key a token names is not looked at."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    async def key(self, kid: str | None, algorithm: str) -> bytes:
        """Always the same."""
        return self._secret


class KeySet:
    """A JWKS that is asked again when a token names a key that it lacks, at most every ``refetch`` seconds.

    ``read`` waits for it, and is called in a thread. Where it fails, the keys that were there stay.
    """

    def __init__(self, read: Callable[[], bytes], rules: JwtRules) -> None:
        self.failures = 0
        self._read = read
        self._rules = rules
        self._keys: KnownKeys = {}
        self._asked = NEVER
        self._had = NEVER
        self._under_way: asyncio.Task[None] | None = None
        self._problem = ""

    def begin(self) -> None:
        """Read them for the first time, before there is a loop. Raises ``OSError``, ``ValueError``, ``PyJWTError``."""
        self._asked = time.monotonic()
        self._take(self._read())

    async def key(self, kid: str | None, algorithm: str) -> PyJWK:
        """The key of a token's header. Raises ``Refusal``: 401 for a key that is not known, 503 while none is."""
        key = self._known(kid, algorithm)
        if key is None:
            await self._asked_again()
            key = self._known(kid, algorithm)
        elif time.monotonic() - self._had > self._rules.lifetime and not self._was_asked:
            # A key may have been taken back; who asks now does not wait for it.
            self._ask()
        if key is not None:
            return key
        if not self._keys:
            raise Refusal(503, "the keys that tokens are tried by could not be had yet", retry_after=10)
        raise Refusal(401, "the token is signed by a key that is not known here")

    @property
    def _was_asked(self) -> bool:
        """Whether it was a moment ago: made up names of keys cost no request each."""
        return time.monotonic() - self._asked < self._rules.refetch

    def _take(self, body: bytes) -> None:
        self._keys = keys_of(body, self._rules.algorithms)
        self._had = time.monotonic()
        self._problem = ""

    def _known(self, kid: str | None, algorithm: str) -> PyJWK | None:
        if kid is not None:
            return self._keys.get((kid, algorithm))
        # A token that names no key can only be of the one that there is.
        alone = [key for (_, name), key in self._keys.items() if name == algorithm]
        return alone[0] if len(alone) == 1 else None

    async def _asked_again(self) -> None:
        """Wait for who asks already, or ask."""
        if self._under_way is None and self._was_asked:
            return
        # A caller who goes away does not end it for the others.
        await asyncio.shield(self._ask())

    def _ask(self) -> "asyncio.Task[None]":
        if self._under_way is None:
            self._asked = time.monotonic()
            self._under_way = asyncio.get_running_loop().create_task(self._replace())
        return self._under_way

    async def _replace(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(FETCH_SECONDS):
                body = await loop.run_in_executor(None, self._read)
            self._take(body)
        except (OSError, ValueError, PyJWTError) as error:
            self.note(error)
        finally:
            self._under_way = None

    def note(self, error: Exception) -> None:
        """That they could not be had: in the log once for each problem."""
        self.failures += 1
        problem = plain(f"{type(error).__name__}: {error}")
        if problem != self._problem:
            log.warning("the keys that tokens are tried by could not be had; those that are known stay: %s", problem)
        self._problem = problem

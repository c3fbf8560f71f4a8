"""What stands before the routes of a server that asks who is there."""

from pathlib import Path
from typing import Any

from jwt.exceptions import PyJWTError
from prometheus_client.core import CounterMetricFamily

from nightshift.errors import UsageError
from nightshift.serving.access.jwks import of_file, of_url
from nightshift.serving.access.keys import KeySet, SharedSecret, TokenKeys
from nightshift.serving.access.limits import CallerLimits, limits_of
from nightshift.serving.access.peers import Peers
from nightshift.serving.access.rules import AccessRules, JwtRules, Use
from nightshift.serving.access.secrets import read_secret
from nightshift.serving.access.tokens import Caller, Tokens
from nightshift.serving.access.uses import use_of
from nightshift.serving.exchange import Exchange
from nightshift.serving.refusal import Refusal


class Guard:
    """Who may ask for a model: who they are, whether they have the right, and whether they asked too much."""

    def __init__(
        self, model: str, rules: AccessRules, keys: TokenKeys | None = None, limits: CallerLimits | None = None
    ) -> None:
        self._model = model
        self._rights = [right for right in rules.rights if right.covers(model)]
        self._open = frozenset(rules.open)
        self._peers = Peers(rules.trusted_proxies)
        self._keys = keys
        self._tokens = Tokens(rules.jwt, keys) if rules.jwt is not None and keys is not None else None
        self._limits = limits

    async def admit(self, exchange: Exchange) -> None:
        """Say in the exchange who asks. Raises ``Refusal``: 401 for nobody, 403 without the right, 429, 503."""
        use = use_of(exchange.route)
        if use is None:
            return
        caller = await self._caller(exchange, use)
        exchange.caller = caller.name
        if self._limits is not None:
            await self._limits.spend(caller.name, "requests")

    async def charge(self, exchange: Exchange, rows: int) -> None:
        """Before rows are scored. Raises ``Refusal``: 429, or 413 where they are more than anybody has."""
        if self._limits is not None:
            await self._limits.spend(exchange.caller, "rows", rows)

    async def _caller(self, exchange: Exchange, use: Use) -> Caller:
        if self._tokens is None or use in self._open:
            forwarded = exchange.headers.get(b"x-forwarded-for", b"")
            return Caller(self._peers.name(exchange.peer, forwarded))
        caller = await self._tokens.caller(exchange.headers.get(b"authorization", b""))
        if not any(use in right.may and right.names(caller.name, caller.roles) for right in self._rights):
            exchange.caller = caller.name
            raise Refusal(403, f"{caller.name} has no right to ask {self._model} for this: {use}")
        return caller

    def collect(self) -> list[Any]:
        """Its figures, as a registry of Prometheus asks for them."""
        failures = self._keys.failures if isinstance(self._keys, KeySet) else 0
        by_memory = self._limits.by_memory if self._limits is not None else 0
        of_keys = "Times that the keys of tokens could not be had."
        of_limits = "Requests that Redis should have counted, and was away."
        return [
            CounterMetricFamily("nightshift_serve_key_failures", of_keys, failures),
            CounterMetricFamily("nightshift_serve_limits_by_memory", of_limits, by_memory),
        ]


def guard_of(rules: AccessRules, model: str) -> Guard:
    """Raises ``UsageError`` for a secret, a file of keys or an address that is missing or will not do."""
    keys = _keys_of(rules.jwt) if rules.jwt is not None else None
    limits = limits_of(rules.limits, model) if rules.limits is not None else None
    return Guard(model, rules, keys, limits)


def _keys_of(rules: JwtRules) -> TokenKeys:
    if rules.keys_file is not None:
        return _keys_in(rules.keys_file, rules)
    if rules.keys_url is not None:
        return _keys_at(rules.keys_url, rules)
    return SharedSecret(read_secret(rules))


def _keys_in(file: Path, rules: JwtRules) -> KeySet:
    keys = KeySet(of_file(file), rules)
    try:
        keys.begin()
    except (OSError, ValueError, PyJWTError) as error:
        raise UsageError(
            f"{file} has no keys that tokens could be tried by: {error}",
            fix="jwt.keys_file names a JWKS with public keys for jwt.algorithms",
        ) from None
    return keys


def _keys_at(url: str, rules: JwtRules) -> KeySet:
    keys = KeySet(of_url(url), rules)
    try:
        keys.begin()
    except (OSError, ValueError, PyJWTError) as error:
        # Who signs may come later than this server, which answers 503 until then.
        keys.note(error)
    return keys

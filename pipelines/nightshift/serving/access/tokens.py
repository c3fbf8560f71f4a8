"""Tokens, and who they say is asking. What is wrong with one is said without a word of it."""

import hashlib
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jwt
from cachetools import LRUCache
from jwt.exceptions import (
    DecodeError,
    ExpiredSignatureError,
    ImmatureSignatureError,
    InvalidAudienceError,
    InvalidIssuerError,
    InvalidSignatureError,
    MissingRequiredClaimError,
    PyJWTError,
)

from nightshift.errors import plain
from nightshift.serving.access.keys import TokenKeys
from nightshift.serving.access.rules import JwtRules
from nightshift.serving.refusal import Refusal

SCHEME = b"bearer "
MOST_KNOWN = 10_000
MOST_NAME = 256
MOST_ROLES = 1_000
SENTENCES: tuple[tuple[type[PyJWTError], str], ...] = (
    (ExpiredSignatureError, "the token has expired"),
    (ImmatureSignatureError, "the token is not valid yet"),
    (InvalidAudienceError, "the token is for another audience"),
    (InvalidIssuerError, "the token is of another issuer"),
    (InvalidSignatureError, "the token's signature is not right"),
    (DecodeError, "the token is no JWT"),
)
"""The first that fits."""


@dataclass(frozen=True)
class Caller:
    """Who asks: ``sub`` of a token, or an address."""

    name: str
    roles: frozenset[str] = frozenset()


@dataclass(frozen=True)
class _Tried:
    """What a token was found to be: by which key, which it still has to be, and until when."""

    caller: Caller
    kid: str | None
    algorithm: str
    key: Any
    ends: float


class Tokens:
    """Tries tokens: by algorithms that are fixed, for one audience, with an end.

    To try a signature takes longer than to score a row, and a token comes again and again: what was found good is
    remembered, by the digest of the token, until it ends or its key is another.
    """

    def __init__(self, rules: JwtRules, keys: TokenKeys) -> None:
        self._rules = rules
        self._keys = keys
        required = ["exp", "aud", "sub", *(["iss"] if rules.issuer is not None else [])]
        self._options: Any = {"require": required, "enforce_minimum_key_length": True}
        self._known: LRUCache[bytes, _Tried] = LRUCache(MOST_KNOWN)

    async def caller(self, authorization: bytes) -> Caller:
        """Whose token the header has. Raises ``Refusal``: 401 for what is wrong with it."""
        token = self._token(authorization)
        digest = hashlib.sha256(token).digest()
        tried = self._known.get(digest)
        if tried is None or not await self._is_good(tried):
            tried = await self._tried(token)
            self._known[digest] = tried
        return tried.caller

    async def _is_good(self, tried: _Tried) -> bool:
        key = await self._keys.key(tried.kid, tried.algorithm)
        return key is tried.key and time.time() < tried.ends  # noqa: TID251 a token ends by the clock of who signed it

    async def _tried(self, token: bytes) -> _Tried:
        rules = self._rules
        try:
            header = jwt.get_unverified_header(token)
            kid = header.get("kid")
            algorithm = header.get("alg")
            if algorithm not in rules.algorithms:
                raise Refusal(401, f"the token's algorithm is none of {', '.join(rules.algorithms)}")
            key = await self._keys.key(kid, algorithm)
            claims = self._claims(token, key)
        except PyJWTError as error:
            raise Refusal(401, _sentence(error)) from None
        caller = Caller(_name(claims), _roles(claims, rules.roles_claim))
        return _Tried(caller, kid, algorithm, key, int(claims["exp"]) + rules.leeway)

    def _token(self, authorization: bytes) -> bytes:
        if not authorization:
            raise Refusal(401, "this needs a token: send it as Authorization: Bearer TOKEN")
        token = authorization[len(SCHEME) :].strip()
        if not token or authorization[: len(SCHEME)].lower() != SCHEME:
            raise Refusal(401, "Authorization has no token: it must be Bearer TOKEN")
        if len(token) > self._rules.max_bytes:
            raise Refusal(401, f"the token has more than {self._rules.max_bytes:,} bytes")
        return token

    def _claims(self, token: bytes, key: Any) -> Mapping[str, Any]:
        """Raises ``PyJWTError``."""
        rules = self._rules
        return jwt.decode(
            token,
            key,
            algorithms=rules.algorithms,
            audience=rules.audience,
            issuer=rules.issuer,
            leeway=rules.leeway,
            options=self._options,
        )


def _sentence(error: PyJWTError) -> str:
    if isinstance(error, MissingRequiredClaimError):
        return f"the token lacks {error.claim}"
    for kind, sentence in SENTENCES:
        if isinstance(error, kind):
            return sentence
    return "the token is not valid"


def _name(claims: Mapping[str, Any]) -> str:
    """Stands in the log, and is what is counted by. Raises ``Refusal``."""
    name = claims["sub"]
    if not name or len(name) > MOST_NAME or plain(name, kept="") != name:
        raise Refusal(401, f"the token's sub must have 1 to {MOST_NAME} characters that a log may show")
    return str(name)


def _roles(claims: Mapping[str, Any], claim: str | tuple[str, ...]) -> frozenset[str]:
    """A list of texts, or one text with blanks between them, as ``scope`` is; what is neither gives no role."""
    value: Any = claims
    for name in (claim,) if isinstance(claim, str) else claim:
        value = value.get(name) if isinstance(value, Mapping) else None
    if isinstance(value, str):
        value = value.split()
    if not isinstance(value, list):
        return frozenset()
    return frozenset(role for role in value[:MOST_ROLES] if isinstance(role, str))

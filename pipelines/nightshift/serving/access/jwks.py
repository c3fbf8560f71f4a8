"""A JWKS as bytes, from a file or a URL, and the keys in it that sign with what is allowed."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import requests
from jwt import PyJWK
from jwt.exceptions import PyJWTError

MOST_BYTES = 256 * 1024
MOST_KEYS = 100
SECONDS = 3.0
"""For each answer of a server; ``KeySet`` bounds the whole."""
KnownKeys: TypeAlias = dict[tuple[str | None, str], PyJWK]
"""By the name of a key, and by the algorithm that it is for."""
KINDS = {"RS": "RSA", "PS": "RSA", "ES": "EC", "Ed": "OKP"}
"""The kind of key that algorithms with this beginning take."""


def of_file(path: Path) -> Callable[[], bytes]:
    """Reads it. What it gives raises ``OSError``."""

    def read() -> bytes:
        with path.open("rb") as file:
            return file.read(MOST_BYTES + 1)

    return read


def of_url(url: str) -> Callable[[], bytes]:
    """Fetches it, and follows it nowhere else. What it gives raises ``OSError``."""

    def fetch() -> bytes:
        with requests.get(url, timeout=SECONDS, stream=True, allow_redirects=False) as response:
            if response.status_code != requests.codes.ok:
                raise OSError(f"{url} answers {response.status_code}")
            return response.raw.read(MOST_BYTES + 1, decode_content=True) or b""

    return fetch


def keys_of(body: bytes, algorithms: tuple[str, ...]) -> KnownKeys:
    """Those that are for signatures by one of the algorithms; secrets among them are left out.

    Raises ``ValueError`` for what is no JWKS, or has no such key.
    """
    if len(body) > MOST_BYTES:
        raise ValueError(f"the keys have more than {MOST_BYTES:,} bytes")
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        raise ValueError("the keys are no JSON") from None
    listed = content.get("keys") if isinstance(content, dict) else None
    if not isinstance(listed, list):
        raise ValueError('the keys are no JWKS: {"keys": [...]}')
    known: KnownKeys = {}
    for data in listed[:MOST_KEYS]:
        if isinstance(data, dict) and data.get("use", "sig") == "sig":
            known |= _keys_of_one(data, algorithms)
    if not known:
        raise ValueError(f"the keys have none for {', '.join(algorithms)}")
    return known


def _keys_of_one(data: dict[str, Any], algorithms: tuple[str, ...]) -> KnownKeys:
    """One that does not say its algorithm is for each that takes such a key."""
    keys: KnownKeys = {}
    kid = data.get("kid")
    for algorithm in algorithms:
        is_for_it = data.get("alg", algorithm) == algorithm and data.get("kty") == KINDS.get(algorithm[:2])
        if not is_for_it or not isinstance(kid, str | None):
            continue
        try:
            keys[kid, algorithm] = PyJWK(data, algorithm)
        except PyJWTError:
            # Of another curve, or no key at all: the others of the set still count.
            continue
    return keys

"""Who signs tokens in a test: real keys, real tokens, and a small server that gives the public keys away."""

import base64
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from nightshift.serving.access.rules import AccessRules
from tests.unit.serving.conftest import Site

AUDIENCE = "nightshift"
SECRET = "a secret of tokens that is long enough to sign"
EVERYBODY = [{"callers": ["*"], "models": ["*"], "may": ["score", "metrics", "docs"]}]


def claims(**others: Any) -> dict[str, Any]:
    """Those of a good token; one that is None is left out."""
    given = {"sub": "portal", "aud": AUDIENCE, "exp": time.time() + 3600, **others}
    return {name: value for name, value in given.items() if value is not None}


def shared(algorithm: str = "HS256", key: str = SECRET, **others: Any) -> str:
    """A token that is signed with a secret."""
    return jwt.encode(claims(**others), key, algorithm)


def unsigned(header: dict[str, Any], **others: Any) -> str:
    """A token with this header, and nothing where the signature stands."""
    parts = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in (header, claims(**others))]
    return b".".join([*parts, b""]).decode()


def bearer(token: str) -> dict[str, str]:
    """The header that a caller sends."""
    return {"authorization": f"Bearer {token}"}


def token_rules(rights: Any = EVERYBODY, **jwt_rules: Any) -> AccessRules:
    """Rules for callers with tokens."""
    given = {"audience": AUDIENCE, **jwt_rules}
    return AccessRules.model_validate({"format": 1, "jwt": given, "rights": rights})


def asked(here: Site, token: str | None = None, authorization: str | None = None) -> tuple[int, str]:
    """The status, and what the answer says where it is an error."""
    headers = bearer(token) if token is not None else {}
    if authorization is not None:
        headers = {"authorization": authorization}
    found = here.client.post("/score", json={"rows": here.rows(1)}, headers=headers)
    assert (found.status_code == 401) == (found.headers.get("www-authenticate") == "Bearer")
    return found.status_code, found.json().get("error", "")


@cache
def _rsa_key(number: int) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


@cache
def _ec_key(number: int) -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def rsa_key(number: int = 0) -> rsa.RSAPrivateKey:
    """One of several, each made once: that takes long."""
    return _rsa_key(number)


def ec_key(number: int = 0) -> ec.EllipticCurvePrivateKey:
    """One of several."""
    return _ec_key(number)


def signed(kid: str | None = "a", algorithm: str = "ES256", key: Any = None, **others: Any) -> str:
    """A token that is signed with a private key."""
    headers = {} if kid is None else {"kid": kid}
    return jwt.encode(claims(**others), key or ec_key(), algorithm, headers)


def public(key: Any, kid: str | None = "a", **others: Any) -> dict[str, Any]:
    """A private key's public half, as a JWKS has it."""
    kind = RSAAlgorithm if isinstance(key, rsa.RSAPrivateKey) else ECAlgorithm
    data: dict[str, Any] = kind.to_jwk(key.public_key(), as_dict=True)
    return data | ({} if kid is None else {"kid": kid}) | others


def jwks(*keys: dict[str, Any]) -> bytes:
    """As bytes."""
    return json.dumps({"keys": keys}).encode()


@dataclass
class KeyServer:
    """What a server of keys answers, and how often it was asked."""

    body: bytes
    status: int = 200
    asked: int = 0
    url: str = ""
    headers: dict[str, str] = field(default_factory=dict)


@contextmanager
def key_server(body: bytes) -> Iterator[KeyServer]:
    """One that runs, on this machine."""
    given = KeyServer(body)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            given.asked += 1
            self.send_response(given.status)
            self.send_header("Content-Length", str(len(given.body)))
            for name, value in given.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(given.body)

        def log_message(self, *_: Any) -> None:
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    given.url = f"http://127.0.0.1:{http.server_port}/keys"
    try:
        yield given
    finally:
        http.shutdown()
        thread.join()
        http.server_close()

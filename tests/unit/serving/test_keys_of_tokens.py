"""Tokens that are signed with private keys, and the public ones they are tried by: known, fetched, away, taken back."""

import base64
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.unit.serving.conftest import Site
from tests.unit.serving.signing import (
    asked,
    bearer,
    ec_key,
    jwks,
    key_server,
    public,
    rsa_key,
    signed,
    token_rules,
    unsigned,
)

MakeSite = Callable[..., Site]


@pytest.fixture
def by_keys(site: MakeSite, tmp_path: Path) -> Site:
    """One of callers whose tokens are signed with one of two private keys."""
    file = tmp_path / "keys.json"
    file.write_bytes(jwks(public(rsa_key(), "rsa"), public(ec_key(), "a")))
    return site(access=token_rules(algorithms=["RS256", "PS256", "ES256"], keys_file=str(file)))


@pytest.mark.parametrize(
    ("kid", "algorithm", "key"), [("rsa", "RS256", rsa_key), ("rsa", "PS256", rsa_key), ("a", "ES256", ec_key)]
)
def test_a_token_of_each_kind_of_key_is_accepted(
    by_keys: Site, kid: str, algorithm: str, key: Callable[[], Any]
) -> None:
    assert asked(by_keys, signed(kid, algorithm, key())) == (200, "")


def test_a_public_key_is_no_secret_to_sign_with(by_keys: Site) -> None:
    """An attacker signs with what is public, and says that it is HMAC's secret."""
    pem = rsa_key().public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    # PyJWT itself would not sign so.
    head, body, _ = unsigned({"alg": "HS256", "kid": "rsa"}).split(".")
    signature = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256).sign(f"{head}.{body}".encode(), pem)
    forged = f"{head}.{body}." + base64.urlsafe_b64encode(signature).rstrip(b"=").decode()
    assert asked(by_keys, forged) == (401, "the token's algorithm is none of RS256, PS256, ES256")


@pytest.mark.parametrize(
    ("token", "words"),
    [
        (lambda: signed("rsa", "RS256", rsa_key(1)), "signature is not right"),
        (lambda: signed("a", "ES256", ec_key(1)), "signature is not right"),
        # The name of one key, and the algorithm of the other.
        (lambda: signed("a", "RS256", rsa_key()), "signed by a key that is not known here"),
        (lambda: signed("rsa", "ES256", ec_key()), "signed by a key that is not known here"),
        (lambda: signed("b", "ES256", ec_key()), "signed by a key that is not known here"),
    ],
)
def test_a_token_of_another_key_is_refused(by_keys: Site, token: Callable[[], str], words: str) -> None:
    status, message = asked(by_keys, token())
    assert (status, words in message) == (401, True), message


def test_a_token_that_names_no_key_can_be_of_the_only_one(by_keys: Site) -> None:
    assert asked(by_keys, signed(None, "ES256"))[0] == 200


def test_a_key_of_too_few_bits_is_not_accepted(site: MakeSite, tmp_path: Path) -> None:
    from cryptography.hazmat.primitives.asymmetric import rsa

    weak = rsa.generate_private_key(65537, 1024)
    file = tmp_path / "keys.json"
    file.write_bytes(jwks(public(weak)))
    here = site(access=token_rules(algorithms=["RS256"], keys_file=str(file)))
    with pytest.warns(jwt.InsecureKeyLengthWarning):
        token = signed("a", "RS256", weak)
    assert asked(here, token) == (401, "the token is not valid")


def test_a_key_that_comes_while_the_server_runs_is_fetched_and_one_that_goes_is_forgotten(site: MakeSite) -> None:
    with key_server(jwks(public(ec_key(), "a"))) as server:
        here = site(access=token_rules(algorithms=["ES256"], keys_url=server.url, refetch=0.3))
        assert asked(here, signed("a"))[0] == 200
        assert asked(here, signed("b", key=ec_key(1)))[0] == 401
        server.body = jwks(public(ec_key(1), "b"))
        time.sleep(0.3)
        assert asked(here, signed("b", key=ec_key(1)))[0] == 200
        assert asked(here, signed("a"))[0] == 401


def test_made_up_keys_do_not_make_the_server_ask_each_time(site: MakeSite) -> None:
    with key_server(jwks(public(ec_key(), "a"))) as server:
        here = site(access=token_rules(algorithms=["ES256"], keys_url=server.url, refetch=30))
        for number in range(20):
            assert asked(here, signed(f"made up {number}"))[0] == 401
        assert server.asked == 1
        assert asked(here, signed("a"))[0] == 200


@pytest.mark.parametrize("is_gone", [True, False])
def test_keys_stay_while_their_server_is_away(site: MakeSite, is_gone: bool, caplog: pytest.LogCaptureFixture) -> None:
    with key_server(jwks(public(ec_key(), "a"))) as server:
        here = site(access=token_rules(algorithms=["ES256"], keys_url=server.url, refetch=0.1))
        server.status = 500
        if not is_gone:
            _asks_in_vain(here, caplog)
    if is_gone:
        _asks_in_vain(here, caplog)


def _asks_in_vain(here: Site, caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(2):
        time.sleep(0.1)
        assert asked(here, signed("b", key=ec_key(1)))[0] == 401
    assert asked(here, signed("a"))[0] == 200
    told = [record.message for record in caplog.records if "could not be had" in record.message]
    assert len(told) == 1
    figures = here.client.get("/metrics", headers=bearer(signed("a"))).text
    assert "nightshift_serve_key_failures_total 2.0" in figures


def test_keys_that_are_away_at_the_start_are_had_later(site: MakeSite) -> None:
    with key_server(jwks(public(ec_key(), "a"))) as server:
        server.status = 503
        here = site(access=token_rules(algorithms=["ES256"], keys_url=server.url, refetch=0.1))
        status, message = asked(here, signed("a"))
        assert (status, "could not be had yet" in message) == (503, True)
        assert here.client.get("/v2/health/ready").status_code == 200
        server.status = 200
        time.sleep(0.1)
        assert asked(here, signed("a"))[0] == 200


def test_a_server_of_keys_that_sends_elsewhere_is_not_followed(site: MakeSite) -> None:
    with key_server(jwks(public(ec_key(1), "a"))) as other, key_server(b"") as server:
        server.status, server.headers = 302, {"Location": other.url}
        here = site(access=token_rules(algorithms=["ES256"], keys_url=server.url))
        assert asked(here, signed("a", key=ec_key(1)))[0] == 503
        assert other.asked == 0


def test_keys_that_were_taken_back_count_no_longer_than_their_lifetime(site: MakeSite) -> None:
    with key_server(jwks(public(ec_key(), "a"))) as server:
        # A client whose loop goes on between its requests: who asks does not wait for the keys.
        here = site(access=token_rules(algorithms=["ES256"], keys_url=server.url, refetch=0.1, lifetime=1))
        with here.client:
            server.body = jwks(public(ec_key(1), "a"))
            assert asked(here, signed("a"))[0] == 200
            time.sleep(1)
            asked(here, signed("a"))
            time.sleep(0.3)
            assert asked(here, signed("a"))[0] == 401
            assert asked(here, signed("a", key=ec_key(1)))[0] == 200


def test_a_token_that_was_good_is_tried_again_when_its_key_is_another(site: MakeSite) -> None:
    with key_server(jwks(public(ec_key(), "a"))) as server:
        here = site(access=token_rules(algorithms=["ES256"], keys_url=server.url, refetch=0.1))
        token = signed("a")
        assert {asked(here, token)[0] for _ in range(3)} == {200}
        # The same name for another key; who asks by a name that is not known has all of them fetched.
        server.body = jwks(public(ec_key(1), "a"))
        time.sleep(0.1)
        assert asked(here, signed("b"))[0] == 401
        assert asked(here, token) == (401, "the token's signature is not right")

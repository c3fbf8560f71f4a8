"""Whose word counts: tokens of real keys, each wrong one refused with a sentence that has nothing of it."""

import base64
import json
import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from nightshift.serving.access.guard import guard_of
from nightshift.serving.access.rules import AccessRules
from tests.unit.serving.conftest import Site
from tests.unit.serving.signing import (
    AUDIENCE,
    EVERYBODY,
    SECRET,
    bearer,
    claims,
    ec_key,
    jwks,
    key_server,
    public,
    rsa_key,
    shared,
    signed,
)

MakeSite = Callable[..., Site]
OTHER_SECRET = "another secret of tokens that is long enough"


def rules(rights: Any = EVERYBODY, **jwt_rules: Any) -> AccessRules:
    given = {"audience": AUDIENCE, **jwt_rules}
    return AccessRules.model_validate({"format": 1, "jwt": given, "rights": rights})


@pytest.fixture
def by_secret(site: MakeSite, monkeypatch: pytest.MonkeyPatch) -> Site:
    """A server of callers whose tokens are signed with a secret."""
    monkeypatch.setenv("TOKEN_SECRET", SECRET)
    return site(access=rules(algorithms=["HS256"], secret_env="TOKEN_SECRET", issuer="login"))


@pytest.fixture
def by_keys(site: MakeSite, tmp_path: Path) -> Site:
    """One of callers whose tokens are signed with one of two private keys."""
    file = tmp_path / "keys.json"
    file.write_bytes(jwks(public(rsa_key(), "rsa"), public(ec_key(), "a")))
    return site(access=rules(algorithms=["RS256", "PS256", "ES256"], keys_file=str(file)))


def asked(here: Site, token: str | None = None, authorization: str | None = None) -> tuple[int, str]:
    """The status, and what the answer says where it is an error."""
    headers = bearer(token) if token is not None else {}
    if authorization is not None:
        headers = {"authorization": authorization}
    found = here.client.post("/score", json={"rows": here.rows(1)}, headers=headers)
    assert (found.status_code == 401) == (found.headers.get("www-authenticate") == "Bearer")
    return found.status_code, found.json().get("error", "")


def test_a_good_token_gets_the_score_that_nobody_was_asked_for(by_secret: Site) -> None:
    token = shared(iss="login")
    found = by_secret.client.post("/score", json={"rows": by_secret.rows(2)}, headers=bearer(token))
    assert found.status_code == 200
    scores = [row["score"] for row in found.json()["predictions"]]
    assert scores == pytest.approx(by_secret.published()["score"][:2])


def unsigned(header: dict[str, Any], **others: Any) -> str:
    parts = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in (header, claims(**others))]
    return b".".join([*parts, b""]).decode()


BAD = {
    "is no JWT": "a.b",
    "is no JWT ": "nothing",
    "algorithm is none of HS256": unsigned({"alg": "none"}, iss="login"),
    "algorithm is none of HS256 ": unsigned({"alg": "None"}, iss="login"),
    "algorithm is none of HS256  ": unsigned({}, iss="login"),
    "algorithm is none of HS256    ": unsigned({"alg": ["HS256"]}, iss="login"),
    "algorithm is none of HS256   ": shared("HS384", SECRET * 2, iss="login"),
    "signature is not right": shared(key=OTHER_SECRET, iss="login"),
    "has expired": shared(iss="login", exp=time.time() - 60),
    "is not valid yet": shared(iss="login", nbf=time.time() + 600),
    "lacks exp": shared(iss="login", exp=None),
    "lacks aud": shared(iss="login", aud=None),
    "lacks sub": shared(iss="login", sub=None),
    "lacks iss": shared(),
    "is for another audience": shared(iss="login", aud="another"),
    "is of another issuer": shared(iss="another"),
    "sub must have 1 to 256": shared(iss="login", sub=""),
    "sub must have 1 to 256 ": shared(iss="login", sub="x" * 257),
    "sub must have 1 to 256  ": shared(iss="login", sub="a\nb"),
    "has more than 8,192 bytes": shared(iss="login", roles=["x" * 8_192]),
}


@pytest.mark.parametrize("words", BAD)
def test_a_bad_token_is_refused_with_what_is_wrong_and_nothing_of_it(
    by_secret: Site, words: str, caplog: pytest.LogCaptureFixture
) -> None:
    token = BAD[words]
    with caplog.at_level(logging.DEBUG):
        status, message = asked(by_secret, token)
    assert (status, words.strip() in message) == (401, True), message
    for secret in (*token.split("."), SECRET, OTHER_SECRET):
        assert len(secret) < 4 or secret not in message + caplog.text


@pytest.mark.parametrize(
    ("authorization", "words"),
    [
        (None, "needs a token"),
        ("", "needs a token"),
        ("Basic YTpi", "Authorization has no token"),
        (shared(iss="login"), "Authorization has no token"),
        ("Bearer ", "Authorization has no token"),
    ],
)
def test_no_token_is_told_how_to_send_one(by_secret: Site, authorization: str | None, words: str) -> None:
    status, message = asked(by_secret, authorization=authorization)
    assert (status, words in message) == (401, True), message


def test_a_token_may_be_late_by_the_leeway(site: MakeSite, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN_SECRET", SECRET)
    here = site(access=rules(algorithms=["HS256"], secret_env="TOKEN_SECRET", leeway=30))
    assert asked(here, shared(exp=time.time() - 15))[0] == 200
    assert asked(here, shared(exp=time.time() - 31))[0] == 401


def test_a_token_that_was_good_ends_all_the_same(site: MakeSite, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN_SECRET", SECRET)
    here = site(access=rules(algorithms=["HS256"], secret_env="TOKEN_SECRET", leeway=0))
    token = shared(exp=int(time.time()) + 2)
    assert {asked(here, token)[0] for _ in range(3)} == {200}
    time.sleep(2)
    assert asked(here, token) == (401, "the token has expired")


def test_a_token_that_was_good_is_tried_again_when_its_key_is_another(site: MakeSite) -> None:
    with key_server(jwks(public(ec_key(), "a"))) as server:
        here = site(access=rules(algorithms=["ES256"], keys_url=server.url, refetch=0.1))
        token = signed("a")
        assert {asked(here, token)[0] for _ in range(3)} == {200}
        # The same name for another key; who asks by a name that is not known has all of them fetched.
        server.body = jwks(public(ec_key(1), "a"))
        time.sleep(0.1)
        assert asked(here, signed("b"))[0] == 401
        assert asked(here, token) == (401, "the token's signature is not right")


def test_a_token_that_is_nearly_a_good_one_is_another(by_secret: Site) -> None:
    token = shared(iss="login")
    assert asked(by_secret, token)[0] == 200
    head, body, signature = token.split(".")
    other = ("A" if signature[0] != "A" else "B") + signature[1:]
    assert asked(by_secret, f"{head}.{body}.{other}") == (401, "the token's signature is not right")


def test_a_secret_of_a_file_counts_without_its_end_of_line(site: MakeSite, tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text(SECRET + "\n")
    here = site(access=rules(algorithms=["HS256"], secret_file=str(file)))
    assert asked(here, shared())[0] == 200


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
    here = site(access=rules(algorithms=["RS256"], keys_file=str(file)))
    with pytest.warns(jwt.InsecureKeyLengthWarning):
        token = signed("a", "RS256", weak)
    assert asked(here, token) == (401, "the token is not valid")


def test_a_key_that_comes_while_the_server_runs_is_fetched_and_one_that_goes_is_forgotten(site: MakeSite) -> None:
    with key_server(jwks(public(ec_key(), "a"))) as server:
        here = site(access=rules(algorithms=["ES256"], keys_url=server.url, refetch=0.3))
        assert asked(here, signed("a"))[0] == 200
        assert asked(here, signed("b", key=ec_key(1)))[0] == 401
        server.body = jwks(public(ec_key(1), "b"))
        time.sleep(0.3)
        assert asked(here, signed("b", key=ec_key(1)))[0] == 200
        assert asked(here, signed("a"))[0] == 401


def test_made_up_keys_do_not_make_the_server_ask_each_time(site: MakeSite) -> None:
    with key_server(jwks(public(ec_key(), "a"))) as server:
        here = site(access=rules(algorithms=["ES256"], keys_url=server.url, refetch=30))
        for number in range(20):
            assert asked(here, signed(f"made up {number}"))[0] == 401
        assert server.asked == 1
        assert asked(here, signed("a"))[0] == 200


@pytest.mark.parametrize("is_gone", [True, False])
def test_keys_stay_while_their_server_is_away(site: MakeSite, is_gone: bool, caplog: pytest.LogCaptureFixture) -> None:
    with key_server(jwks(public(ec_key(), "a"))) as server:
        here = site(access=rules(algorithms=["ES256"], keys_url=server.url, refetch=0.1))
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
        here = site(access=rules(algorithms=["ES256"], keys_url=server.url, refetch=0.1))
        status, message = asked(here, signed("a"))
        assert (status, "could not be had yet" in message) == (503, True)
        assert here.client.get("/v2/health/ready").status_code == 200
        server.status = 200
        time.sleep(0.1)
        assert asked(here, signed("a"))[0] == 200


def test_a_server_of_keys_that_sends_elsewhere_is_not_followed(site: MakeSite) -> None:
    with key_server(jwks(public(ec_key(1), "a"))) as other, key_server(b"") as server:
        server.status, server.headers = 302, {"Location": other.url}
        here = site(access=rules(algorithms=["ES256"], keys_url=server.url))
        assert asked(here, signed("a", key=ec_key(1)))[0] == 503
        assert other.asked == 0


def test_keys_that_were_taken_back_count_no_longer_than_their_lifetime(site: MakeSite) -> None:
    with key_server(jwks(public(ec_key(), "a"))) as server:
        # A client whose loop goes on between its requests: who asks does not wait for the keys.
        here = site(access=rules(algorithms=["ES256"], keys_url=server.url, refetch=0.1, lifetime=1))
        with here.client:
            server.body = jwks(public(ec_key(1), "a"))
            assert asked(here, signed("a"))[0] == 200
            time.sleep(1)
            asked(here, signed("a"))
            time.sleep(0.3)
            assert asked(here, signed("a"))[0] == 401
            assert asked(here, signed("a", key=ec_key(1)))[0] == 200


def test_a_guard_shows_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN_SECRET", SECRET)
    given = rules(algorithms=["HS256"], secret_env="TOKEN_SECRET")
    guard = guard_of(given, "m")
    shown = [repr(each) for each in (given, guard, guard._keys, guard._tokens)]
    assert not [text for text in shown if SECRET in text]

"""Whose word counts: tokens that are signed with a secret, each wrong one refused in words that have nothing of it."""

import logging
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from nightshift.serving.access.guard import guard_of
from tests.unit.serving.conftest import Site
from tests.unit.serving.signing import SECRET, asked, bearer, shared, token_rules, unsigned

MakeSite = Callable[..., Site]
OTHER_SECRET = "another secret of tokens that is long enough"


@pytest.fixture
def by_secret(site: MakeSite, monkeypatch: pytest.MonkeyPatch) -> Site:
    """A server of callers whose tokens are signed with a secret."""
    monkeypatch.setenv("TOKEN_SECRET", SECRET)
    return site(access=token_rules(algorithms=["HS256"], secret_env="TOKEN_SECRET", issuer="login"))


def test_a_good_token_gets_the_score_that_nobody_was_asked_for(by_secret: Site) -> None:
    token = shared(iss="login")
    found = by_secret.client.post("/score", json={"rows": by_secret.rows(2)}, headers=bearer(token))
    assert found.status_code == 200
    scores = [row["score"] for row in found.json()["predictions"]]
    assert scores == pytest.approx(by_secret.published()["score"][:2])


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
    here = site(access=token_rules(algorithms=["HS256"], secret_env="TOKEN_SECRET", leeway=30))
    assert asked(here, shared(exp=time.time() - 15))[0] == 200
    assert asked(here, shared(exp=time.time() - 31))[0] == 401


def test_a_token_that_was_good_ends_all_the_same(site: MakeSite, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN_SECRET", SECRET)
    here = site(access=token_rules(algorithms=["HS256"], secret_env="TOKEN_SECRET", leeway=0))
    token = shared(exp=int(time.time()) + 2)
    assert {asked(here, token)[0] for _ in range(3)} == {200}
    time.sleep(2)
    assert asked(here, token) == (401, "the token has expired")


def test_a_token_that_is_nearly_a_good_one_is_another(by_secret: Site) -> None:
    token = shared(iss="login")
    assert asked(by_secret, token)[0] == 200
    head, body, signature = token.split(".")
    other = ("A" if signature[0] != "A" else "B") + signature[1:]
    assert asked(by_secret, f"{head}.{body}.{other}") == (401, "the token's signature is not right")


def test_a_secret_of_a_file_counts_without_its_end_of_line(site: MakeSite, tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text(SECRET + "\n")
    here = site(access=token_rules(algorithms=["HS256"], secret_file=str(file)))
    assert asked(here, shared())[0] == 200


def test_a_guard_shows_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN_SECRET", SECRET)
    given = token_rules(algorithms=["HS256"], secret_env="TOKEN_SECRET")
    guard = guard_of(given, "m")
    shown = [repr(each) for each in (given, guard, guard._keys, guard._tokens)]
    assert not [text for text in shown if SECRET in text]

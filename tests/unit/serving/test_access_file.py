"""``access.toml``: what it says is checked before anybody is asked, and no secret of it comes into a message."""

from pathlib import Path
from typing import Any

import pytest

from nightshift.errors import UsageError
from nightshift.serving.access.file import read_access_file
from nightshift.serving.access.guard import guard_of
from nightshift.serving.access.rules import AccessRules
from tests.unit.serving.signing import AUDIENCE, EVERYBODY, SECRET, ec_key, jwks, public, rsa_key

WHOLE = """
format = 1
open = ["docs"]
trusted_proxies = ["10.0.0.0/8"]

[jwt]
algorithms = ["RS256"]
audience = "nightshift"
issuer = "https://login.example.com/"
keys_file = "keys.json"
roles_claim = ["realm_access", "roles"]

[[rights]]
roles = ["pricing"]
models = ["flight_delays"]

[limits]
requests_per_second = 50
rows_per_minute = 20000
"""


def put(folder: Path, text: str) -> Path:
    file = folder / "access.toml"
    file.write_text(text)
    return file


def jwt(**others: Any) -> dict[str, Any]:
    given = {"algorithms": ["HS256"], "audience": AUDIENCE, "secret_env": "TOKEN_SECRET", **others}
    return {"format": 1, "jwt": {name: value for name, value in given.items() if value}, "rights": EVERYBODY}


def test_paths_in_the_file_are_relative_to_it(tmp_path: Path) -> None:
    rules = read_access_file(put(tmp_path, WHOLE))
    assert rules.jwt is not None
    assert rules.jwt.keys_file == tmp_path / "keys.json"
    assert rules.rights[0].may == ("score",)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("format = 1\n[limit]", "limit: Extra inputs are not permitted"),
        ("format = 2\n", "format: Input should be 1"),
        ("format = 1\n", "it asks nothing of anybody"),
        ("format = 1\nopen = ['docs']\n[limits]\nrows_per_minute = 5", "without jwt nobody is known"),
        ("format = 1\n[limits]\n", "it limits nothing"),
        ("format = 1\n[limits]\nrows_per_minute = 0", "limits.rows_per_minute: Input should be greater than or"),
        ("format = 1\nformat = 1\n", "cannot be read"),
        (WHOLE.replace('roles = ["pricing"]', ""), "rights.0: it names nobody"),
        (WHOLE.replace("[[rights]]", "[[other]]"), "other"),
        (WHOLE.partition("[[rights]]")[0], "jwt without rights lets nobody in"),
        (WHOLE.replace("10.0.0.0/8", "10.0.0.1/8"), "trusted_proxies.0"),
    ],
)
def test_what_is_wrong_with_it_is_one_error(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(UsageError) as error:
        read_access_file(put(tmp_path, text))
    assert words in str(error.value)


def test_a_file_that_is_not_there_is_one_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read: No such file"):
        read_access_file(tmp_path / "access.toml")


@pytest.mark.parametrize(
    ("jwt_rules", "words"),
    [
        (jwt(algorithms=["none"]), "Input should be 'HS256'"),
        (jwt(algorithms=["HS256", "RS256"]), "a shared secret is for HS256, HS384 or HS512, not for RS256"),
        (jwt(algorithms=["ES256"]), "not for ES256"),
        (jwt(secret_env=None, keys_file="keys.json"), "HS256 takes a shared secret"),
        (jwt(secret_env=None), "it needs one of keys_url"),
        (jwt(secret_file="secret"), "it needs one of keys_url"),
        (jwt(audience=""), "Field required"),
        (jwt(secret_env=None, algorithms=["ES256"], keys_url="http://login.example.com/keys"), "by https://"),
        (jwt(secret_env=None, algorithms=["ES256"], keys_url="file:///etc/passwd"), "by https://"),
        (jwt(secret_env=None, algorithms=["ES256"], keys_url="https://me:word@example.com/"), "a name or a password"),
        (jwt(leeway=3600), "less than or equal to 300"),
    ],
)
def test_what_would_accept_a_forged_token_is_no_setting(jwt_rules: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match="jwt") as error:
        AccessRules.model_validate(jwt_rules)
    assert words in str(error.value)


@pytest.mark.parametrize("url", ["https://login.example.com/keys", "http://127.0.0.1:9/keys", "http://[::1]:9/keys"])
def test_keys_come_by_tls_or_from_this_machine(url: str) -> None:
    AccessRules.model_validate(jwt(secret_env=None, algorithms=["ES256"], keys_url=url))


def test_a_secret_in_the_wrong_place_is_not_quoted(tmp_path: Path) -> None:
    text = f'format = 1\n[jwt]\nalgorithms = ["{SECRET}"]\naudience = "a"\nsecret_env = "{SECRET}"\n'
    with pytest.raises(UsageError) as error:
        read_access_file(put(tmp_path, text))
    assert SECRET not in str(error.value)
    assert error.value.__cause__ is None


@pytest.mark.parametrize(("algorithm", "least"), [("HS256", 32), ("HS384", 48), ("HS512", 64)])
def test_a_secret_that_is_too_short_is_refused(algorithm: str, least: int, monkeypatch: pytest.MonkeyPatch) -> None:
    rules = AccessRules.model_validate(jwt(algorithms=[algorithm]))
    monkeypatch.setenv("TOKEN_SECRET", "x" * least)
    guard_of(rules, "m")
    monkeypatch.setenv("TOKEN_SECRET", "x" * (least - 1))
    with pytest.raises(UsageError, match=f"TOKEN_SECRET has fewer than {least} bytes"):
        guard_of(rules, "m")


def test_a_secret_that_is_not_there_is_said_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TOKEN_SECRET", raising=False)
    with pytest.raises(UsageError, match="environment variable TOKEN_SECRET is not set"):
        guard_of(AccessRules.model_validate(jwt()), "m")
    missing = tmp_path / "secret"
    with pytest.raises(UsageError, match="secret cannot be read: No such file"):
        guard_of(AccessRules.model_validate(jwt(secret_env=None, secret_file=str(missing))), "m")


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (None, "No such file"),
        (b"keys", "no JSON"),
        (b"[]", "no JWKS"),
        (b"[" * 100_000, "no JSON"),
        (jwks(), "none for ES256"),
        (jwks(public(rsa_key())), "none for ES256"),
        (jwks(public(ec_key(), use="enc")), "none for ES256"),
        (jwks({"kty": "oct", "k": "c2VjcmV0", "kid": "a", "alg": "ES256"}), "none for ES256"),
        (jwks({"kty": "EC", "crv": "P-256", "x": "?", "y": 1}), "none for ES256"),
        (b" " * 300_000, "more than 262,144 bytes"),
    ],
)
def test_a_file_of_keys_that_is_none_is_refused_at_the_start(tmp_path: Path, body: bytes | None, words: str) -> None:
    file = tmp_path / "keys.json"
    if body is not None:
        file.write_bytes(body)
    rules = AccessRules.model_validate(jwt(secret_env=None, algorithms=["ES256"], keys_file=str(file)))
    with pytest.raises(UsageError, match=r"keys\.json has no keys that tokens could be tried by") as error:
        guard_of(rules, "m")
    assert words in str(error.value)

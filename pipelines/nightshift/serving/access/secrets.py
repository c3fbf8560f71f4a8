"""The secret that signs tokens, out of the environment or a file: never of a command line, and in no message."""

import os

from nightshift.errors import UsageError
from nightshift.serving.access.rules import JwtRules

LEAST_BYTES = {"HS256": 32, "HS384": 48, "HS512": 64}
"""As many as the digest has: RFC 7518, 3.2."""


def read_secret(rules: JwtRules) -> bytes:
    """Without the end of line that an editor puts behind it. Raises ``UsageError``."""
    where, secret = _read(rules)
    least = max(LEAST_BYTES[name] for name in rules.algorithms)
    if len(secret) < least:
        raise UsageError(
            f"the secret in {where} has fewer than {least} bytes, which {', '.join(rules.algorithms)} needs",
            fix="make one that nobody can guess: openssl rand -hex 64",
        )
    return secret


def variable(name: str, purpose: str) -> str:
    """What stands in an environment variable. Raises ``UsageError`` where nothing does."""
    value = os.environ.get(name, "")
    if not value:
        raise UsageError(f"the environment variable {name} is not set: {purpose}", fix=f"set {name} where serve starts")
    return value


def _read(rules: JwtRules) -> tuple[str, bytes]:
    if rules.secret_file is None:
        name = rules.secret_env or ""
        return name, variable(name, "it has the secret that tokens are signed with").encode()
    try:
        return str(rules.secret_file), rules.secret_file.read_bytes().rstrip(b"\r\n")
    except OSError as error:
        raise UsageError(
            f"{rules.secret_file} cannot be read: {error.strerror}",
            fix="jwt.secret_file names the file with the secret",
        ) from None

"""``access.toml``: who may ask a server, for what, and how often.

It holds no secret: it names the environment variable or the file where one is. One file may be given to all servers.
"""

from ipaddress import IPv4Network, IPv6Network, ip_address
from pathlib import Path
from typing import Annotated, Literal, Self, TypeAlias
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, StringConstraints, ValidationInfo, model_validator

from nightshift.spec.base import Frozen

Algorithm: TypeAlias = Literal[
    "HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"
]
"""All that a token may be signed with; ``none`` is none of them."""
Use: TypeAlias = Literal["score", "metrics", "docs"]
SHARED = "HS"
ANY = "*"
FOLDER = "folder"
"""In the context of a validation: where the file lies, which paths in it are relative to."""
ShortText = Annotated[str, StringConstraints(min_length=1, max_length=256)]
Variable = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
IpNetwork: TypeAlias = IPv4Network | IPv6Network


def _beside(path: Path, info: ValidationInfo) -> Path:
    folder: Path = (info.context or {}).get(FOLDER, Path())
    return folder / path


def _fetchable(url: str) -> str:
    """Over TLS, or from this machine: who may change keys under way says who asks."""
    parts = urlsplit(url)
    if parts.username or parts.password:
        raise ValueError("a name or a password stands in no file: keys are public, and are fetched without")
    if parts.scheme == "http" and parts.hostname and _is_loopback(parts.hostname):
        return url
    if parts.scheme != "https" or not parts.hostname:
        raise ValueError("keys come by https://; by http:// from this machine alone")
    return url


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


FileBeside = Annotated[Path, AfterValidator(_beside)]
KeysUrl = Annotated[str, AfterValidator(_fetchable)]


class JwtRules(Frozen):
    """Which tokens are accepted. ``roles_claim`` names the claim with a caller's roles, or the way down to it.

    The keys are one of: a JWKS by URL or as a file, or a secret in an environment variable or a file.
    """

    algorithms: tuple[Algorithm, ...] = Field(min_length=1)
    audience: ShortText
    issuer: ShortText | None = None
    keys_url: KeysUrl | None = None
    keys_file: FileBeside | None = None
    secret_env: Variable | None = None
    secret_file: FileBeside | None = None
    roles_claim: ShortText | tuple[ShortText, ...] = "roles"
    leeway: float = Field(10.0, ge=0, le=300)
    max_bytes: int = Field(8_192, ge=256, le=65_536)
    refetch: float = Field(30.0, ge=0.1, le=3600)
    lifetime: float = Field(3600.0, ge=1, le=86_400)

    @property
    def is_shared(self) -> bool:
        """Whether who signs and who tries a token have the same secret."""
        return self.secret_env is not None or self.secret_file is not None

    @model_validator(mode="after")
    def _keys_are_of_the_kind_that_algorithms_take(self) -> Self:
        given = [self.keys_url, self.keys_file, self.secret_env, self.secret_file]
        if sum(source is not None for source in given) != 1:
            raise ValueError("it needs one of keys_url, keys_file, secret_env, secret_file")
        wrong = [name for name in self.algorithms if name.startswith(SHARED) != self.is_shared]
        if wrong and self.is_shared:
            raise ValueError(f"a shared secret is for HS256, HS384 or HS512, not for {', '.join(wrong)}")
        if wrong:
            raise ValueError(f"{', '.join(wrong)} takes a shared secret: secret_env or secret_file, no public keys")
        return self


class Right(Frozen):
    """Who may do what with which models: ``callers`` by their ``sub``, or whoever has one of ``roles``."""

    callers: tuple[ShortText, ...] = ()
    roles: tuple[ShortText, ...] = ()
    models: tuple[ShortText, ...] = Field(min_length=1)
    may: tuple[Use, ...] = Field(("score",), min_length=1)

    @model_validator(mode="after")
    def _names_somebody(self) -> Self:
        if not self.callers and not self.roles:
            raise ValueError('it names nobody: give callers or roles; callers = ["*"] is whoever has a token')
        return self

    def covers(self, model: str) -> bool:
        """Whether it says something of this model."""
        return model in self.models or ANY in self.models

    def names(self, caller: str, roles: frozenset[str]) -> bool:
        """Whether it is for this caller."""
        return caller in self.callers or ANY in self.callers or not roles.isdisjoint(self.roles)


class LimitRules(Frozen):
    """How much each caller may ask; ``redis_env`` names the variable with a URL, where servers count together.

    Of more than ``callers`` the ones that were away longest are forgotten.
    """

    requests_per_second: int | None = Field(None, ge=1)
    requests_per_minute: int | None = Field(None, ge=1)
    rows_per_minute: int | None = Field(None, ge=1)
    redis_env: Variable | None = None
    callers: int = Field(50_000, ge=100, le=10_000_000)

    @model_validator(mode="after")
    def _limits_something(self) -> Self:
        if not (self.requests_per_second or self.requests_per_minute or self.rows_per_minute):
            raise ValueError("it limits nothing: give requests_per_second, requests_per_minute or rows_per_minute")
        return self


class AccessRules(Frozen):
    """The whole file."""

    format: Literal[1]
    jwt: JwtRules | None = None
    rights: tuple[Right, ...] = ()
    open: tuple[Use, ...] = ()
    limits: LimitRules | None = None
    trusted_proxies: tuple[IpNetwork, ...] = ()

    @model_validator(mode="after")
    def _rights_need_callers_who_are_known(self) -> Self:
        if self.jwt is None and (self.rights or self.open):
            raise ValueError("without jwt nobody is known: rights and open have no meaning")
        if self.jwt is not None and not self.rights:
            raise ValueError("jwt without rights lets nobody in: give [[rights]]")
        if self.jwt is None and self.limits is None:
            raise ValueError("it asks nothing of anybody: give [jwt], [limits] or both")
        return self

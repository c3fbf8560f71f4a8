"""Who may ask, as OpenAPI describes it: the scheme of tokens, which routes ask for one, how callers are refused."""

from typing import Any

from nightshift.serving.access.rules import AccessRules
from nightshift.serving.access.uses import use_of

SCHEME_NAME = "token"
SCHEME = {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
OF_TOKENS = {"401": "no token, or one that is not accepted", "403": "a caller without the right"}
OF_LIMITS = {"429": "a caller asked more than they may: see Retry-After"}


def schemes_of(access: AccessRules | None) -> dict[str, Any]:
    """By their names; none where nobody is asked for a token."""
    return {} if access is None or access.jwt is None else {SCHEME_NAME: SCHEME}


def security_of(route: str, access: AccessRules | None) -> list[dict[str, Any]]:
    """The schemes of which a route takes one; none where it asks for no token."""
    return [{SCHEME_NAME: []}] if _asks_token(route, access) else []


def refusals_of(route: str, access: AccessRules | None) -> dict[str, str]:
    """How a route refuses who may not ask, by status, and only as this server can."""
    refusals = dict(OF_TOKENS) if _asks_token(route, access) else {}
    if access is not None and access.limits is not None and use_of(route) is not None:
        refusals |= OF_LIMITS
    return refusals


def _asks_token(route: str, access: AccessRules | None) -> bool:
    if access is None or access.jwt is None:
        return False
    use = use_of(route)
    return use is not None and use not in access.open

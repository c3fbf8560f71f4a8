"""Which requests to Airflow's API try a password."""

from nightshift.logins import Scope

LOGIN = "/auth/token"
"""Where users of its simple manager log in, by the page and by the API; below it, for the command line."""


def attempt(scope: Scope) -> bytes | None:
    """Empty credentials for a login, since they are in its body; None for every other request."""
    is_login = scope["method"] == "POST" and str(scope["path"]).startswith(LOGIN)
    return b"" if is_login else None

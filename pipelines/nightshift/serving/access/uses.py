"""What each route is used for, and so which right it takes."""

from nightshift.serving.access.rules import Use

HEALTH = frozenset({"server", "live", "ready", "model_ready"})
"""Routes that are asked of nobody: what watches servers has no token."""
USES: dict[str, Use] = {"metrics": "metrics", "openapi": "docs", "docs": "docs"}
"""What the other routes are; each that is not named here is one for scores."""


def use_of(route: str) -> Use | None:
    """None for a route that is asked of nobody."""
    return None if route in HEALTH else USES.get(route, "score")

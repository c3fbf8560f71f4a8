"""The keys of alerts in the lake; a part of the map in ``layout``."""

import re

OPEN_INCIDENTS = "alerts/open/"
"""The prefix of the marks of incidents that are open, or of which not all was told."""
INCIDENT = re.compile(r"alerts/(?:incidents|open)/([a-z0-9_-]+)/([0-9]{6,})(?:\.json)?\Z")


def incidents(cause: str) -> str:
    """The prefix of the incidents of a cause."""
    return f"alerts/incidents/{cause}/"


def incident(cause: str, number: int) -> str:
    """One of them; numbers begin at 1."""
    folder = incidents(cause)
    return f"{folder}{number:06d}.json"


def open_incident(cause: str, number: int) -> str:
    """Its mark."""
    return f"{OPEN_INCIDENTS}{cause}/{number:06d}"


def incident_in(key: str) -> tuple[str, int] | None:
    """The cause and the number that a key of alerts names; None for another."""
    named = INCIDENT.match(key)
    return (named[1], int(named[2])) if named else None

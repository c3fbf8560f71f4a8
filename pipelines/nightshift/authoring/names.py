"""Names that a spec allows, out of names that a source has."""

import re
import unicodedata
from collections.abc import Container, Iterable

LONGEST = 50


def safe_names(names: Iterable[str], taken: Iterable[str]) -> dict[str, str]:
    """A name for each, all different and none of them taken: lower case, ASCII, words joined by _."""
    used = set(taken)
    safe: dict[str, str] = {}
    for place, name in enumerate(names, start=1):
        wanted = safe_name(name) or f"column_{place}"
        alias = _unused(wanted, used)
        used.add(alias)
        safe[name] = alias
    return safe


def _unused(name: str, used: Container[str]) -> str:
    candidate = name
    number = 2
    while candidate in used:
        candidate = f"{name}_{number}"
        number += 1
    return candidate


def safe_name(name: str) -> str:
    """The name in a spec's alphabet; empty where nothing of it is left."""
    decomposed = unicodedata.normalize("NFKD", name.replace("ß", "ss"))
    plain = decomposed.encode("ascii", "ignore").decode().lower()
    words = re.sub(r"[^a-z0-9]+", "_", plain).strip("_")
    short = words[:LONGEST].rstrip("_")
    if short[:1].isdigit():
        return f"c_{short}"
    return short

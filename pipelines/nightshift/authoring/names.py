"""Names that a spec allows, out of names that a source has."""

import re
import unicodedata
from collections.abc import Iterable

LONGEST = 50


def safe_names(names: Iterable[str], taken: Iterable[str]) -> dict[str, str]:
    """A name for each, all different and none of them taken: lower case, ASCII, words joined by _."""
    used, found = set(taken), {}
    for place, name in enumerate(names, start=1):
        base = safe_name(name) or f"column_{place}"
        candidate, number = base, 2
        while candidate in used:
            candidate, number = f"{base}_{number}", number + 1
        used.add(candidate)
        found[name] = candidate
    return found


def safe_name(name: str) -> str:
    """The name in a spec's alphabet; empty where nothing of it is left."""
    plain = unicodedata.normalize("NFKD", name.replace("ß", "ss")).encode("ascii", "ignore").decode().lower()
    words = re.sub(r"[^a-z0-9]+", "_", plain).strip("_")[:LONGEST].rstrip("_")
    return f"c_{words}" if words[:1].isdigit() else words

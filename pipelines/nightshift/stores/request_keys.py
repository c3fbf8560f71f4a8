"""Keys of rows that were scored by day, and of what a night says of them; ``layout`` is the map of all.

The folder of a day is that of its arrival, in UTC, and no partition: by day there is no night that a row belongs to.
"""

from nightshift.stores.key_parts import PARQUET


def requests(model: str) -> str:
    """The prefix of all rows that servers kept."""
    return f"requests/{model}/"


def requests_file(model: str, day: str, name: str) -> str:
    """Rows that arrived on a day, and were answered by one version."""
    return f"{requests(model)}arrived={day}/{name}{PARQUET}"


def replayed_nights(model: str) -> str:
    """The prefix of what nights say of such rows."""
    return f"monitoring/{model}/_replayed/"


def replayed(model: str, night: str) -> str:
    """Whether a night gave the rows that it found the bits that they had by day."""
    return f"{replayed_nights(model)}{night}.json"

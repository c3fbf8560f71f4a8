"""The partition column of a model, which all its nights lie under: two names would give readers a night twice."""

from nightshift.contracts import PartitionKey
from nightshift.errors import UsageError
from nightshift.stores import layout
from nightshift.stores.objects import Objects

# "=" ends a column's name in a key, and this is the next character.
AFTER_EQUALS = ">"


def require_column(objects: Objects, key: PartitionKey) -> None:
    """Raises ``UsageError`` when nights of the dataset lie under another column than that of ``key``."""
    folder = layout.manifests(key.dataset, key.model)
    first = objects.first_key(folder)
    if first is None:
        return
    behind = objects.first_key(folder, after=f"{folder}{key.column}{AFTER_EQUALS}")
    for place in (first, behind):
        night = layout.night_in(place, key.dataset, key.model) if place else None
        if night and night.column != key.column:
            raise other_column(night, key.column)


def other_column(night: PartitionKey, column: str) -> UsageError:
    """What is wrong with a night that lies under another column."""
    return UsageError(
        f"{night} lies under the partition column {night.column}, and model.yaml has partition.column {column}:"
        " nothing is read or written, since readers would see nights twice",
        fix=f"nightshift migrate {night.model}, which moves all nights; or take the change in model.yaml back",
    )

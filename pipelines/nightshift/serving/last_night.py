"""The newest night of a model that people can read."""

from nightshift.contracts import Dataset
from nightshift.spec import ModelSpec
from nightshift.stores import Stores
from nightshift.stores.manifest import Manifest

MOST_NIGHTS = 7
"""That were taken back, before it is said that there is none."""


def last_night(spec: ModelSpec, stores: Stores) -> Manifest | None:
    """Its predictions. Raises ``UnreadableRecord``, ``LakeUnavailable``."""
    nights = stores.lake.partitions(Dataset.PREDICTIONS, spec.name, spec.partition.column)
    for night in reversed(nights[-MOST_NIGHTS:]):
        manifest = stores.lake.readable(spec.key(Dataset.PREDICTIONS, night))
        if manifest is not None and manifest.names_version:
            return manifest
    return None

"""What tests of engines start from: a champion, a validated night in three shards, and no shard scored."""

from pathlib import Path
from typing import NamedTuple

from nightshift.contracts import Dataset
from nightshift.spec import ModelSpec
from nightshift.stores import Stores, layout
from tests.sharded import NIGHT as NIGHT


class World(NamedTuple):
    """A champion, and a validated night of 90 rows in three shards."""

    file: Path
    spec: ModelSpec
    stores: Stores


def finished(world: World) -> list[str]:
    """All that there is of scored shards."""
    folder = layout.generations(Dataset.PREDICTIONS, world.spec.name)
    return [key for key in world.stores.lake.objects.keys(folder) if "/shards/" in key]


def forget(world: World) -> None:
    """As if no shard had ever been scored."""
    for key in finished(world):
        world.stores.lake.objects.delete(key)

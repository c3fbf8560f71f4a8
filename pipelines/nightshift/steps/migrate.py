"""Move a model's nights to the partition column that model.yaml has now."""

import logging
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from nightshift.concurrency import ordered_map
from nightshift.contracts import Dataset
from nightshift.errors import LaterRecord
from nightshift.progress import OnProgress, counted, unheard
from nightshift.spec import ModelSpec
from nightshift.stores import Stores
from nightshift.stores.migration import LATER, MOVED, MovedNight, loose_files, move_file, move_night, nights_elsewhere
from nightshift.stores.records import LATER as INSTALL

log = logging.getLogger("nightshift")
AT_ONCE = 8
MOST_LISTED = 10


@dataclass(frozen=True)
class Migrated:
    """How many nights of each dataset were moved to ``column``, how many were dropped, and how many other files."""

    model: str
    column: str
    moved: dict[str, int]
    dropped: int
    files: int


def migrate(
    spec: ModelSpec, stores: Stores, *, say: Callable[[str], object] = log.info, progress: OnProgress = unheard
) -> Migrated:
    """Move all nights of all datasets; ``say`` gets each. It may be repeated, and goes on where it ended.

    No run of the model may work meanwhile. Raises ``LaterRecord``, after all is done, for nights that only a later
    version can read, ``MissingPartition`` when a file is gone, ``LakeUnavailable``.
    """
    objects = stores.lake.objects
    column = spec.partition.column
    moved: Counter[str] = Counter()
    outcomes: Counter[str] = Counter()
    left = []
    for dataset in Dataset:
        nights = nights_elsewhere(objects, dataset, spec.name, column)
        moves = ordered_map(lambda key: move_night(objects, key, column), nights, AT_ONCE, 2 * AT_ONCE)
        for _, night in zip(counted(nights, f"moving {dataset}", progress), moves, strict=True):
            say(_sentence(night, column))
            outcomes[night.outcome] += 1
            moved[str(dataset)] += night.outcome == MOVED
            if night.outcome == LATER:
                left.append(str(night.key))
    files = list(loose_files(objects, spec.name, column))
    for key in files:
        move_file(objects, key, column)
    _refuse_later(left)
    return Migrated(
        model=spec.name,
        column=column,
        moved={dataset: nights for dataset, nights in moved.items() if nights},
        dropped=outcomes.total() - outcomes[MOVED] - len(left),
        files=len(files),
    )


def _sentence(night: MovedNight, column: str) -> str:
    return f"{night.key}: from {night.key.column} to {column}: {night.outcome}"


def _refuse_later(nights: list[str]) -> None:
    if nights:
        listed = ", ".join(nights[:MOST_LISTED])
        raise LaterRecord(
            f"{len(nights)} nights were left where they are, since a later version wrote them: {listed}", fix=INSTALL
        )

"""Which files of kept rows a night replays: those that no other night has, and its own when it is run again."""

import logging

from nightshift.errors import UnreadableRecord
from nightshift.monitoring.replay.record import ReplayNight
from nightshift.stores import Stores, layout
from nightshift.stores.objects import ObjectInfo

log = logging.getLogger("nightshift")


def due_files(model: str, night: str, stores: Stores) -> list[str]:
    """Their keys, oldest first. Raises ``LakeUnavailable``."""
    kept = list(stores.lake.objects.listing(layout.requests(model)))
    if not kept:
        return []
    replayed = _replayed_by_others(model, night, kept, stores)
    return [file.key for file in kept if file.key not in replayed]


def _replayed_by_others(model: str, night: str, kept: list[ObjectInfo], stores: Stores) -> set[str]:
    oldest = min(file.modified for file in kept)
    own = layout.replayed(model, night)
    replayed: set[str] = set()
    for stored in stores.lake.objects.listing(layout.replayed_nights(model)):
        # A record that was last written before all files that there are names none of them.
        if stored.key == own or stored.modified < oldest:
            continue
        replayed.update(_named_by(stored.key, stores))
    return replayed


def _named_by(key: str, stores: Stores) -> tuple[str, ...]:
    """What a record names; one that cannot be read names nothing, so that its rows are rather replayed twice."""
    try:
        record = stores.lake.objects.get_record(key, ReplayNight)
    except UnreadableRecord as error:
        log.warning("rows that it names are replayed once more: %s", error)
        return ()
    return record.files if record else ()

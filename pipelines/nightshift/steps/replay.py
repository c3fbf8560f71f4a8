"""Score once more, in batch, what a server answered by day, and say how many rows have other bits.

By day there is no night: which rows a night replays is decided by what was kept and not replayed yet.
"""

from nightshift.contracts import Replayed
from nightshift.monitoring.replay.night import replay_night
from nightshift.monitoring.replay.record import ReplayNight
from nightshift.spec import ModelSpec
from nightshift.steps._night_points import log_replay
from nightshift.stores import Stores, layout


def replay(spec: ModelSpec, partition: str, stores: Stores) -> Replayed | None:
    """Replay all rows that are due, keep the record, show it in MLflow; None where none are.

    Raises ``LaterRecord`` over the record of a later version of Nightshift, ``LakeUnavailable``, and
    ``RegistryUnavailable`` after the record is in the lake.
    """
    spec.require_night(partition)
    record = replay_night(spec, partition, stores)
    if record is None:
        return None
    stores.lake.objects.put_record(layout.replayed(spec.name, partition), record)
    log_replay(spec, record, stores)
    return replayed(record)


def replayed(record: ReplayNight) -> Replayed:
    """A record in short."""
    return Replayed(
        model=record.model,
        partition=record.night,
        rows=record.rows,
        skew_rows=record.skew_rows,
        not_replayable=record.not_replayable,
    )

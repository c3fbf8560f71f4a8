"""A person wants to hear of no alarm until a night: nobody is woken, and no retrain starts."""

from nightshift.contracts import Dataset
from nightshift.errors import UsageError
from nightshift.monitoring.silences import Silence, silences
from nightshift.partitions import parse_partition
from nightshift.spec import ModelSpec
from nightshift.steps._person import person_of
from nightshift.stores import Stores


def mute(spec: ModelSpec, until: str, stores: Stores, *, why: str) -> Silence:
    """Mute a model's alarms from its newest monitored night to ``until``, that one included.

    The last mute counts: one that ends before the newest night lets alarms be heard again.
    Raises ``UsageError`` without a reason or for what is no date, ``LakeUnavailable``.
    """
    parse_partition(until)
    if not why.strip():
        raise UsageError(f"{spec.name}: alarms are muted for a reason", fix="say it: --why TEXT")
    silence = Silence(
        model=spec.name,
        by=person_of(stores),
        why=why,
        origin=dict(stores.origin),
        since=_newest_night(spec, stores),
        until=until,
    )
    ledger = silences(spec.name, stores)
    for head in ledger.attempts():
        if ledger.append(head, silence):
            break
    return silence


def _newest_night(spec: ModelSpec, stores: Stores) -> str:
    nights = stores.lake.partitions(Dataset.MONITORING, spec.name, spec.partition.column)
    return nights[-1] if nights else spec.partition.start.isoformat()

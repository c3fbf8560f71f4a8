"""What a gate found wanting no nights beside the champion make good: they are asked about the difference alone."""

from nightshift.errors import ModelError
from nightshift.releases.judged import verdict_of
from nightshift.stores import Stores
from nightshift.stores.registry import PASSED
from nightshift.stores.versions import VersionRecord


def require_floors(record: VersionRecord, where: str, stores: Stores) -> None:
    """Raises ``ModelError`` for a version that failed its gate, which cannot stand ``where``.

    One of which the gate's nights did not say enough has not. ``MissingPartition`` where what it said is gone.
    """
    if record.gate == PASSED:
        return
    verdict = verdict_of(record, stores)
    if verdict and (verdict.promote or verdict.inconclusive):
        return
    why = record.reason if verdict else "what its gate said was not kept"
    raise ModelError(
        f"{record.model}: version {record.version} has failed its gate ({why}): it cannot stand {where}",
        fix=f"train one that does not: nightshift train {record.model} NIGHT",
    )

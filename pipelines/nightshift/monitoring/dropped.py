"""Which rules dropped a night's rows."""

import pyarrow.compute as pc

from nightshift.contracts import Dataset
from nightshift.stores import Stores
from nightshift.stores.manifest import Manifest
from nightshift.validation.quarantine import REASONS


def dropped_by_rule(validated: Manifest, stores: Stores) -> dict[str, int]:
    """Quarantined rows by the rule that they breach, one row under each; empty where none was, or none is there now.

    Raises ``DamagedFile``, ``LakeUnavailable``.
    """
    if not validated.rows_quarantined:
        return {}
    quarantine = stores.lake.readable(validated.key.of(Dataset.QUARANTINE))
    if quarantine is None or REASONS not in quarantine.columns:
        return {}
    reasons = stores.lake.read(quarantine, [REASONS])[REASONS]
    counted = pc.value_counts(pc.list_flatten(reasons)).to_pylist()
    return {str(rule["values"]): rule["counts"] for rule in counted}

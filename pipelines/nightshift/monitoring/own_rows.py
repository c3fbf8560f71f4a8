"""The rows of a night that one version scored: where a canary stood, a share of them is its own."""

import pyarrow as pa
import pyarrow.compute as pc

from nightshift.scoring.versions_of_rows import VERSION
from nightshift.stores import Stores
from nightshift.stores.manifest import Manifest


def rows_by(version: str, predictions: Manifest, columns: list[str], stores: Stores) -> pa.Table:
    """What is published of these, in the night's order. Raises ``DamagedFile``, ``LakeUnavailable``."""
    if predictions.canary is None:
        return stores.lake.read(predictions, columns)
    rows = stores.lake.read(predictions, [*columns, VERSION])
    is_own = pc.equal(rows[VERSION], version)
    return rows.filter(is_own).drop_columns([VERSION])

"""The champion as the lake has it: who it is by the ledger's sealed moves, and its graph by the digest of its record.

MLflow is not asked: what it shows moves nothing, and a server shall not need it.
"""

from collections.abc import Callable
from dataclasses import dataclass

import pyarrow as pa

from nightshift.contracts import Pin
from nightshift.serving.elsewhere import elsewhere
from nightshift.serving.options import BitsPromise
from nightshift.serving.version import ServedVersion, open_version
from nightshift.spec import ModelSpec, find_spec
from nightshift.stores import Stores


@dataclass(frozen=True)
class LakeChampions:
    """Those of one model. ``golden_rows`` gives the rows that a version keeps, None where it keeps none."""

    model: str
    stores: Stores
    promise: BitsPromise
    golden_rows: Callable[[Pin], pa.Table | None]

    def resolve(self) -> Pin:
        """Raises as ``Aliases.champion``."""
        pin, _ = self.stores.aliases.champion(self.model)
        return pin

    def open(self, pin: Pin) -> ServedVersion:
        """By model.yaml as it is now: another version may need other columns.

        Raises as ``open_version``, and ``SpecError``.
        """
        golden = self.golden_rows(pin)
        spec = self._spec()
        return open_version(spec, pin, self.stores, golden, self.promise, elsewhere(spec, self.stores))

    def is_withdrawn(self, version: str) -> bool:
        """Raises ``UnreadableRecord``, ``LakeUnavailable``."""
        head = self.stores.aliases.ledger(self.model).head()
        return version in head.withdrawn

    def _spec(self) -> ModelSpec:
        return find_spec(self.stores.settings.models, self.model)

"""Two generations of one night swapped under its readers as fast as the store can.

A reader of the plain file needs several requests, and between two of them the file may be replaced. It then
fails, or, where the bytes of both generations happen to lie at the same places, it could mix them.
"""

import time
from dataclasses import dataclass
from typing import Any

from nightshift.contracts import Dataset, PartitionKey
from tests.faults.readers import Readers, Tally
from tests.faults.site import Site
from tests.faults.world import MODEL, Night

KINDS = ("arrow", "pandas_arrow", "pandas", "columns")


@dataclass(frozen=True)
class Hammered:
    """Swaps made, sizes of the two generations, and what readers saw."""

    swaps: int
    sizes: tuple[int, ...]
    readers: list[Tally]

    def as_json(self) -> dict[str, Any]:
        """For benchmarks/soak.json."""
        return {"swaps": self.swaps, "bytes": self.sizes, "readers": [tally.as_json() for tally in self.readers]}


def hammer(night: Night, seconds: float, versions: tuple[str, str] = ("1", "2")) -> Hammered:
    """Publish two versions of a night, then let their generations take turns in the plain prefix."""
    with Site((night,)) as site:
        files = []
        for version in versions:
            site.clean_run(night, version, 10**9)
            files += site.lake.require(PartitionKey(Dataset.PREDICTIONS, MODEL, "day", night.partition)).files
        readers = Readers(site.direct, site.nights, KINDS)
        swaps, plain = 0, f"{Dataset.PREDICTIONS}/{MODEL}/day={night.partition}/part-00000.parquet"
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            site.lake.objects.copy(files[swaps % 2].key, plain, {})
            swaps += 1
        return Hammered(swaps, tuple(file.bytes for file in files), readers.stop())

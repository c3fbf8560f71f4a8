"""The scores of one published night by key: one file on this machine's disk, sorted, of which a look-up maps a page.

It is made of what people read, and nothing else is kept in the lake for it: a night that is taken back is taken back
here too, and no second copy has to be erased.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from nightshift.errors import DataError
from nightshift.modelling.label_types import label_type
from nightshift.scoring.sample import hashes_of
from nightshift.scoring.versions_of_rows import VERSION
from nightshift.spec import ModelSpec
from nightshift.stores.lake import Lake
from nightshift.stores.manifest import Manifest

HASH = "_hash_of_keys"


@dataclass(frozen=True)
class LastScores:
    """A night, opened. ``digests`` are those of the versions that scored it; ``hashes`` are sorted, shape (n,)."""

    night: str
    generation: str
    digests: Mapping[str, str]
    rows: pa.Table
    hashes: NDArray[np.uint64]

    def find(self, keys: pa.RecordBatch) -> pa.Table | None:
        """Its rows of these keys, in their order; None unless there is one of each."""
        hashes = hashes_of(keys)
        first = np.searchsorted(self.hashes, hashes)
        places = []
        for row, wanted in enumerate(keys.to_pylist()):
            place = self._place(int(first[row]), hashes[row], wanted)
            if place is None:
                return None
            places.append(place)
        return self.rows.take(pa.array(places))

    def _place(self, place: int, hashed: np.uint64, wanted: Mapping[str, object]) -> int | None:
        """Two keys may have one hash."""
        while place < len(self.hashes) and self.hashes[place] == hashed:
            if all(self.rows[name][place].as_py() == value for name, value in wanted.items()):
                return place
            place += 1
        return None


def open_last_scores(spec: ModelSpec, manifest: Manifest, lake: Lake, file: Path) -> LastScores:
    """Write the sorted file and open it. Raises ``DataError`` for a night without the columns of model.yaml's label.

    Raises ``DamagedFile``, ``MissingPartition``, ``LakeUnavailable``.
    """
    published = [field.name for field in label_type(spec).published_fields()]
    wanted = [*spec.keys, *published, VERSION]
    missing = [name for name in wanted if name not in manifest.columns]
    if missing:
        raise DataError(f"{manifest.key} has no column {', '.join(missing)}: it was scored for another label")
    _write_sorted(lake.read(manifest, wanted), spec.keys, file)
    with pa.memory_map(str(file)) as source:
        rows = pa.ipc.open_file(source).read_all()
    pins = [manifest.pin, *([manifest.canary_pin.pin] if manifest.canary_pin else [])]
    return LastScores(
        night=manifest.partition,
        generation=manifest.generation,
        digests={pin.version: pin.sha256 for pin in pins},
        rows=rows,
        hashes=rows[HASH].combine_chunks().to_numpy(),
    )


def _write_sorted(rows: pa.Table, keys: Sequence[str], file: Path) -> None:
    (batch,) = rows.select(keys).combine_chunks().to_batches() or [_no_rows(rows.select(keys).schema)]
    hashes = hashes_of(batch)
    order = np.argsort(hashes, kind="stable")
    by_hash = rows.take(pa.array(order)).append_column(HASH, pa.array(hashes[order])).combine_chunks()
    with pa.OSFile(str(file), "wb") as sink, pa.ipc.new_file(sink, by_hash.schema) as writer:
        writer.write_table(by_hash)


def _no_rows(schema: pa.Schema) -> pa.RecordBatch:
    return pa.RecordBatch.from_pylist([], schema=schema)

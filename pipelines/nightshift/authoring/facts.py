"""What is in a column: counted over all rows some at a time, in memory that does not grow with them."""

import datetime as dt
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from nightshift.stores.types import is_number_or_bool
from nightshift.validation.uniqueness import key_hashes

MOST_VALUES = 1000
MOST_HASHES = 500_000
SAMPLE_ROWS = 20_000


@dataclass
class ColumnFacts:
    """One column. ``values`` is None from the thousand-and-first on; ``distinct`` is exact up to half a million."""

    kind: pa.DataType
    rows: int = 0
    nulls: int = 0
    infinite: int = 0
    low: Any = None
    high: Any = None
    values: Counter[Any] | None = field(default_factory=Counter)
    nulls_by_night: Counter[dt.date] = field(default_factory=Counter)
    _hashes: Any = field(default_factory=lambda: np.empty(0, np.uint64))

    @property
    def distinct(self) -> int:
        """Different values, nulls left out; at least that many from half a million on."""
        return len(self._hashes)

    @property
    def known(self) -> int:
        """Rows that have a value."""
        return self.rows - self.nulls

    def add(self, nights: pa.Array, values: pa.Array) -> None:
        """Count some more rows."""
        self.rows += len(values)
        self.nulls += values.null_count
        if values.null_count:
            self.nulls_by_night.update(nights.filter(values.is_null()).to_pylist())
        there = values.drop_null()
        if pa.types.is_floating(there.type):
            finite = pc.is_finite(there)
            self.infinite += len(there) - pc.sum(finite).as_py() if len(there) else 0
            there = there.filter(finite)
        if not len(there):
            return
        if pa.types.is_temporal(there.type) or is_number_or_bool(there.type):
            self._stretch(pc.min_max(there))
        self._add_values(there)

    def _stretch(self, found: Any) -> None:
        low, high = found["min"].as_py(), found["max"].as_py()
        self.low = low if self.low is None else min(self.low, low)
        self.high = high if self.high is None else max(self.high, high)

    def _add_values(self, there: pa.Array) -> None:
        if self.values is not None:
            counted = pc.value_counts(there)
            if len(counted) + len(self.values) <= 2 * MOST_VALUES:
                for item in counted.to_pylist():
                    self.values[item["values"]] += item["counts"]
            if len(counted) > MOST_VALUES or len(self.values) > MOST_VALUES:
                self.values = None
        if len(self._hashes) < MOST_HASHES:
            hashes = key_hashes(pa.record_batch([there], names=["x"]))
            self._hashes = np.unique(np.concatenate([self._hashes, hashes]))[:MOST_HASHES]


@dataclass
class Counted:
    """Facts of each column by the source's name, and a sample of rows for what needs rows."""

    facts: dict[str, ColumnFacts]
    sample: pa.Table


def count(batches: Iterable[pa.RecordBatch], types: dict[str, pa.DataType], rows: int) -> Counted:
    """Go through batches, whose first column is the night, once. The sample is the same every time."""
    facts = {name: ColumnFacts(kind) for name, kind in types.items()}
    rng, share, kept = np.random.default_rng(0), min(1.0, SAMPLE_ROWS / max(rows, 1)), []
    for batch in batches:
        batch = batch.filter(batch.column(0).is_valid())
        for name, found in facts.items():
            found.add(batch.column(0), batch.column(name))
        kept.append(batch.filter(pa.array(rng.random(batch.num_rows) < share)))
    return Counted(facts, pa.Table.from_batches(kept))

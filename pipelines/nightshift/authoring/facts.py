"""What is in a column: counted over all rows some at a time, in memory that does not grow with them."""

import datetime as dt
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from nightshift.stores.key_hashes import key_hashes
from nightshift.stores.types import is_number_or_bool

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
            nights_of_nulls = nights.filter(values.is_null())
            self.nulls_by_night.update(nights_of_nulls.to_pylist())
        known = values.drop_null()
        present = self._without_infinite(known)
        if not len(present):
            return
        if pa.types.is_temporal(present.type) or is_number_or_bool(present.type):
            self._widen(pc.min_max(present))
        self._count_values(present)
        self._add_hashes(present)

    def _without_infinite(self, values: pa.Array) -> pa.Array:
        if not pa.types.is_floating(values.type):
            return values
        is_finite = pc.is_finite(values)
        finite = values.filter(is_finite)
        self.infinite += len(values) - len(finite)
        return finite

    def _widen(self, extremes: Any) -> None:
        low = extremes["min"].as_py()
        high = extremes["max"].as_py()
        if self.low is None:
            self.low = low
            self.high = high
        else:
            self.low = min(self.low, low)
            self.high = max(self.high, high)

    def _count_values(self, values: pa.Array) -> None:
        if self.values is None:
            return
        counted = pc.value_counts(values)
        if len(counted) + len(self.values) <= 2 * MOST_VALUES:
            for item in counted.to_pylist():
                self.values[item["values"]] += item["counts"]
        if len(counted) > MOST_VALUES or len(self.values) > MOST_VALUES:
            self.values = None

    def _add_hashes(self, values: pa.Array) -> None:
        if len(self._hashes) >= MOST_HASHES:
            return
        column = pa.record_batch([values], names=["x"])
        hashes = key_hashes(column)
        together = np.concatenate([self._hashes, hashes])
        distinct = np.unique(together)
        self._hashes = distinct[:MOST_HASHES]


@dataclass
class Counted:
    """Facts of each column by the source's name, and a sample of rows for what needs rows."""

    facts: dict[str, ColumnFacts]
    sample: pa.Table


def count(batches: Iterable[pa.RecordBatch], types: dict[str, pa.DataType], rows: int) -> Counted:
    """Go through batches, whose first column is the night, once. The sample is the same every time."""
    facts = {name: ColumnFacts(kind) for name, kind in types.items()}
    share = min(1.0, SAMPLE_ROWS / max(rows, 1))
    rng = np.random.default_rng(0)
    sampled = []
    for batch in batches:
        has_night = batch.column(0).is_valid()
        dated = batch.filter(has_night)
        nights = dated.column(0)
        for name, column_facts in facts.items():
            column_facts.add(nights, dated.column(name))
        in_sample = rng.random(dated.num_rows) < share
        sampled.append(dated.filter(pa.array(in_sample)))
    return Counted(facts, pa.Table.from_batches(sampled))

"""What the checks of a draft would have cost the nights that it was not drafted from."""

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from nightshift.authoring.columns import EarlyNights
from nightshift.authoring.survey import SourceSummary
from nightshift.sources.named import as_words
from nightshift.spec import ModelSpec
from nightshift.stores.types import REFUSALS, arrow_type, fitted
from nightshift.validation.checks import RowCheck, row_checks
from nightshift.validation.masks import RowMask, missing
from nightshift.validation.night_checks import null_shares
from nightshift.validation.scan import texts

BY_ROWS = frozenset({"null", "range"})


@dataclass
class CheckLoss:
    """Rows of late nights that breach one check of a column, and the first of them."""

    column: str
    kind: str
    rows: Counter[dt.date] = field(default_factory=Counter)
    example: str = ""

    def __str__(self) -> str:
        rows = sum(self.rows.values())
        cost = f"{rows:,} rows of {len(self.rows)} later nights"
        return f"{cost}, as {self.example}" if self.example else cost


@dataclass
class _Rehearsal:
    losses: dict[tuple[str, str], CheckLoss] = field(default_factory=dict)
    rows: Counter[dt.date] = field(default_factory=Counter)
    nulls: dict[str, Counter[dt.date]] = field(default_factory=lambda: defaultdict(Counter))

    def loss(self, column: str, kind: str) -> CheckLoss:
        return self.losses.setdefault((column, kind), CheckLoss(column, kind))


def rehearse(
    spec: ModelSpec,
    source: SourceSummary,
    early: EarlyNights,
) -> list[CheckLoss]:
    """Every check that a late night breaches, with its cost. What does not fit its type is the try-out's to find."""
    rehearsal = _Rehearsal()
    if not early.late:
        return []
    checks = [check for check in row_checks(spec, {}) if check.kind in BY_ROWS]
    for nights, rows in _late_rows(spec, source, early):
        days = np.asarray(nights)
        rehearsal.rows.update(nights.to_pylist())
        for check in checks:
            if check.columns[0] in rows.schema.names:
                _add(rehearsal, check, days, rows)
        for share in null_shares(spec):
            if share.column in rows.schema.names:
                is_null = pa.array(missing(rows.column(share.column)))
                rehearsal.nulls[share.column].update(nights.filter(is_null).to_pylist())
    _add_null_shares(rehearsal, spec)
    return list(rehearsal.losses.values())


def _late_rows(
    spec: ModelSpec,
    source: SourceSummary,
    early: EarlyNights,
) -> Iterator[tuple[pa.Array, pa.RecordBatch]]:
    """The nights of late rows, and the rows as the spec keeps them."""
    late = pa.array(early.late, pa.date32())
    names = {name: column.source or name for name, column in spec.columns.items() if column.of is None}
    for batch in source.batches(list(names.values()), source.stride):
        is_late = pc.is_in(batch.column(0), value_set=late)
        rows = batch.filter(is_late)
        if rows.num_rows:
            yield rows.column(0), as_kept(spec, source.timezone, rows)


def as_kept(
    spec: ModelSpec,
    timezone: str,
    rows: pa.RecordBatch,
) -> pa.RecordBatch:
    """Rows of the source, under its names, as the spec keeps them; without columns that do not fit their type."""
    columns = {}
    for name, column in spec.columns.items():
        if column.of is not None:
            continue
        values = rows.column(column.source or name)
        try:
            if column.codes:
                values = as_words(values)
            columns[name] = fitted(values, arrow_type(column), timezone)
        except REFUSALS:
            continue
    return pa.record_batch(columns)


def _add(
    rehearsal: _Rehearsal,
    check: RowCheck,
    days: RowMask,
    rows: pa.RecordBatch,
) -> None:
    mask = check.breaches(rows)
    if mask is None:
        return
    values = rows.column(check.columns[0])
    if pa.types.is_floating(values.type):
        # An infinite value is the check ``finite``'s, which every float column has.
        mask &= ~np.asarray(pc.is_inf(values).fill_null(False))
    if not mask.any():
        return
    loss = rehearsal.loss(check.columns[0], check.kind)
    loss.rows.update(days[mask].tolist())
    if not loss.example and check.kind != "null":
        first = pa.array(np.flatnonzero(mask)[:1])
        [loss.example] = texts(rows.take(first), check.columns)


def _add_null_shares(rehearsal: _Rehearsal, spec: ModelSpec) -> None:
    for share in null_shares(spec):
        for night, nulls in rehearsal.nulls[share.column].items():
            if not share.holds(nulls, rehearsal.rows[night]):
                loss = rehearsal.loss(share.column, "null share")
                loss.rows[night] += nulls

"""A draft tried on one night in memory, as ``load`` would bring it in: types, checks, labels; nothing is written."""

import math
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from pydantic import ValidationError

from nightshift import sources
from nightshift.authoring.decide import DraftLine
from nightshift.errors import DataError, UsageError
from nightshift.settings import Settings
from nightshift.spec import Column, ModelSpec
from nightshift.steps.ingest import label_schema, with_outcomes
from nightshift.stores import Stores
from nightshift.stores.parquet import conform, schema_of
from nightshift.validation.checks import row_checks
from nightshift.validation.night_checks import null_shares, row_counts
from nightshift.validation.uniqueness import repeated_rows

NOTHING_WRITTEN = "; nothing was written"
SHARE = 0.05
MARGIN = 1.5


@dataclass(frozen=True)
class TryOut:
    """Why a night would be refused, if it would, and which share of its rows would be dropped."""

    refusals: list[str]
    dropped: float

    @property
    def share_to_allow(self) -> float:
        """For ``night.max_quarantined_share``."""
        if self.dropped <= SHARE:
            return SHARE
        percent = math.ceil(100 * MARGIN * self.dropped)
        return min(percent, 99) / 100


def invalid_columns(lines: dict[str, DraftLine]) -> dict[str, str]:
    """Why a line is none that a spec may have, by the column's name."""
    invalid = {}
    for alias, line in lines.items():
        try:
            Column.model_validate(line.keys)
        except ValidationError as error:
            invalid[alias] = error.errors()[0]["msg"]
    return invalid


def unreadable_columns(
    spec: ModelSpec,
    night: str,
    settings: Settings,
) -> dict[str, str]:
    """Why a column of the night cannot be read as the spec has it, by name. Raises ``UsageError`` for a key."""
    stores = Stores(settings)
    unreadable: dict[str, str] = {}
    try:
        _features(spec, night, stores)
        return unreadable
    except DataError as error:
        first = error
    for name in spec.columns:
        chosen = {*spec.keys, name}
        columns = {chosen_name: spec.columns[chosen_name] for chosen_name in spec.columns if chosen_name in chosen}
        alone = spec.model_copy(update={"columns": columns})
        try:
            _features(alone, night, stores)
        except DataError as error:
            unreadable[name] = error.message
    keys = [name for name in spec.keys if name in unreadable]
    if keys or not unreadable:
        raise UsageError(
            f"the draft cannot read the night {night}: {first.message}{NOTHING_WRITTEN}",
            fix=first.fix or "look at --data",
        )
    return unreadable


def try_out(
    spec: ModelSpec,
    night: str,
    settings: Settings,
) -> TryOut:
    """What ``load`` would do with the night. Raises ``UsageError`` where its labels cannot be read."""
    stores = Stores(settings)
    rows = _features(spec, night, stores)
    _require_labels(spec, night, stores)
    [batch] = rows.combine_chunks().to_batches()
    refused = _refused_as_a_whole(spec, batch)
    dropped = np.zeros(batch.num_rows, np.bool_)
    for check in row_checks(spec, {}):
        mask = check.breaches(batch)
        if mask is None:
            continue
        if check.action == "refuse":
            refused.append(f"{check.name} in {int(mask.sum())} rows")
        dropped |= mask
    repeated = repeated_rows(lambda: [batch.select(list(spec.keys))], batch.num_rows)
    # All rows of a repeated key go, not all but the first.
    rows_dropped = int(dropped.sum()) + 2 * repeated
    return TryOut(refused, rows_dropped / batch.num_rows)


def _refused_as_a_whole(spec: ModelSpec, rows: pa.RecordBatch) -> list[str]:
    reasons = []
    for count in row_counts(spec, []):
        if not count.holds(rows.num_rows):
            reasons.append(f"it has {rows.num_rows} rows")
    for share in null_shares(spec):
        nulls = rows.column(share.column).null_count
        if not share.holds(nulls, rows.num_rows):
            reasons.append(f"{share.column} has {nulls} nulls")
    return reasons


def _features(
    spec: ModelSpec,
    night: str,
    stores: Stores,
) -> pa.Table:
    frame = sources.features(spec, night, stores)
    return conform(frame, schema_of(spec.columns), f"{spec.name} {night}", spec.partition.timezone)


def _require_labels(
    spec: ModelSpec,
    night: str,
    stores: Stores,
) -> None:
    try:
        frame = with_outcomes(spec, night, sources.labels(spec, night, stores))
        conform(frame, label_schema(spec), f"{spec.name} {night}", spec.partition.timezone)
    except DataError as error:
        raise UsageError(
            f"--label: the draft cannot read the labels of {night}: {error.message}{NOTHING_WRITTEN}",
            fix=error.fix or "look at the label, or give --label-type",
        ) from error

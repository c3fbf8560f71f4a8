"""How a night is read from its source: digests that say when another reading would give other rows."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from nightshift.contracts import Dataset
from nightshift.spec import FilesSource, ModelSpec
from nightshift.spec.source import Source, SqlSource

SOURCE = "source"
"""What the provenance of a night calls its ``Reading``."""
CUT = "cut_at"
"""What the provenance of a night says that was read no further than one row beyond ``night.max_rows``."""
CLOCK = "clock"
ROWS = "rows"

Reading = dict[str, str]
"""``clock``: what says which night a row is of. ``rows``: all that decides which rows come, and with which values."""


def reading_of(spec: ModelSpec, dataset: Dataset) -> Reading:
    """How the spec has nights of ``raw/`` or ``labels/`` read today."""
    source = spec.label_source if dataset == Dataset.LABELS else spec.source
    clock = [spec.partition.timezone, _night_rule(source, spec)]
    rows = [clock, source.model_dump(mode="json"), _values(spec, dataset)]
    return {CLOCK: _digest(clock), ROWS: _digest(rows)}


def clock_of(spec: ModelSpec, dataset: Dataset) -> str:
    """What says which night a row is of, as a digest."""
    return reading_of(spec, dataset)[CLOCK]


def is_of_clock(spec: ModelSpec, dataset: Dataset, provenance: Mapping[str, Any]) -> bool:
    """Whether the rows of a night were told from those of others as the spec has it today."""
    return is_read_as(provenance, reading_of(spec, dataset), CLOCK)


def cut(spec: ModelSpec, rows: int) -> dict[str, Any]:
    """What a night of so many rows says of where reading stopped; nothing for one that was read to its end."""
    most = spec.night.max_rows
    # Functions give all that they have.
    is_bounded = isinstance(spec.source, FilesSource | SqlSource)
    if most is None or rows <= most or not is_bounded:
        return {}
    return {CUT: most}


def as_read(provenance: Mapping[str, Any]) -> dict[str, Any]:
    """What a night that is made from another says of how that was read."""
    stored = provenance.get(SOURCE)
    return {SOURCE: stored} if stored else {}


def is_read_as(provenance: Mapping[str, Any], reading: Reading, part: str = ROWS) -> bool:
    """Whether a night was read so. One that does not say how, of before it was written down, counts as read so."""
    stored = provenance.get(SOURCE)
    return not stored or stored.get(part) == reading[part]


def _night_rule(source: Source, spec: ModelSpec) -> object:
    if isinstance(source, FilesSource):
        return [source.night, source.column or spec.partition.column]
    return source.model_dump(mode="json")


def _values(spec: ModelSpec, dataset: Dataset) -> object:
    keys = {name: spec.columns[name].source for name in spec.keys}
    if dataset == Dataset.LABELS:
        label = spec.label
        texts = [label.positive, label.negative, label.nulls]
        return [keys, label.source_name, label.type, texts]
    columns = spec.columns.items()
    return {name: [column.source, column.nulls, column.optional] for name, column in columns}


def _digest(content: object) -> str:
    text = json.dumps(content, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]

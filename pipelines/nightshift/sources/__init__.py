"""Where a night's rows come from: one way to ask each of the four kinds of source.

Frames come back with the spec's names; columns that the spec does not name are left out, and said.
"""

from typing import TYPE_CHECKING, TypeAlias

import pyarrow as pa

from nightshift.errors import NoSourceData
from nightshift.partitions import parse_partition
from nightshift.sources import functions
from nightshift.sources.named import WantedColumns
from nightshift.sources.parts import with_parts
from nightshift.spec import CallableSource, FilesSource, ModelSpec, SqlSource
from nightshift.stores import Stores

if TYPE_CHECKING:
    import pandas as pd

Frame: TypeAlias = "pd.DataFrame | pa.Table"


def features(spec: ModelSpec, partition: str, stores: Stores) -> Frame:
    """What is known of the night: the spec's columns.

    Raises ``UsageError`` for a bad key, ``NoSourceData`` when the source has no row of the night,
    ``SourceMissing``, ``SourceUnreadable``, ``SourceUnavailable``, ``SchemaMismatch``, ``SpecError``.
    """
    asked = {name: column for name, column in spec.columns.items() if column.of is None}
    names = {name: column.source or name for name, column in asked.items()}
    wanted = WantedColumns(spec, partition, names)
    rows = _read(wanted, stores)
    return with_parts(spec, rows) if isinstance(rows, pa.Table) else rows


def labels(spec: ModelSpec, partition: str, stores: Stores) -> Frame:
    """How the night turned out: keys and ``label.column``. Raises as ``features``, ``NoSourceData`` without a label.

    Where the spec names ``label.positive`` or ``label.classes`` the label is text.
    """
    label = spec.label
    names = {name: spec.columns[name].source or name for name in spec.keys}
    names[label.column] = label.source_name
    wanted = WantedColumns(spec, partition, names)
    return _read(wanted, stores)


def _read(wanted: WantedColumns, stores: Stores) -> Frame:
    parse_partition(wanted.partition)
    frame = _ask(wanted, stores)
    if not len(frame):
        raise NoSourceData(
            f"{wanted.spec.name}: the source has no rows for {wanted.partition}",
            fix="nothing to do: the night is skipped",
        )
    return frame


def _ask(wanted: WantedColumns, stores: Stores) -> Frame:
    source = wanted.source
    if isinstance(source, FilesSource):
        from nightshift.sources.files import read_night

        return read_night(wanted, source, stores.settings)
    if isinstance(source, SqlSource):
        from nightshift.sources.sql import query_night

        return query_night(wanted, source, stores.settings.models)
    if isinstance(source, CallableSource):
        return functions.call(wanted, source)
    return functions.call_beside(wanted, source, stores.settings.models)

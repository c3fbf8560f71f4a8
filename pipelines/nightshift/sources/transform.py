"""Features of one's own out of a night's rows: ``transform(night, rows)`` in a file beside model.yaml.

It gets the rows of one night and nothing else, as the source has them, and never the label.
"""

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa

from nightshift.errors import SourceUnreadable
from nightshift.partitions import parse_partition
from nightshift.sources.functions import function_beside, returned
from nightshift.sources.named import WantedColumns
from nightshift.spec.clock import require_no_clock

NAME = "transform"


def transformed(
    wanted: WantedColumns,
    rows: pa.Table,
    file: Path,
    *,
    texts: bool,
    commas: bool = False,
) -> pa.Table:
    """The wanted columns of a night's rows after the function of the file; ``texts``: numbers come as text,
    ``commas``: with a decimal comma.

    Raises ``SpecError``, ``SourceUnreadable`` and ``SchemaMismatch``.
    """
    where = f"{wanted.spec.name} {wanted.partition}, from {file.name}:{NAME}"
    columns = {name: rows[name] for name in rows.column_names}
    if not set(wanted.names.values()) <= set(columns) or not wanted.label:
        columns = _applied(wanted, rows, file, where)
    present = wanted.present(list(columns), where)
    wanted.say_left_out(columns)
    chosen = {alias: columns[name] for alias, name in present.items()}
    as_text = wanted.names if texts else ()
    with_commas = wanted.names if commas else ()
    return wanted.fit(
        chosen,
        where,
        texts=as_text,
        commas=with_commas,
    )


def _applied(
    wanted: WantedColumns,
    rows: pa.Table,
    file: Path,
    where: str,
) -> dict[str, Any]:
    """All columns that the function gives back, and the label as it was."""
    label = wanted.spec.label.source_name
    require_no_clock(file)
    function = function_beside(file, NAME)
    night = parse_partition(wanted.partition)
    known = rows.drop_columns([label]) if label in rows.column_names else rows
    # Without pandas' own notes in it, which would bring the index of the file back.
    known = known.replace_schema_metadata(None)
    argument = known if _takes_arrow(function) else known.to_pandas(integer_object_nulls=True)
    frame = returned(lambda: function(night, argument), where)
    if len(frame) != rows.num_rows:
        raise SourceUnreadable(
            f"{where}: gave {len(frame)} rows for {rows.num_rows}: it may change columns, and no rows",
            fix="return a row for each row, in their order",
        )
    columns = _columns(frame, where)
    if label in rows.column_names:
        columns[label] = rows[label]
    return columns


def _takes_arrow(function: Callable[..., Any]) -> bool:
    """Whether its second argument says that it is an Arrow table."""
    parameters = list(inspect.signature(function).parameters.values())
    annotations = [str(parameter.annotation) for parameter in parameters[1:2]]
    return any("Table" in annotation for annotation in annotations)


def _columns(frame: Any, where: str) -> dict[str, Any]:
    if isinstance(frame, pa.Table):
        names = frame.column_names
    else:
        frame = _in_order(frame)
        names = list(frame.columns)
    twice = sorted({str(name) for name in names if names.count(name) > 1})
    if twice:
        raise SourceUnreadable(f"{where}: gave column {', '.join(twice)} twice", fix="mend the function")
    return {str(name): frame[name] for name in names}


def _in_order(frame: Any) -> Any:
    """The rows as they were given, where the index still tells which is which."""
    by_index = frame.sort_index() if frame.index.is_unique and frame.index.dtype.kind == "i" else frame
    given = list(range(len(frame)))
    return by_index if list(by_index.index) == given else frame

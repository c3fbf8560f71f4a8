"""A request and its answer read back from what went over the wire: values by column, and the scores.

By a thread: whatever form they came in, the loop has only kept their bytes.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from nightshift.scoring.kept_rows import AnsweredRows
from nightshift.scoring.values import ColumnValues
from nightshift.serving.clock import arrival
from nightshift.serving.version import ServedVersion

if TYPE_CHECKING:
    from nightshift.serving.keeper import KeptRequest

BY_NAME = "score"
"""The route of rows by column names; the other one is the protocol's, of tensors."""


def answered_rows(request: "KeptRequest") -> AnsweredRows | None:
    """Its rows; None where the caller did not ask for all scores."""
    answer = request.answer.read()
    names = score_names(request.version)
    scores = _of_objects(answer["predictions"]) if request.route == BY_NAME else _of_tensors(answer["outputs"])
    if not set(names) <= set(scores):
        return None
    return AnsweredRows(
        request_id=request.request_id,
        arrived=arrival(request.arrived),
        rows=request.rows,
        columns=columns_of(request.route, request.asked.read()),
        scores={name: scores[name] for name in names},
    )


def score_names(version: ServedVersion) -> list[str]:
    """The published columns that are scores."""
    return [field.name for field in version.label.published_fields() if pa.types.is_float32(field.type)]


def columns_of(route: str, request: Any) -> Mapping[str, ColumnValues]:
    """Values by column, of a request that is known to be one."""
    return _of_objects(request["rows"]) if route == BY_NAME else _of_tensors(request["inputs"])


def _of_objects(rows: list[dict[str, Any]]) -> dict[str, ColumnValues]:
    columns: dict[str, ColumnValues] = {}
    for name in dict.fromkeys(name for row in rows for name in row):
        columns[name] = [row.get(name) for row in rows]
    return columns


def _of_tensors(tensors: list[dict[str, Any]]) -> dict[str, ColumnValues]:
    columns: dict[str, ColumnValues] = {}
    for tensor in tensors:
        columns[tensor["name"]] = [_flat(value) for value in tensor["data"]]
    return columns


def _flat(value: Any) -> Any:
    """A key may be anything, also a list that is none of one value."""
    return value[0] if isinstance(value, list) and len(value) == 1 else value

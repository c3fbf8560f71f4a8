"""Rows of a request as the columns that a version needs: what is missing or unknown is said by name."""

from collections.abc import Iterable, Mapping
from typing import Any

from nightshift.quotes import all_quoted
from nightshift.scoring.values import ColumnValues
from nightshift.serving.refusal import Refusal
from nightshift.serving.version import ServedVersion

MOST_NAMED = 5


def require_known(version: ServedVersion, names: Iterable[str]) -> None:
    """Raises ``Refusal`` for a name that is no column of model.yaml. Those that are no features are left unread."""
    columns = version.spec.columns
    unknown = [name for name in names if name not in columns]
    if unknown:
        raise Refusal(400, f"{version.spec.name} has no column {all_quoted(unknown[:MOST_NAMED])}")


def needed(version: ServedVersion, columns: Mapping[str, ColumnValues], rows: int) -> dict[str, ColumnValues]:
    """The features alone. Raises ``Refusal`` for one that is missing and not ``optional``."""
    chosen: dict[str, ColumnValues] = {}
    missing = []
    for name in version.features:
        values = columns.get(name)
        if values is None and version.spec.columns[name].optional:
            values = [None] * rows
        if values is None:
            missing.append(name)
        else:
            chosen[name] = values
    if missing:
        raise Refusal(400, f"{version.spec.name} needs {', '.join(missing)}, which the request lacks")
    return chosen


def of_rows(version: ServedVersion, rows: list[Any]) -> dict[str, ColumnValues]:
    """Rows by column names as columns. Raises ``Refusal`` where a row lacks one that another has."""
    for row in rows:
        if not isinstance(row, dict):
            raise Refusal(400, "rows must be objects, with a value by the name of each column")
    names = dict.fromkeys(name for row in rows for name in row)
    require_known(version, names)
    columns = {}
    for name in names:
        try:
            columns[name] = [row[name] for row in rows]
        except KeyError:
            if name in version.features:
                raise Refusal(400, f"{name} is missing in some rows; where it is not known, it is null") from None
    return needed(version, columns, len(rows))


def require_rows(rows: int, most: int) -> None:
    """Raises ``Refusal`` for none, or for more than a request may have."""
    if not rows:
        raise Refusal(400, "the request has no rows")
    if rows > most:
        raise Refusal(413, f"the request has {rows} rows, and may have {most}: send them in several")

"""Folders that are tables of their own: read as plain Parquet, what was deleted or replaced in them comes back."""

import re
from collections.abc import Callable, Iterable
from itertools import islice

from nightshift.errors import SourceUnreadable

MARKS = {
    "a Delta table": re.compile(r"(^|/)_delta_log/"),
    "an Iceberg table": re.compile(r"(^|/)metadata/[^/]+\.metadata\.json$"),
    "a Hudi table": re.compile(r"(^|/)\.hoodie/"),
}
LOG_FOLDERS = ("_delta_log/", "metadata/", ".hoodie/")
MOST_LOOKED_AT = 1000


def table_of(path: str) -> dict[str, str]:
    """What kind of table a file is the log of, by the table's folder; empty for other files."""
    for kind, mark in MARKS.items():
        match = mark.search(path)
        if match:
            return {path[: match.start()]: kind}
    return {}


def tables_around(folder: str, names_below: Callable[[str], Iterable[str]]) -> dict[str, str]:
    """The tables that a folder is, or lies in, as ``table_of`` gives them."""
    tables: dict[str, str] = {}
    place = folder.rstrip("/")
    while place:
        for log_folder in LOG_FOLDERS:
            names = names_below(f"{place}/{log_folder}")
            for name in islice(names, MOST_LOOKED_AT):
                tables |= table_of(name)
        place, _, _ = place.rpartition("/")
    return tables


def require_plain(files: Iterable[str], tables: dict[str, str]) -> None:
    """Raise ``SourceUnreadable`` for a file that lies in a table; ``tables`` are as ``table_of`` gives them."""
    for file in files:
        for folder, kind in tables.items():
            if not file.startswith(f"{folder}/"):
                continue
            raise SourceUnreadable(
                f"{folder} is {kind}: read as plain Parquet, its deleted and replaced rows would come back",
                fix="let its own reader give the rows, by source.callable or source.sql;"
                " or write what is current as plain Parquet, and name that",
            )

"""How a request says its rows, and an answer their scores: by names, or as tensors."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from nightshift.scoring.values import ColumnValues
from nightshift.serving.version import PublishedValues, ServedVersion


@dataclass(frozen=True)
class Dialect:
    """``read`` gives the columns of a request and its number of rows, ``show`` the answer with what was published.

    Both raise ``Refusal``.
    """

    read: Callable[[ServedVersion, Any, int], tuple[dict[str, ColumnValues], int]]
    show: Callable[[ServedVersion, Any, PublishedValues, int], dict[str, Any]]

    def __call__(self, version: ServedVersion, request: Any, most_rows: int) -> tuple[dict[str, Any], int]:
        """The answer, and how many rows it has. Raises ``Refusal``, and as ``ServedVersion.answer``."""
        columns, rows = self.read(version, request, most_rows)
        published = version.answer(columns, rows)
        return self.show(version, request, published, rows), rows

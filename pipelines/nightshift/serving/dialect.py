"""How a request says its rows, and an answer their scores: by names, or as tensors."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from nightshift.scoring.values import ColumnValues
from nightshift.serving.batches import Batches
from nightshift.serving.version import PublishedValues, ServedVersion


@dataclass(frozen=True)
class Dialect:
    """``read`` gives the columns of a request and its number of rows, ``show`` the answer with what was published.

    ``at_once`` gives what is published of a request that needs no columns for it, else None. All raise ``Refusal``.
    """

    read: Callable[[ServedVersion, Any, int], tuple[dict[str, ColumnValues], int]]
    show: Callable[[ServedVersion, Any, PublishedValues, int], dict[str, Any]]
    at_once: Callable[[ServedVersion, Any], PublishedValues | None] | None = None

    def __call__(self, version: ServedVersion, request: Any, most_rows: int) -> tuple[dict[str, Any], int]:
        """The answer, and how many rows it has. Raises ``Refusal``, and as ``ServedVersion.answer``."""
        if self.at_once is not None:
            at_once = self.at_once(version, request)
            if at_once is not None:
                return self.show(version, request, at_once, 1), 1
        columns, rows = self.read(version, request, most_rows)
        published = version.answer(columns, rows)
        return self.show(version, request, published, rows), rows

    async def gathered(
        self, batches: Batches, version: ServedVersion, request: Any, most_rows: int
    ) -> tuple[dict[str, Any], int]:
        """The same of rows that wait for those of other requests. Raises as a call does."""
        columns, rows = self.read(version, request, most_rows)
        published = await batches.answer(version, columns, rows)
        return self.show(version, request, published, rows), rows

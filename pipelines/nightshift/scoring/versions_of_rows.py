"""Who scored each row of a night that is about to be published, and what all its shards counted together."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from nightshift.contracts import CanaryRows, Plan, ShardResult
from nightshift.errors import LostRows
from nightshift.profiles.moments import Moments, of_values
from nightshift.scoring.canary import canary_rows
from nightshift.scoring.scorer import added

VERSION = "model_version"
"""The column of a published row that says which version scored it."""


class RowVersions:
    """Holds each row of a file against the plan: the champion scored it, or the canary where the hash drew it."""

    def __init__(self, plan: Plan, where: str) -> None:
        self._plan = plan
        self._where = where
        self._of_canary = 0

    def begin(self) -> None:
        """The file is read from its beginning."""
        self._of_canary = 0

    def check(self, keys: pa.RecordBatch, versions: pa.Array) -> None:
        """Raises ``LostRows`` for a row by a version that the plan has not for it."""
        canary = self._plan.canary
        known = {self._plan.pin.version, canary.pin.version} if canary else {self._plan.pin.version}
        others = [version for version in pc.unique(versions).to_pylist() if version not in known]
        if others:
            planned = " and ".join(sorted(known))
            raise self._fault(f"has rows of version {', '.join(map(str, others))}, planned was {planned}")
        if canary is None:
            return
        is_canarys = pc.equal(versions, canary.pin.version).to_numpy(zero_copy_only=False)
        astray = int(np.count_nonzero(is_canarys != canary_rows(canary, keys)))
        if astray:
            raise self._fault(f"has {astray} rows that the other version was to score, by the hash of their keys")
        self._of_canary += int(np.count_nonzero(is_canarys))

    def require(self, canary: CanaryRows | None) -> None:
        """Raises ``LostRows`` unless the file has as many rows of the canary as its shards counted."""
        counted = canary.rows if canary else 0
        if self._of_canary == counted:
            return
        raise self._fault(f"has {self._of_canary} rows of the canary, its shards counted {counted}")

    def _fault(self, what: str) -> LostRows:
        return LostRows(
            f"{self._where} {what}",
            fix="this is a fault of Nightshift: keep the logs and report it",
        )


def canary_of_night(plan: Plan, results: Sequence[ShardResult]) -> CanaryRows | None:
    """What the canary scored of the whole night; None where the plan has none.

    Raises ``LostRows`` where a shard does not say what it did.
    """
    if plan.canary is None:
        return None
    parts = [result.canary for result in results if result.canary]
    if len(parts) < len(results):
        raise LostRows(
            f"{plan.model} {plan.partition}: a shard does not say which of its rows the canary scored",
            fix="this is a fault of Nightshift: keep the logs and report it",
        )
    rows = 0
    unseen: dict[str, int] | None = None
    for part in parts:
        rows += part.rows
        unseen = added(unseen, part.unseen)
    return CanaryRows(
        rows=rows,
        counts=summed(parts),
        unseen=unseen,
        moments=merged(parts),
    )


def rows_by_version(plan: Plan, canary: CanaryRows | None) -> dict[str, int] | None:
    """How many rows of the night each version scored; None where there is only one."""
    if plan.canary is None or canary is None:
        return None
    others = plan.input_rows - canary.rows
    return {
        plan.pin.version: others,
        plan.canary.pin.version: canary.rows,
    }


def summed(parts: Sequence[ShardResult | CanaryRows]) -> dict[str, list[int]]:
    """Rows per bin of the whole night, by feature."""
    sums: dict[str, list[int]] = {}
    for part in parts:
        for name, counts in part.counts.items():
            before = sums.get(name, [0] * len(counts))
            sums[name] = [sum(pair) for pair in zip(before, counts, strict=True)]
    return sums


def merged(parts: Sequence[ShardResult | CanaryRows]) -> dict[str, list[float]]:
    """Moments of the whole night, by feature."""
    together: dict[str, Moments] = {}
    for part in parts:
        for name, values in part.moments.items():
            of_part = of_values(values)
            before = together.get(name)
            together[name] = before.plus(of_part) if before else of_part
    return {name: list(moments) for name, moments in together.items()}

"""How often a caller may ask, and for how many rows."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from nightshift.errors import UsageError
from nightshift.serving.access.counts import CountedWindow, MemoryCounts, SharedCounts
from nightshift.serving.access.rules import LimitRules
from nightshift.serving.access.secrets import variable
from nightshift.serving.refusal import Refusal

Countable: TypeAlias = Literal["requests", "rows"]
WINDOWS_OF_ONE = 3


@dataclass(frozen=True)
class Quota:
    """So many of something in so many seconds."""

    unit: Countable
    most: int
    seconds: int

    def __str__(self) -> str:
        return f"{self.most} {self.unit} a {'second' if self.seconds == 1 else 'minute'}"


Quotas: TypeAlias = dict[Countable, tuple[Quota, ...]]


def quotas_of(rules: LimitRules) -> Quotas:
    """By what they count."""
    requests = [(rules.requests_per_second, 1), (rules.requests_per_minute, 60)]
    rows = [(rules.rows_per_minute, 60)]
    return {"requests": _quotas("requests", requests), "rows": _quotas("rows", rows)}


def _quotas(unit: Countable, bounds: Iterable[tuple[int | None, int]]) -> tuple[Quota, ...]:
    return tuple(Quota(unit, most, seconds) for most, seconds in bounds if most is not None)


class CallerLimits:
    """Those of one model. Each caller has quotas of its own."""

    def __init__(self, model: str, quotas: Quotas, counts: MemoryCounts | SharedCounts) -> None:
        self._model = model
        self._quotas = quotas
        self._counts = counts

    @property
    def by_memory(self) -> int:
        """How often Redis should have counted, and was away."""
        return self._counts.by_memory if isinstance(self._counts, SharedCounts) else 0

    async def spend(self, caller: str, unit: Countable, amount: int = 1) -> None:
        """Count it. Raises ``Refusal``: 429 for more than a quota has, 413 for more than it ever has."""
        quotas = self._quotas[unit]
        if not quotas or not amount:
            return
        for quota in quotas:
            if amount > quota.most:
                raise Refusal(413, f"a caller may have {quota}, and the request has {amount}: send fewer at once")
        windows = [CountedWindow(f"{self._model}:{unit}:{quota.seconds}:{caller}", quota.seconds) for quota in quotas]
        counts = self._counts
        counted = counts.add(windows, amount) if isinstance(counts, MemoryCounts) else await counts.add(windows, amount)
        for quota, (spent, seconds) in zip(quotas, counted, strict=True):
            if spent > quota.most:
                raise Refusal(429, f"a caller may have {quota}, and that was more", max(1, math.ceil(seconds)))


def limits_of(rules: LimitRules, model: str) -> CallerLimits:
    """Raises ``UsageError`` where the address of Redis should be and is not."""
    memory = MemoryCounts(rules.callers * WINDOWS_OF_ONE)
    counts: MemoryCounts | SharedCounts = memory
    if rules.redis_env is not None:
        counts = _shared(rules.redis_env, memory)
    return CallerLimits(model, quotas_of(rules), counts)


def _shared(name: str, memory: MemoryCounts) -> SharedCounts:
    url = variable(name, "it has the address of the Redis that counts for all servers")
    try:
        return SharedCounts(url, memory)
    except ValueError:
        # What it says quotes the address.
        raise UsageError(
            f"{name} is no address of Redis", fix="redis://HOST:PORT/NUMBER, or rediss:// with TLS"
        ) from None

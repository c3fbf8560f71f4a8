"""Rows of several requests in one call of the graph: each caller gets the scores of their own, with the same bits.

A call has no more rows than sizes were tried of the version's bits, and one of which the bits depend on the size is
asked row by row as without. A graph that is done in ten microseconds gains nothing of it; a slow one may.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from prometheus_client.core import CounterMetricFamily

from nightshift.modelling.arrays import Float32s
from nightshift.scoring.feeds import GraphInputs
from nightshift.scoring.values import ColumnValues
from nightshift.serving.version import PublishedValues, ServedVersion


@dataclass
class _Fed:
    """A request's rows as the graph takes them, and who waits for their scores."""

    inputs: GraphInputs
    rows: int
    scores: "asyncio.Future[Float32s]"


@dataclass
class _Call:
    """Requests that are scored together, by one version."""

    version: ServedVersion
    waiting: list[_Fed] = field(default_factory=list)

    @property
    def rows(self) -> int:
        """Of all of them."""
        return sum(fed.rows for fed in self.waiting)


class Batches:
    """Gathers requests until there are ``most_rows``, or the first has waited ``seconds``. For the loop alone."""

    def __init__(self, most_rows: int, seconds: float) -> None:
        self.calls = 0
        self.requests = 0
        self._most_rows = most_rows
        self._seconds = seconds
        self._open: _Call | None = None

    async def answer(self, version: ServedVersion, columns: dict[str, ColumnValues], rows: int) -> PublishedValues:
        """As ``ServedVersion.answer``, a little later."""
        # What is wrong with the rows of one caller is said to them, before others are beside them.
        inputs = version.feeds(columns, rows)
        most = self._most(version)
        if rows >= most:
            return version.published_of(version.graph.score_fed(inputs, rows))
        scores = await self._gathered(version, _Fed(inputs, rows, asyncio.get_running_loop().create_future()), most)
        return version.published_of(scores)

    def _most(self, version: ServedVersion) -> int:
        """Rows of a call whose bits were tried."""
        agreement = version.agreement
        if agreement is None or not agreement.is_servable or not agreement.sizes:
            return 0
        return min(self._most_rows, agreement.sizes[-1])

    def _gathered(self, version: ServedVersion, fed: _Fed, most: int) -> "asyncio.Future[Float32s]":
        call = self._open
        if call is not None and (call.version is not version or call.rows + fed.rows > most):
            self._score(call)
            call = None
        if call is None:
            call = _Call(version)
            self._open = call
            asyncio.get_running_loop().call_later(self._seconds, self._score, call)
        call.waiting.append(fed)
        if call.rows >= most:
            self._score(call)
        return fed.scores

    def _score(self, call: _Call) -> None:
        """All that wait; one that was scored before its time was over has nobody left."""
        if call is self._open:
            self._open = None
        waiting = [fed for fed in call.waiting if not fed.scores.done()]
        call.waiting.clear()
        if not waiting:
            return
        self.calls += 1
        self.requests += len(waiting)
        try:
            scores = _scored(call.version, waiting)
        except Exception:  # noqa: BLE001 whose rows have no score shows when each is asked by itself
            for fed in waiting:
                _score_alone(call.version, fed)
            return
        for fed, own in zip(waiting, scores, strict=True):
            fed.scores.set_result(own)

    def collect(self) -> list[Any]:
        """Its figures, as a registry of Prometheus asks for them."""
        calls = "Calls of the graph with rows of requests that waited for each other."
        return [
            CounterMetricFamily("nightshift_serve_batches", calls, self.calls),
            CounterMetricFamily("nightshift_serve_batched_requests", "Requests in them.", self.requests),
        ]


def _scored(version: ServedVersion, waiting: Sequence[_Fed]) -> list[Float32s]:
    """The scores of each. Raises ``ModelError`` where those of any cannot be."""
    if len(waiting) == 1:
        (fed,) = waiting
        return [version.graph.score_fed(fed.inputs, fed.rows)]
    joined = {}
    for name in waiting[0].inputs:
        parts = [fed.inputs[name] for fed in waiting]
        joined[name] = np.concatenate(parts)
    ends = np.cumsum([fed.rows for fed in waiting])
    scores = version.graph.score_fed(joined, int(ends[-1]))
    return np.split(scores, ends[:-1])


def _score_alone(version: ServedVersion, fed: _Fed) -> None:
    try:
        fed.scores.set_result(version.graph.score_fed(fed.inputs, fed.rows))
    except Exception as error:  # noqa: BLE001 it is raised where the request waits, which would wait for ever
        fed.scores.set_exception(error)

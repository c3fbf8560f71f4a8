"""What goes on beside the answers: requests are kept for the next night, and a score of the last one stands in."""

import logging
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

from nightshift.errors import DataError, ModelError
from nightshift.scoring.kept_rows import KeptColumns
from nightshift.serving.exchange import Exchange, Reply
from nightshift.serving.fallback import Fallback
from nightshift.serving.keeper import RequestKeeper
from nightshift.serving.metrics import PREFIX
from nightshift.serving.options import ServeOptions
from nightshift.serving.refusal import Refusal, TookTooLong
from nightshift.serving.regularly import Regularly
from nightshift.serving.stand import Stand
from nightshift.serving.version import ServedVersion
from nightshift.serving.wire import Wire
from nightshift.spec import ModelSpec
from nightshift.stores import Stores

log = logging.getLogger("nightshift.serving")
FLUSH_SECONDS = 30.0
PATIENCE = 20.0
"""Seconds that the end of a server waits for what its threads are at."""


class BesideAnswers:
    """Either may be off. With both off there is none of this."""

    def __init__(self, keeper: RequestKeeper | None = None, fallback: Fallback | None = None) -> None:
        self._keeper = keeper
        self._fallback = fallback

    async def answered(
        self, exchange: Exchange, body: bytes, version: ServedVersion, wire: Wire, reply_of: Awaitable[Reply]
    ) -> Reply:
        """The answer of ``version``, or what stands in for it. Raises what kept it from answering."""
        try:
            reply = await reply_of
        except Exception as error:
            if self._fallback is None or not is_of_server(error):
                raise
            given = self._fallback.reply(exchange, body, version, wire)
            if given is None:
                raise
            log.warning("request %s: %s; it is given the last night's scores", exchange.request_id, _why(error))
            return given
        if self._keeper is not None:
            self._keeper.offer(exchange, body, reply, wire)
        return reply

    def collect(self) -> list[Any]:
        """Figures for Prometheus."""
        families: list[Any] = []
        keeper = self._keeper
        if keeper is not None:
            kept = "Rows of answers that lie in the lake, to be scored again by a night."
            families.append(CounterMetricFamily(f"{PREFIX}replay_rows", kept, keeper.kept))
            waiting = "Rows that are not in the lake yet."
            families.append(GaugeMetricFamily(f"{PREFIX}replay_waiting_rows", waiting, keeper.rows_waiting))
            dropped = CounterMetricFamily(
                f"{PREFIX}replay_dropped_rows", "Rows that were drawn and are not kept, by reason.", labels=["reason"]
            )
            for reason, rows in keeper.dropped.items():
                dropped.add_metric([reason], rows)
            families.append(dropped)
        if self._fallback is not None:
            families += self._fallback.collect()
        return families


def is_of_server(error: Exception) -> bool:
    """Whether a request failed through no fault of its own: scoring broke off, or took too long."""
    if isinstance(error, TookTooLong):
        return True
    return not isinstance(error, (Refusal, DataError))


def _why(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".splitlines()[0]


@contextmanager
def beside(stand: Stand, spec: ModelSpec, stores: Stores, options: ServeOptions) -> Iterator[BesideAnswers | None]:
    """What the options ask for, at work until the block ends; None where they ask for nothing.

    Raises ``ModelError`` where rows of this model cannot be kept.
    """
    keeping = _keeping(stand, stores, options)
    standing_in = _standing_in(spec, stores, options)
    at_work = [work for work in (keeping, standing_in) if work is not None]
    for work in at_work:
        work.thread.begin()
    try:
        keeper = keeping.of if keeping is not None else None
        fallback = standing_in.of if standing_in is not None else None
        yield BesideAnswers(keeper, fallback) if at_work else None
    finally:
        for work in at_work:
            # Who still waits for the lake is not waited for, and nobody else does its work beside it.
            if work.thread.end(PATIENCE):
                work.of.close()
            else:
                work.of.give_up()


T = TypeVar("T", RequestKeeper, Fallback)


@dataclass(frozen=True)
class _AtWork(Generic[T]):
    of: T
    thread: Regularly


def _keeping(stand: Stand, stores: Stores, options: ServeOptions) -> _AtWork[RequestKeeper] | None:
    if not options.replay:
        return None
    require_keepable(stand)
    if not stand_replays(stand):
        log.info("no night replays what is kept by itself, without predict.replay: nightshift replay %s", stand.model)
    keeper = RequestKeeper(options.replay, stores.lake.objects.put)
    return _AtWork(keeper, Regularly("keeping requests", FLUSH_SECONDS, keeper.flush))


def _standing_in(spec: ModelSpec, stores: Stores, options: ServeOptions) -> _AtWork[Fallback] | None:
    if options.fallback is None:
        return None
    fallback = Fallback(spec, stores, options.fallback)
    return _AtWork(fallback, Regularly("the last night's scores", options.interval, fallback.refresh, at_once=True))


def stand_replays(stand: Stand) -> bool:
    """Whether model.yaml has each night replay what is kept."""
    return stand.version is not None and stand.version.spec.predict.replay


def require_keepable(stand: Stand) -> None:
    """Raises ``ModelError`` where the version that answers takes a personal number: it has no code to be kept as."""
    version = stand.version
    if version is None:
        return
    without = KeptColumns(version.spec, version.graph).without_code
    if without:
        raise ModelError(
            f"{version.pin.model} version {version.pin.version}: rows cannot be kept for a replay, for"
            f" {', '.join(without)} is personal, and has no code to be kept as",
            fix="serve it without --replay",
        )

"""The last published night's score of a key, where a row cannot be scored: said to be that, and never too old."""

import logging
import shutil
import tempfile
from pathlib import Path
from typing import Any

import pyarrow as pa
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

from nightshift.errors import NightshiftError
from nightshift.scoring.values import as_lake
from nightshift.scoring.versions_of_rows import VERSION
from nightshift.serving import by_name, protocol
from nightshift.serving.clock import age_in_days
from nightshift.serving.exchange import Exchange, Reply
from nightshift.serving.kept_request import BY_NAME, columns_of
from nightshift.serving.last_night import last_night
from nightshift.serving.last_scores import LastScores, open_last_scores
from nightshift.serving.metrics import PREFIX
from nightshift.serving.version import PublishedValues, ServedVersion
from nightshift.serving.wire import UNREADABLE, Wire
from nightshift.spec import ModelSpec
from nightshift.stores import Stores
from nightshift.stores.manifest import Manifest
from nightshift.stores.types import REFUSALS, arrow_type, plain_values

log = logging.getLogger("nightshift.serving")
HEADER = b"nightshift-fallback"


class Fallback:
    """``refresh`` is for a thread; who asks for a reply meanwhile gets it by the night before."""

    def __init__(self, spec: ModelSpec, stores: Stores, most_days: int) -> None:
        self.rows = 0
        self._spec = spec
        self._stores = stores
        self._most_days = most_days
        self._scores: LastScores | None = None
        self._withdrawn: frozenset[str] = frozenset()
        self._folder = Path(tempfile.mkdtemp(prefix="nightshift-fallback-"))

    def refresh(self) -> None:
        """Look whether another night is the last one, and who was withdrawn. The lake away changes nothing."""
        try:
            head = self._stores.aliases.ledger(self._spec.name).head()
            self._withdrawn = frozenset(head.withdrawn)
            night = last_night(self._spec, self._stores)
            if night is None:
                self._scores = None
            elif self._scores is None or night.generation != self._scores.generation:
                self._open(night)
        except NightshiftError as error:
            log.warning("the last night's scores are as they were: %s", error.message)

    def reply(self, exchange: Exchange, body: bytes, version: ServedVersion, wire: Wire) -> Reply | None:
        """The night's scores of the keys of a body, all by one version that was not withdrawn; None where not.

        In the form that the request wants of an answer.
        """
        scores = self._scores
        if scores is None or age_in_days(scores.night, self._spec.partition.timezone) > self._most_days:
            return None
        try:
            request = wire.asked(exchange, body).read()
            keys = self._keys(exchange.route, request)
            rows = None if keys is None else scores.find(keys)
            answered_by = None if rows is None else self._only_version(rows, scores)
            if rows is None or answered_by is None:
                return None
            made_by = version.named(answered_by, scores.digests[answered_by])
            answer = self._answer(exchange.route, request, rows, made_by, scores.night)
            reply = wire.show(request, answer, made_by, 0)
        except (*REFUSALS, *UNREADABLE):
            # The answer is what it would have been.
            return None
        reply.headers = (*reply.headers, (HEADER, scores.night.encode()))
        self.rows += rows.num_rows
        return reply

    def collect(self) -> list[Any]:
        """Figures for Prometheus."""
        given = "Rows that were given the last night's score, since theirs could not be had."
        families: list[Any] = [CounterMetricFamily(f"{PREFIX}fallback_rows", given, self.rows)]
        scores = self._scores
        if scores is not None:
            age = float(age_in_days(scores.night, self._spec.partition.timezone))
            words = "Days since the night whose scores would be given."
            families.append(GaugeMetricFamily(f"{PREFIX}fallback_age_days", words, age))
        return families

    def close(self) -> None:
        """Its files go."""
        self._scores = None
        shutil.rmtree(self._folder, ignore_errors=True)

    def give_up(self) -> None:
        """The thread still reads the night: its file is left to it."""
        log.warning("%s: the last night's scores were still read; %s stays", self._spec.name, self._folder)

    def _open(self, night: Manifest) -> None:
        file = self._folder / f"{night.generation}.arrow"
        self._scores = open_last_scores(self._spec, night, self._stores.lake, file)
        log.info("%s: where scoring fails, scores of %s are given", self._spec.name, night.partition)
        for former in self._folder.iterdir():
            # Who still reads one has it mapped.
            if former != file:
                former.unlink(missing_ok=True)

    def _keys(self, route: str, request: Any) -> pa.RecordBatch | None:
        columns = columns_of(route, request)
        arrays = []
        for name in self._spec.keys:
            values = columns.get(name)
            if values is None or None in values:
                return None
            column = self._spec.columns[name]
            arrays.append(as_lake(values, column).cast(arrow_type(column)))
        return pa.RecordBatch.from_arrays(arrays, names=list(self._spec.keys))

    def _only_version(self, rows: pa.Table, scores: LastScores) -> str | None:
        """An answer has one version, of which the digest is known."""
        versions = set(rows[VERSION].to_pylist())
        if len(versions) != 1:
            return None
        version = str(versions.pop())
        return version if version in scores.digests and version not in self._withdrawn else None

    def _answer(self, route: str, request: Any, rows: pa.Table, made_by: ServedVersion, night: str) -> dict[str, Any]:
        published: PublishedValues = {name: plain_values(rows[name].combine_chunks()) for name in made_by.published}
        marks = {"fallback": True, "night": night}
        if route == BY_NAME:
            return by_name.answered(made_by, request, published, rows.num_rows) | marks
        answer = protocol.answered(made_by, request, published, rows.num_rows)
        answer["parameters"] |= marks
        return answer

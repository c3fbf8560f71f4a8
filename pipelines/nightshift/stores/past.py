"""The lake as it was on a night: what later nights wrote is not seen, and what is written stays in memory.

Steps run on it as on the lake itself, and nothing of what they do reaches it.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from typing_extensions import override

from nightshift.contracts import Dataset
from nightshift.settings import Settings
from nightshift.stores import Stores, layout
from nightshift.stores.lake import Lake
from nightshift.stores.moves import AliasHead
from nightshift.stores.objects import BYTES, ConditionFailed, ObjectHead, ObjectInfo, Objects
from nightshift.stores.records import MOST_BYTES

# What is judged again was judged after all that it rests on.
LATEST = dt.datetime(9999, 1, 1, tzinfo=dt.UTC)


@dataclass
class Moment:
    """How much of a model's lake is seen.

    What monitoring said of nights before ``first``, and of the accuracy of those before ``first_labelled``; and so many
    ``moves`` of aliases.
    """

    model: str
    first: str
    first_labelled: str
    moves: int = 0

    def hides(self, key: str) -> bool:
        """Whether what lies under a key was written later."""
        if key.startswith((layout.decisions(self.model), layout.retrains(self.model))):
            return True
        if key.startswith(layout.stem(layout.accuracy(self.model, night=""))):
            return layout.night_of_decision(key) >= self.first_labelled
        if key.startswith(layout.ledger(self.model)):
            return self._hides_move(key)
        night = self._monitored_night(key)
        return night is not None and night >= self.first

    def _monitored_night(self, key: str) -> str | None:
        """The night that this is of what monitoring said: its record, or that it was monitored."""
        manifests = layout.manifests(Dataset.MONITORING, self.model)
        if not layout.is_drift(key) and not key.startswith(manifests):
            return None
        night = layout.night_in(key, Dataset.MONITORING, self.model)
        return night.partition if night else None

    def _hides_move(self, key: str) -> bool:
        log = layout.ledger(self.model)
        if key == layout.ledger_head(log):
            return True
        number = layout.number_of_entry(log, key)
        if number is None:
            return False
        return number > self.moves


class PastObjects(Objects):
    """The bucket at a moment; what is written to it is kept here, and seen by who asks here."""

    def __init__(self, settings: Settings, uri: str, moment: Moment) -> None:
        super().__init__(settings, uri)
        self._moment = moment
        self._kept: dict[str, bytes | None] = {}

    @override
    def get(self, key: str, most: int = MOST_BYTES) -> tuple[bytes, str] | None:
        if self._is_through(key):
            return super().get(key, most)
        body = self._kept.get(key)
        if body is None:
            return None
        return body, _etag(body)

    def _is_through(self, key: str) -> bool:
        """Whether the bucket itself answers."""
        if key in self._kept:
            return False
        return not self._moment.hides(key)

    @override
    def head(self, key: str) -> ObjectHead | None:
        if self._is_through(key):
            return super().head(key)
        body = self._kept.get(key)
        if body is None:
            return None
        return ObjectHead(
            etag=_etag(body),
            size=len(body),
            metadata={},
            modified=LATEST,
        )

    @override
    def put(self, key: str, body: bytes, content_type: str = BYTES, **headers: str) -> None:
        self._kept[key] = body

    @override
    def put_if(self, key: str, body: bytes, etag: str | None) -> None:
        standing = self.head(key)
        if (standing.etag if standing else None) != etag:
            raise ConditionFailed(key)
        self._kept[key] = body

    @override
    def delete(self, key: str) -> None:
        self._kept[key] = None

    @override
    def delete_once(self, key: str) -> None:
        self._kept[key] = None

    @override
    def copy(self, source: str, target: str, metadata: dict[str, str], over: str | None = None) -> None:
        raise NotImplementedError(target)

    @override
    def stream(self, key: str) -> Any:
        raise NotImplementedError(key)

    @override
    def keys_after(self, prefix: str, key: str) -> list[str]:
        return [item.key for item in self.listing(prefix, after=key)]

    @override
    def listing(self, prefix: str, after: str = "") -> Iterator[ObjectInfo]:
        items = {}
        for item in super().listing(prefix, after):
            if self._is_through(item.key):
                items[item.key] = item
        for key, body in self._kept.items():
            if body is None:
                continue
            if key.startswith(prefix) and key > after:
                items[key] = _info(key, body)
        for key in sorted(items):
            yield items[key]


@dataclass(frozen=True)
class PastStores(Stores):
    """The stores at a moment: of the lake; MLflow is not asked by what judges nights."""

    moment: Moment = field(kw_only=True)

    @cached_property
    def lake(self) -> Lake:
        """The lake as of the moment."""
        lake = Lake(self.settings, self.began)
        lake.objects = PastObjects(self.settings, self.settings.lake, self.moment)
        return lake


def moves_before(head: AliasHead, nights: dict[int, str], night: str, scored_by: str | None) -> int:
    """How many moves of the aliases there were when a night was judged: of later nights there were none.

    A move of the night itself was there, where the version that it made champion scored the night.
    """
    for standing in head.standings:
        since = nights.get(standing.number, "")
        if since > night or (since == night and standing.version != scored_by):
            return standing.number - 1
    return head.number


def _info(key: str, body: bytes) -> ObjectInfo:
    return ObjectInfo(
        key=key,
        size=len(body),
        modified=LATEST,
        etag=_etag(body),
    )


def _etag(body: bytes) -> str:
    return hashlib.md5(body, usedforsecurity=False).hexdigest()

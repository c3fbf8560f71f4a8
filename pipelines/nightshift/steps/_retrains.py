"""What the governor decided, as it is kept: the log of started retrains, and a record for each night.

The log is sealed, and alone says what was started. Records of nights are for people; those of an earlier version that
say that they started a retrain count once a person has vouched for them.
"""

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from nightshift.contracts import Decision
from nightshift.errors import UnreadableRecord
from nightshift.partitions import days_between
from nightshift.spec import ModelSpec
from nightshift.stores import Stores, layout
from nightshift.stores.ledger import Ledger, LedgerHead
from nightshift.stores.objects import Objects
from nightshift.stores.records import Record

log = logging.getLogger("nightshift")


@dataclass(frozen=True)
class Causes:
    """What the governor saw. ``None`` is a night without a record of this version.

    ``drifted`` and ``lost`` are by night, oldest first; ``started`` are nights within the cooldown that
    started a retrain; ``new_nights`` are labelled nights after the champion's training window; ``champion`` is the
    version that a retrain would replace, None where nobody knew it.
    """

    partition: str
    version: str
    drifted: Mapping[str, bool | None]
    lost: Mapping[str, bool | None]
    started: Sequence[str]
    trained_through: str
    new_nights: int
    champion: str | None = None


class DecisionRecord(Record):
    """A decision with everything that it rests on; ``policy`` is ``retrain`` of the spec as it was then."""

    what = "a decision of the governor"

    format: Literal[1] = 1
    model: str
    partition: str
    retrain: bool
    reason: str
    run_id: str
    evidence: Causes
    policy: dict[str, Any]

    @property
    def decision(self) -> Decision:
        """Without what it rests on."""
        return Decision(
            model=self.model,
            partition=self.partition,
            retrain=self.retrain,
            reason=self.reason,
            run_id=self.run_id,
        )


class StartedRetrain(BaseModel):
    """The number of the entry that started a retrain, and the version that it was about."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    number: int
    version: str


class StartedRetrains(LedgerHead):
    """Every retrain that was ever started, by its night."""

    nights: dict[str, StartedRetrain] = Field(default_factory=dict)


def started_retrains(model: str, stores: Stores) -> Ledger[DecisionRecord, StartedRetrains]:
    """The decisions that started a retrain, each written before it and never again."""
    prefix = layout.retrains(model)
    return Ledger(stores.lake.objects, prefix, DecisionRecord, StartedRetrains, _with_retrain)


def _with_retrain(head: StartedRetrains, number: int, record: DecisionRecord) -> StartedRetrains:
    started = StartedRetrain(number=number, version=record.evidence.version)
    return head.model_copy(update={"nights": {**head.nights, record.partition: started}})


def read_decisions(spec: ModelSpec, stores: Stores) -> Iterator[DecisionRecord]:
    """All decisions about a model, by night. Raises ``UnreadableRecord``."""
    objects = stores.lake.objects
    for key in objects.keys(layout.decisions(spec.name)):
        record = objects.get_record(key, DecisionRecord)
        if record:
            yield record


def unsealed_retrains(model: str, retrains: StartedRetrains, stores: Stores) -> Iterator[DecisionRecord]:
    """Decisions that say they started a retrain, which the sealed log does not: for a person to vouch for."""
    objects = stores.lake.objects
    for key in objects.keys(layout.decisions(model)):
        night = layout.night_of_decision(key)
        if night not in retrains.nights:
            record = unsealed_retrain(model, key, objects)
            if record:
                yield record


def unsealed_retrain(model: str, key: str, objects: Objects) -> DecisionRecord | None:
    """The decision at a key, if it is to start a retrain; a copy from elsewhere says nothing of this night."""
    record = _readable(key, objects)
    is_own = record is not None and layout.decision(model, record.partition) == key and record.model == model
    return record if record and is_own and record.retrain else None


def warn_of_unsealed(spec: ModelSpec, partition: str, retrains: StartedRetrains, stores: Stores) -> None:
    """Name the nights within the cooldown that would count, had a person vouched for them."""
    objects = stores.lake.objects
    for key in objects.keys(layout.decisions(spec.name)):
        night = layout.night_of_decision(key)
        days = abs(days_between(night, partition))
        is_near = 0 < days <= spec.retrain.cooldown_days
        if is_near and night not in retrains.nights and unsealed_retrain(spec.name, key, objects):
            log.warning(
                "%s: that %s started a retrain is not sealed, and does not count; if it is right: nightshift seal %s",
                spec.name,
                night,
                spec.name,
            )


def _readable(key: str, objects: Objects) -> DecisionRecord | None:
    """A decision, or None: what is damaged costs its own night. All that started a retrain is in the ledger."""
    try:
        return objects.get_record(key, DecisionRecord)
    except UnreadableRecord as error:
        log.warning("a decision is left out: %s", error)
        return None

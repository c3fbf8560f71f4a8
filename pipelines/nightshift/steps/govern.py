"""Whether what monitoring saw is worth a training, and why or why not.

Every decision is written down, also when it is no; one that starts a retrain is in a ledger first, which nothing
overwrites. It depends on the records of the lake alone, never on the clock, so a repeated night decides the same.
"""

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from nightshift.contracts import Dataset, Decision, NightReport
from nightshift.errors import MissingPartition, UnreadableRecord
from nightshift.monitoring.accuracy import standing_record
from nightshift.monitoring.night_record import read_night_record
from nightshift.partitions import days_between
from nightshift.spec import ModelSpec, Retrain
from nightshift.stores import Stores, layout
from nightshift.stores.ledger import Ledger, LedgerHead
from nightshift.stores.objects import Objects
from nightshift.stores.records import Record

log = logging.getLogger("nightshift")


@dataclass(frozen=True)
class Evidence:
    """What the governor saw. ``None`` is a night without a record of this version.

    ``drifted`` and ``lost`` are by night, oldest first; ``started`` are nights within the cooldown that
    started a retrain; ``new_nights`` are labelled nights after the champion's training window.
    """

    partition: str
    version: str
    drifted: Mapping[str, bool | None]
    lost: Mapping[str, bool | None]
    started: Sequence[str]
    trained_through: str
    new_nights: int


class DecisionRecord(Record):
    """A decision with everything that it rests on; ``policy`` is ``retrain`` of the spec as it was then."""

    what = "a decision of the governor"

    format: Literal[1] = 1
    model: str
    partition: str
    retrain: bool
    reason: str
    run_id: str
    evidence: Evidence
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


def govern(spec: ModelSpec, report: NightReport, stores: Stores) -> Decision:
    """Decide about the night of ``report`` and keep the decision with everything it rests on.

    A night starts one retrain at most: asked again about the same version, it says the same yes.
    Raises ``MissingPartition`` when the night was never monitored, ``LakeUnavailable``.
    """
    objects = stores.lake.objects
    key = layout.decision(spec.name, report.partition)
    ledger = started_retrains(spec.name, stores)
    _adopt(report, ledger, stores)
    for head in ledger.attempts():
        own = head.nights.get(report.partition)
        if own and own.version == report.version:
            record = ledger.entry(own.number)
            break
        record = _decided(spec, gather(spec, report, head, stores))
        if not record.retrain or ledger.append(head, record):
            break
    objects.put_record(key, record)
    return record.decision


def started_retrains(model: str, stores: Stores) -> Ledger[DecisionRecord, StartedRetrains]:
    """The decisions that started a retrain, each written before it and never again."""
    prefix = layout.retrains(model)
    return Ledger(stores.lake.objects, prefix, DecisionRecord, StartedRetrains, _with_retrain)


def _with_retrain(head: StartedRetrains, number: int, record: DecisionRecord) -> StartedRetrains:
    started = StartedRetrain(number=number, version=record.evidence.version)
    return head.model_copy(update={"nights": {**head.nights, record.partition: started}})


def _adopt(report: NightReport, ledger: Ledger[DecisionRecord, StartedRetrains], stores: Stores) -> None:
    """Take a retrain into the ledger that a night started before there was one: its record is written anew now."""
    try:
        record = stores.lake.objects.get_record(layout.decision(report.model, report.partition), DecisionRecord)
    except UnreadableRecord:
        return
    # A copy from elsewhere says nothing of this night.
    is_own = record is not None and (record.model, record.partition) == (report.model, report.partition)
    if record is None or not is_own or not record.retrain:
        return
    for head in ledger.attempts():
        if record.partition in head.nights or ledger.append(head, record):
            return


def _decided(spec: ModelSpec, evidence: Evidence) -> DecisionRecord:
    decision = decide(spec, evidence)
    return DecisionRecord(
        **asdict(decision),
        evidence=evidence,
        policy=spec.retrain.model_dump(),
    )


def read_decisions(spec: ModelSpec, stores: Stores) -> Iterator[DecisionRecord]:
    """All decisions about a model, by night. Raises ``UnreadableRecord``."""
    objects = stores.lake.objects
    for key in objects.keys(layout.decisions(spec.name)):
        record = objects.get_record(key, DecisionRecord)
        if record:
            yield record


def decide(spec: ModelSpec, evidence: Evidence) -> Decision:
    """The policy, on evidence alone: enough alarms start a retrain unless something speaks against it."""
    policy = spec.retrain
    alarms = [
        _alarm("drifted", "nights", evidence.drifted, policy),
        _alarm("lost accuracy", "labelled nights", evidence.lost, policy),
    ]
    enough = [alarm for alarm in alarms if alarm.enough]
    objections = _objections(policy, evidence)
    reason = _sentence(enough or alarms)
    if enough and objections:
        reason = f"{reason}; suppressed: {'; '.join(objections)}"
    return Decision(
        model=spec.name,
        partition=evidence.partition,
        retrain=bool(enough) and not objections,
        reason=reason,
        run_id=f"retrain__{spec.name}__{evidence.partition}",
    )


@dataclass(frozen=True)
class _Alarm:
    """How many nights alarmed, in words, and whether that is enough for a training."""

    text: str
    enough: bool


def _sentence(alarms: list[_Alarm]) -> str:
    texts = [alarm.text for alarm in alarms]
    return "; ".join(texts)


def gather(spec: ModelSpec, report: NightReport, retrains: StartedRetrains, stores: Stores) -> Evidence:
    """Read the records that a decision rests on. Verdicts of other model versions are left out."""
    record = read_night_record(spec, report.partition, stores)
    if record is None:
        raise MissingPartition(
            f"{spec.name}: {report.partition} has no monitoring record",
            fix=f"nightshift monitor {spec.name} {report.partition}",
        )
    last_labelled = spec.labelled_night(report.partition)
    nights = _last_nights(spec, report.partition)
    labelled_nights = spec.nights_through(last_labelled, spec.retrain.of)
    trained_through = record.pin.trained_through
    drifted = {night: _drifted(spec, night, report.version, stores) for night in nights}
    lost = {night: _lost(spec, night, report.version, stores) for night in labelled_nights}
    return Evidence(
        partition=report.partition,
        version=report.version,
        drifted=drifted,
        lost=lost,
        started=_started(spec, report.partition, retrains, stores),
        trained_through=trained_through,
        new_nights=_count_labelled(spec, trained_through, last_labelled, stores),
    )


def _last_nights(spec: ModelSpec, partition: str) -> list[str]:
    """The last nights by the clock of the schedule, and this one, which may be none of them."""
    nights = {*spec.nights_through(partition, spec.retrain.of), partition}
    return sorted(nights)[-spec.retrain.of :]


def _drifted(spec: ModelSpec, night: str, version: str, stores: Stores) -> bool | None:
    record = read_night_record(spec, night, stores)
    if record is None or record.version != version:
        return None
    return record.drift.drifted


def _lost(spec: ModelSpec, night: str, version: str, stores: Stores) -> bool | None:
    record = standing_record(spec, night, stores)
    if record is None or record.version != version:
        return None
    return record.lost


def _count_labelled(spec: ModelSpec, after: str, through: str, stores: Stores) -> int:
    """The labelled nights after one and up to another, without those that were taken back."""
    column = spec.partition.column
    retracted = stores.lake.retracted(Dataset.VALIDATED, spec.name, column)
    count = 0
    for night in stores.lake.partitions(Dataset.LABELS, spec.name, column):
        if after < night <= through and night not in retracted:
            count += 1
    return count


def _alarm(what: str, nights: str, verdicts: Mapping[str, bool | None], policy: Retrain) -> _Alarm:
    alarmed = [night for night, verdict in verdicts.items() if verdict]
    known = len(verdicts) - list(verdicts.values()).count(None)
    text = f"{len(alarmed)} of the last {policy.of} {nights} {what}"
    if alarmed:
        text += f" ({', '.join(alarmed)})"
    unknown = policy.of - known
    if unknown > 0:
        text += f", {unknown} not known"
    return _Alarm(
        text=f"{text}, {policy.nights} needed",
        enough=len(alarmed) >= policy.nights,
    )


def _objections(policy: Retrain, evidence: Evidence) -> list[str]:
    objections = []
    near = []
    for night in evidence.started:
        days = abs(days_between(night, evidence.partition))
        if days <= policy.cooldown_days:
            near.append(night)
    if near:
        objections.append(f"{near[-1]} started a retrain, within the cooldown of {policy.cooldown_days} days")
    if evidence.new_nights < policy.min_new_nights:
        objections.append(
            f"{evidence.new_nights} labelled nights after {evidence.trained_through}, {policy.min_new_nights} needed"
        )
    return objections


def _started(spec: ModelSpec, partition: str, retrains: StartedRetrains, stores: Stores) -> list[str]:
    # A backfill may decide nights out of order: a retrain that a later night started counts as well.
    started = set()
    for night in retrains.nights:
        if abs(days_between(night, partition)) <= spec.retrain.cooldown_days:
            started.add(night)
    started.update(_started_before_the_ledger(spec, partition, stores))
    return sorted(started)


def _started_before_the_ledger(spec: ModelSpec, partition: str, stores: Stores) -> Iterator[str]:
    objects = stores.lake.objects
    for key in objects.keys(layout.decisions(spec.name)):
        night = layout.night_of_decision(key)
        days = abs(days_between(night, partition))
        if 0 < days <= spec.retrain.cooldown_days:
            record = _readable(key, objects)
            if record and record.retrain:
                yield night


def _readable(key: str, objects: Objects) -> DecisionRecord | None:
    """A decision, or None: what is damaged costs its own night. All that started a retrain is in the ledger."""
    try:
        return objects.get_record(key, DecisionRecord)
    except UnreadableRecord as error:
        log.warning("a decision is left out: %s", error)
        return None

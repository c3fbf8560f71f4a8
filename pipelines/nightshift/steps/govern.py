"""Whether what monitoring saw is worth a training, and why or why not.

Every decision is written down, also when it is no; one that starts a retrain is in a ledger first, which nothing
overwrites. It depends on the records of the lake alone, never on the clock, so a repeated night decides the same.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass

from nightshift.contracts import Dataset, Decision, NightReport
from nightshift.errors import MissingPartition, UnsealedRecord
from nightshift.monitoring.accuracy import standing_record
from nightshift.monitoring.night_record import read_night_record
from nightshift.partitions import days_between
from nightshift.spec import ModelSpec, Retrain
from nightshift.steps._retrains import (
    Causes,
    DecisionRecord,
    StartedRetrain,
    StartedRetrains,
    read_decisions,
    started_retrains,
    unsealed_retrain,
    warn_of_unsealed,
)
from nightshift.stores import Stores, layout
from nightshift.stores.registry import CHAMPION

__all__ = [
    "DecisionRecord",
    "Causes",
    "StartedRetrain",
    "StartedRetrains",
    "decide",
    "gather",
    "govern",
    "read_decisions",
    "started_retrains",
]


def govern(spec: ModelSpec, report: NightReport, stores: Stores) -> Decision:
    """Decide about the night of ``report`` and keep the decision with everything it rests on.

    A night starts one retrain at most: asked again about the same version, it says the same yes.
    Raises ``MissingPartition`` when the night was never monitored, ``UnsealedRecord`` when only somebody without the
    key says that it started one, ``LakeUnavailable``.
    """
    objects = stores.lake.objects
    key = layout.decision(spec.name, report.partition)
    ledger = started_retrains(spec.name, stores)
    for head in ledger.attempts():
        own = head.nights.get(report.partition)
        if own and own.version == report.version:
            record = ledger.entry(own.number)
            break
        _require_vouched(report, head, stores)
        record = _decided(spec, gather(spec, report, head, stores))
        if not record.retrain or ledger.append(head, record):
            break
    objects.put_record(key, record)
    return record.decision


def _require_vouched(report: NightReport, retrains: StartedRetrains, stores: Stores) -> None:
    """Nobody with the key says that this night started a retrain, and its record would be overwritten now."""
    key = layout.decision(report.model, report.partition)
    if report.partition not in retrains.nights and unsealed_retrain(report.model, key, stores.lake.objects):
        raise UnsealedRecord(
            f"{stores.lake.objects.uri}/{key} says that {report.partition} started a retrain, and the sealed log of"
            " retrains does not: an earlier version of Nightshift wrote it, or somebody without a key",
            fix=f"if it is right: nightshift seal {report.model}; otherwise see who wrote it, and delete it",
        )


def _decided(spec: ModelSpec, evidence: Causes) -> DecisionRecord:
    decision = decide(spec, evidence)
    return DecisionRecord(
        **asdict(decision),
        evidence=evidence,
        policy=spec.retrain.model_dump(),
    )


def decide(spec: ModelSpec, evidence: Causes) -> Decision:
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


def gather(spec: ModelSpec, report: NightReport, retrains: StartedRetrains, stores: Stores) -> Causes:
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
    return Causes(
        partition=report.partition,
        version=report.version,
        drifted=drifted,
        lost=lost,
        started=_started(spec, report.partition, retrains, stores),
        trained_through=trained_through,
        new_nights=_count_labelled(spec, trained_through, last_labelled, stores),
        champion=stores.aliases.version(spec.name, CHAMPION),
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


def _objections(policy: Retrain, evidence: Causes) -> list[str]:
    objections = []
    near = []
    for night in evidence.started:
        days = abs(days_between(night, evidence.partition))
        if days <= policy.cooldown_days:
            near.append(night)
    if near:
        objections.append(f"{near[-1]} started a retrain, within the cooldown of {policy.cooldown_days} days")
    if evidence.champion not in {None, evidence.version}:
        # A night of before is scored by who should have stood then: that one is replaced already.
        objections.append(f"version {evidence.version} scored it, and version {evidence.champion} is champion")
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
    warn_of_unsealed(spec, partition, retrains, stores)
    return sorted(started)

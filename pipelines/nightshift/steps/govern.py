"""Whether what monitoring saw is worth a training, and why or why not.

Every decision is written down, also when it is no; one that starts a retrain is in a ledger first, which nothing
overwrites. It depends on the records of the lake alone, never on the clock, so a repeated night decides the same; and
the nights after it that its arrival can change are decided again, so that the order of arrival does not matter.
"""

import logging
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace

from nightshift.contracts import Dataset, Decision, NightReport
from nightshift.errors import MissingPartition, UnreadableRecord, UnsealedRecord
from nightshift.monitoring.causes import MonitoredNight, gather, last_labelled, last_nights
from nightshift.monitoring.night_record import NightRecord, read_night_record
from nightshift.monitoring.policy import causes_of, decided, replayed
from nightshift.monitoring.retrains import (
    Causes,
    DecisionRecord,
    RetrainEnd,
    StartedRetrain,
    StartedRetrains,
    read_decisions,
    readable_decision,
    started_retrains,
    unsealed_retrain,
)
from nightshift.spec import ModelSpec
from nightshift.steps._night_files import show_decision
from nightshift.steps.conclude import StateOfRun, conclude_ended, not_triggered, outcome_of
from nightshift.stores import Stores, layout

log = logging.getLogger("nightshift")
MOST_DECIDED_AGAIN = 28

__all__ = [
    "Causes",
    "DecisionRecord",
    "RetrainEnd",
    "StartedRetrain",
    "StartedRetrains",
    "decide",
    "decision_record",
    "gather",
    "govern",
    "read_decisions",
    "replayed",
    "started_retrains",
]


@dataclass(frozen=True)
class _Governed:
    """A decision, whether it started its retrain just now, and whether it is another than was kept before."""

    decision: Decision
    is_new: bool
    is_another: bool


def govern(spec: ModelSpec, report: NightReport, stores: Stores, state_of: StateOfRun | None = None) -> Decision:
    """Decide about the night of ``report`` and keep the decision with everything it rests on.

    A night starts one retrain at most: asked again about the same version, it says the same yes, unless that retrain
    failed. Where this night does not start one, a later one may that is decided again: then its decision is returned.
    With ``state_of`` it also looks after retrains of before: an end that nobody wrote down is, and one that Airflow
    does not have is returned, to be triggered.
    Raises ``MissingPartition`` when the night was never monitored, ``UnsealedRecord`` when only somebody without the
    key says that it started one, ``LakeUnavailable``.
    """
    if state_of is None:
        return _govern(spec, report, stores)
    conclude_ended(spec, report.partition, state_of, stores)
    decision = _govern(spec, report, stores)
    if not decision.retrain:
        return not_triggered(spec, report.partition, state_of, stores) or decision
    outcome = outcome_of(spec, decision.run_id, stores)
    if outcome:
        # Airflow may have forgotten the run since, and would begin it again.
        return replace(decision, retrain=False, reason=f"{decision.run_id} was started and has ended: {outcome}")
    return decision


def _govern(spec: ModelSpec, report: NightReport, stores: Stores) -> Decision:
    governed = _governed(spec, report, stores)
    # Also the same again: a run that was cut short may not have come so far.
    show_decision(spec, report.partition, stores)
    if governed.decision.retrain:
        return governed.decision
    for later in _later_nights(spec, report, stores):
        again = _governed_again(spec, later, stores)
        if again and again.is_another:
            show_decision(spec, later.partition, stores)
        if again and again.is_new:
            return again.decision
    return governed.decision


def _governed(spec: ModelSpec, report: MonitoredNight, stores: Stores) -> _Governed:
    ledger = started_retrains(spec.name, stores)
    is_new = False
    for head in ledger.attempts():
        own = head.nights.get(report.partition)
        if own and own.version == report.version and own.outcome != "failed":
            record = ledger.entry(own.number)
            break
        _require_vouched(report, head, stores)
        record = decision_record(spec, gather(spec, report, head, stores))
        is_new = record.retrain and ledger.append(head, record)
        if not record.retrain or is_new:
            break
    key = layout.decision(spec.name, report.partition)
    before = readable_decision(key, stores.lake.objects)
    stores.lake.objects.put_record(key, record)
    return _Governed(record.decision, is_new, is_another=record != before)


def _governed_again(spec: ModelSpec, report: MonitoredNight, stores: Stores) -> _Governed | None:
    """A later night, decided anew; what is wrong with it is said when its own turn comes."""
    try:
        return _governed(spec, report, stores)
    except (UnsealedRecord, UnreadableRecord, MissingPartition) as error:
        log.warning("%s: %s is not decided again: %s", spec.name, report.partition, error)
        return None


def _later_nights(spec: ModelSpec, report: NightReport, stores: Stores) -> Iterator[MonitoredNight]:
    """The nights after one that were decided already and that it may change, the oldest first."""
    monitored = stores.lake.partitions(Dataset.MONITORING, spec.name, spec.partition.column)
    later = [night for night in monitored if night > report.partition]
    most = MOST_DECIDED_AGAIN + len(report.judged_again)
    for night in later[:most]:
        decision = readable_decision(layout.decision(spec.name, night), stores.lake.objects)
        if decision is None:
            # Its own run is to come.
            continue
        # Of an alarm that was open then, an earlier night may have changed the beginning.
        if decision.evidence.episodes or _counts(spec, night, report):
            record = _record(spec, night, stores)
            if record:
                yield record


def _counts(spec: ModelSpec, night: str, report: NightReport) -> bool:
    """Whether a decision about a night looks at another, or at what was measured with it."""
    looked_at = {*last_nights(spec, night), *last_labelled(spec, night)}
    return not looked_at.isdisjoint([report.partition, *report.accuracy_nights, *report.judged_again])


def _record(spec: ModelSpec, night: str, stores: Stores) -> NightRecord | None:
    try:
        return read_night_record(spec, night, stores)
    except UnreadableRecord as error:
        log.warning("%s: %s is not decided again: %s", spec.name, night, error)
        return None


def _require_vouched(report: MonitoredNight, retrains: StartedRetrains, stores: Stores) -> None:
    """Nobody with the key says that this night started a retrain, and its record would be overwritten now."""
    key = layout.decision(report.model, report.partition)
    if report.partition not in retrains.nights and unsealed_retrain(report.model, key, stores.lake.objects):
        raise UnsealedRecord(
            f"{stores.lake.objects.uri}/{key} says that {report.partition} started a retrain, and the sealed log of"
            " retrains does not: an earlier version of Nightshift wrote it, or somebody without a key",
            fix=f"if it is right: nightshift seal {report.model}; otherwise see who wrote it, and delete it",
        )


def decision_record(spec: ModelSpec, evidence: Causes) -> DecisionRecord:
    """What the policy says, with all that it rests on."""
    decision = decide(spec, evidence)
    causes = causes_of(spec.retrain, evidence) if decision.retrain else []
    return DecisionRecord(
        **asdict(decision),
        evidence=evidence,
        policy=spec.retrain.model_dump(),
        causes=tuple(causes),
    )


def decide(spec: ModelSpec, evidence: Causes) -> Decision:
    """The policy, on evidence alone: enough alarms start a retrain unless something speaks against it."""
    return decided(spec.name, spec.retrain, evidence)

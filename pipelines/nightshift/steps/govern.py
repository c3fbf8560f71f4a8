"""Whether what monitoring saw is worth a training, and why or why not.

Every decision is written down, also when it is no.
It depends on the records of the lake alone, never on the clock, so a repeated night decides the same.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from nightshift.contracts import Dataset, Decision, NightReport
from nightshift.errors import MissingPartition
from nightshift.monitoring.accuracy import read_record
from nightshift.monitoring.night_record import read_night_record
from nightshift.partitions import days_between, last_nights
from nightshift.spec import ModelSpec, Retrain
from nightshift.stores import Stores, layout
from nightshift.stores.records import Record


@dataclass(frozen=True)
class Evidence:
    """What the governor saw. ``None`` is a night without a record of this version.

    ``drifted`` and ``lost`` are by night, oldest first; ``started`` are other nights that started a
    retrain; ``new_nights`` are labelled nights after the champion's training window.
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
        return Decision(self.model, self.partition, self.retrain, self.reason, self.run_id)


def govern(spec: ModelSpec, report: NightReport, stores: Stores) -> Decision:
    """Decide about the night of ``report`` and keep the decision with everything it rests on.

    Raises ``MissingPartition`` when the night was never monitored, ``LakeUnavailable``.
    """
    evidence = gather(spec, report, stores)
    decision = decide(spec, evidence)
    record = DecisionRecord(**asdict(decision), evidence=evidence, policy=spec.retrain.model_dump())
    stores.lake.objects.put_record(layout.decision(spec.name, report.partition), record)
    return decision


def read_decisions(spec: ModelSpec, stores: Stores) -> Iterator[DecisionRecord]:
    """All decisions about a model, by night. Raises ``UnreadableRecord``."""
    for key in stores.lake.objects.keys(layout.decisions(spec.name)):
        record = stores.lake.objects.get_record(key, DecisionRecord)
        if record:
            yield record


def decide(spec: ModelSpec, evidence: Evidence) -> Decision:
    """The policy, on evidence alone: enough alarms start a retrain unless something speaks against it."""
    policy = spec.retrain
    alarms = [
        _alarm("drifted", "nights", evidence.drifted, policy),
        _alarm("lost accuracy", "labelled nights", evidence.lost, policy),
    ]
    enough = [text for sufficient, text in alarms if sufficient]
    against = _against(policy, evidence)
    if not enough:
        reason = "; ".join(text for _, text in alarms)
    elif against:
        reason = f"{'; '.join(enough)}; suppressed: {'; '.join(against)}"
    else:
        reason = "; ".join(enough)
    run_id = f"retrain__{spec.name}__{evidence.partition}"
    return Decision(spec.name, evidence.partition, bool(enough) and not against, reason, run_id)


def gather(spec: ModelSpec, report: NightReport, stores: Stores) -> Evidence:
    """Read the records that a decision rests on. Verdicts of other model versions are left out."""
    night = read_night_record(spec, report.partition, stores)
    if night is None:
        raise MissingPartition(
            f"{spec.name}: {report.partition} has no monitoring record",
            fix=f"nightshift monitor {spec.name} {report.partition}",
        )
    labelled = spec.labelled_night(report.partition)
    nights = last_nights(spec.retrain.of, report.partition)
    labelled_nights = last_nights(spec.retrain.of, labelled)
    through = night.pin.trained_through
    return Evidence(
        partition=report.partition,
        version=report.version,
        drifted={key: _drifted(spec, key, report.version, stores) for key in nights},
        lost={key: _lost(spec, key, report.version, stores) for key in labelled_nights},
        started=_started(spec, report.partition, stores),
        trained_through=through,
        new_nights=sum(through < key <= labelled for key in stores.lake.partitions(Dataset.LABELS, spec.name)),
    )


def _drifted(spec: ModelSpec, night: str, version: str, stores: Stores) -> bool | None:
    record = read_night_record(spec, night, stores)
    return record.drift.drifted if record and record.version == version else None


def _lost(spec: ModelSpec, night: str, version: str, stores: Stores) -> bool | None:
    record = read_record(spec.name, night, stores)
    return record.lost if record and record.version == version else None


def _alarm(what: str, nights: str, verdicts: Mapping[str, bool | None], policy: Retrain) -> tuple[bool, str]:
    alarmed = [night for night, verdict in verdicts.items() if verdict]
    known = sum(verdict is not None for verdict in verdicts.values())
    text = f"{len(alarmed)} of the last {policy.of} {nights} {what}"
    text += f" ({', '.join(alarmed)})" if alarmed else ""
    text += f", {policy.of - known} not known" if known < policy.of else ""
    return len(alarmed) >= policy.nights, f"{text}, {policy.nights} needed"


def _against(policy: Retrain, evidence: Evidence) -> list[str]:
    objections = []
    distances = {night: abs(days_between(night, evidence.partition)) for night in evidence.started}
    near = [night for night, days in distances.items() if days <= policy.cooldown_days]
    if near:
        objections.append(f"{near[-1]} started a retrain, within the cooldown of {policy.cooldown_days} days")
    if evidence.new_nights < policy.min_new_nights:
        objections.append(
            f"{evidence.new_nights} labelled nights after {evidence.trained_through}, {policy.min_new_nights} needed"
        )
    return objections


def _started(spec: ModelSpec, partition: str, stores: Stores) -> list[str]:
    # A backfill may decide nights out of order: a retrain that a later night started counts as well.
    started = []
    for key in stores.lake.objects.keys(layout.decisions(spec.name)):
        night = layout.night_of_decision(key)
        days = abs(days_between(night, partition))
        if 0 < days <= spec.retrain.cooldown_days:
            record = stores.lake.objects.get_record(key, DecisionRecord)
            if record and record.retrain:
                started.append(night)
    return started

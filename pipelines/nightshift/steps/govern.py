"""Whether what monitoring saw is worth a training, and why or why not.

Every decision is written down, ``monitoring/<model>/_decisions/<partition>.json``, also when it is no.
It depends on the records of the lake alone, never on the clock, so a repeated night decides the same.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from nightshift.contracts import Dataset, Decision, NightReport
from nightshift.errors import MissingPartition
from nightshift.monitoring.accuracy import read_record
from nightshift.partitions import days_between, last_nights
from nightshift.spec import ModelSpec, Retrain
from nightshift.steps.monitor import read_drift
from nightshift.stores import Stores, layout

FORMAT = 1


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


def govern(spec: ModelSpec, report: NightReport, stores: Stores) -> Decision:
    """Decide about the night of ``report`` and keep the decision with everything it rests on.

    Raises ``MissingPartition`` when the night was never monitored, ``LakeUnavailable``.
    """
    evidence = gather(spec, report, stores)
    decision = decide(spec, evidence)
    body = {"format": FORMAT, **asdict(decision), "evidence": asdict(evidence), "policy": spec.retrain.model_dump()}
    key = layout.decision(spec.name, report.partition)
    stores.lake.objects.put(key, (json.dumps(body, indent=1) + "\n").encode(), "application/json")
    return decision


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
    night = read_drift(spec, report.partition, stores)
    if night is None:
        raise MissingPartition(
            f"{spec.name}: {report.partition} has no monitoring record",
            fix=f"nightshift monitor {spec.name} {report.partition}",
        )
    seen = spec.labelled_night(report.partition)
    drifts = {key: read_drift(spec, key, stores) for key in last_nights(spec.retrain.of, report.partition)}
    losses = {key: read_record(spec.name, key, stores) for key in last_nights(spec.retrain.of, seen)}
    through = night["pin"]["trained_through"]
    return Evidence(
        partition=report.partition,
        version=report.version,
        drifted={k: d["drift"]["drifted"] if d and d["version"] == report.version else None for k, d in drifts.items()},
        lost={k: r.lost if r and r.version == report.version else None for k, r in losses.items()},
        started=_started(spec, report.partition, stores),
        trained_through=through,
        new_nights=sum(through < key <= seen for key in stores.lake.partitions(Dataset.LABELS, spec.name)),
    )


def _alarm(what: str, nights: str, verdicts: Mapping[str, bool | None], policy: Retrain) -> tuple[bool, str]:
    alarmed = [night for night, verdict in verdicts.items() if verdict]
    known = sum(verdict is not None for verdict in verdicts.values())
    text = f"{len(alarmed)} of the last {policy.of} {nights} {what}"
    text += f" ({', '.join(alarmed)})" if alarmed else ""
    text += f", {policy.of - known} not known" if known < policy.of else ""
    return len(alarmed) >= policy.nights, f"{text}, {policy.nights} needed"


def _against(policy: Retrain, evidence: Evidence) -> list[str]:
    found = []
    if near := [n for n in evidence.started if abs(days_between(n, evidence.partition)) <= policy.cooldown_days]:
        found.append(f"{near[-1]} started a retrain, within the cooldown of {policy.cooldown_days} days")
    if evidence.new_nights < policy.min_new_nights:
        found.append(
            f"{evidence.new_nights} labelled nights after {evidence.trained_through}, {policy.min_new_nights} needed"
        )
    return found


def _started(spec: ModelSpec, partition: str, stores: Stores) -> list[str]:
    # A backfill may decide nights out of order: a retrain that a later night started counts as well.
    keys = [layout.night_of_decision(key) for key in stores.lake.objects.keys(layout.decisions(spec.name))]
    near = [k for k in keys if k != partition and abs(days_between(k, partition)) <= spec.retrain.cooldown_days]
    bodies = {night: stores.lake.objects.get(layout.decision(spec.name, night)) for night in near}
    return [night for night, body in bodies.items() if body and json.loads(body[0])["retrain"]]

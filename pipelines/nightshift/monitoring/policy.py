"""The governor's policy: evidence in, decision out, and nothing else is looked at.

A cause is an open episode with enough alarmed nights. Each starts one retrain, and another only where that failed; the
run's id is made of it, so that whoever decides about it twice says the same run.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from nightshift.contracts import Decision
from nightshift.monitoring.episodes import DETECTORS, Detector, Episode
from nightshift.monitoring.retrains import Causes, DecisionRecord
from nightshift.partitions import days_between
from nightshift.spec import Retrain

ALARMED: dict[Detector, str] = {
    "drift": "drifted",
    "accuracy": "lost accuracy",
}
NIGHTS: dict[Detector, str] = {
    "drift": "nights",
    "accuracy": "labelled nights",
}


@dataclass(frozen=True)
class Alarm:
    """How many nights of a detector's open episode alarmed lately, in words, and whether that is enough."""

    detector: Detector
    text: str
    enough: bool


def decided(model: str, policy: Retrain, evidence: Causes) -> Decision:
    """Enough alarms start a retrain unless something speaks against it, or against each of its causes."""
    alarms = [_alarm(detector, policy, evidence) for detector in DETECTORS]
    enough = [alarm for alarm in alarms if alarm.enough]
    causes = causes_of(policy, evidence)
    objections = _objections(policy, evidence)
    if not causes:
        for alarm in enough:
            objections += _objections_to(alarm.detector, policy, evidence)
    reason = _sentence(enough or alarms)
    if enough and objections:
        reason = f"{reason}; suppressed: {'; '.join(objections)}"
    starts = bool(causes) and not objections
    return Decision(
        model=model,
        partition=evidence.partition,
        retrain=starts,
        reason=reason,
        run_id=_run_id(model, causes, evidence) if starts else f"retrain__{model}__{evidence.partition}",
    )


def causes_of(policy: Retrain, evidence: Causes) -> list[Episode]:
    """The episodes that are worth a retrain and may start one."""
    causes = []
    for detector in DETECTORS:
        alarm = _alarm(detector, policy, evidence)
        episode = evidence.episode(detector)
        if alarm.enough and episode and not any(_objections_to(detector, policy, evidence)):
            causes.append(episode)
    return causes


def replayed(record: DecisionRecord) -> Decision:
    """The decision anew, from nothing but its own evidence and policy. A run's id of before stays what it was."""
    decision = decided(record.model, Retrain(**record.policy), record.evidence)
    if record.evidence.episodes is not None:
        return decision
    return Decision(
        model=decision.model,
        partition=decision.partition,
        retrain=decision.retrain,
        reason=decision.reason,
        run_id=record.run_id,
    )


def _run_id(model: str, causes: list[Episode], evidence: Causes) -> str:
    """By the first cause alone: a run that answers two has one name still."""
    cause = causes[0]
    run_id = f"retrain__{cause.id_of(model)}"
    attempt = evidence.failed.get(cause.detector, 0) + 1
    return run_id if attempt == 1 else f"{run_id}__{attempt}"


def _sentence(alarms: list[Alarm]) -> str:
    texts = [alarm.text for alarm in alarms]
    return "; ".join(texts)


def _alarm(detector: Detector, policy: Retrain, evidence: Causes) -> Alarm:
    verdicts = evidence.verdicts(detector)
    episode = evidence.episode(detector)
    alarmed = []
    if episode:
        alarmed = [night for night, alarm in verdicts.items() if alarm and night >= episode.first_night]
    known = len(verdicts) - list(verdicts.values()).count(None)
    text = f"{len(alarmed)} of the last {policy.window} {NIGHTS[detector]} {ALARMED[detector]}"
    if alarmed:
        text += f" ({', '.join(alarmed)})"
    unknown = policy.window - known
    if unknown > 0:
        text += f", {unknown} not known"
    return Alarm(
        detector=detector,
        text=f"{text}, {policy.nights} needed",
        enough=len(alarmed) >= policy.nights,
    )


def _objections(policy: Retrain, evidence: Causes) -> list[str]:
    """What speaks against any retrain."""
    return [
        *_cooldown(policy, evidence),
        *_of_another_version(evidence),
        *_nothing_new(policy, evidence),
        *_enough_tried(policy, evidence),
        *_planned(evidence),
    ]


def _cooldown(policy: Retrain, evidence: Causes) -> Iterator[str]:
    near = []
    for night in evidence.started:
        days = abs(days_between(night, evidence.partition))
        if days <= policy.cooldown_days:
            near.append(night)
    if near:
        yield f"{near[-1]} started a retrain, within the cooldown of {policy.cooldown_days} days"


def _of_another_version(evidence: Causes) -> Iterator[str]:
    if evidence.champion not in {None, evidence.version}:
        # A night of before is scored by who should have stood then: that one is replaced already.
        yield f"version {evidence.version} scored it, and version {evidence.champion} is champion"


def _nothing_new(policy: Retrain, evidence: Causes) -> Iterator[str]:
    if evidence.new_nights < policy.min_new_nights:
        seen = max(evidence.trained_through, evidence.tried_through)
        yield f"{evidence.new_nights} labelled nights after {seen}, {policy.min_new_nights} needed"


def _enough_tried(policy: Retrain, evidence: Causes) -> Iterator[str]:
    month = evidence.partition[:7]
    if policy.per_month is not None and evidence.this_month >= policy.per_month:
        yield f"{evidence.this_month} retrains of {month}, retrain.per_month is {policy.per_month}"
    if policy.give_up_after is not None and evidence.rejected >= policy.give_up_after:
        yield (
            f"{evidence.rejected} challengers in a row did not take over from version {evidence.version},"
            f" retrain.give_up_after is {policy.give_up_after}"
        )


def _planned(evidence: Causes) -> Iterator[str]:
    if evidence.planned:
        yield f"{evidence.partition} is planned: {evidence.planned}"


def _objections_to(detector: Detector, policy: Retrain, evidence: Causes) -> list[str]:
    """What speaks against a retrain for an episode, whatever else may start one."""
    objections = []
    episode = evidence.episode(detector)
    if episode is None:
        return []
    alarm = f"what {ALARMED[detector]} since {episode.first_night}"
    answer = evidence.answered.get(detector)
    silence = evidence.silenced.get(detector)
    failed = evidence.failed.get(detector, 0)
    if answer:
        objections.append(f"{alarm} has had its retrain, {answer}")
    if silence:
        objections.append(f"{alarm} is {silence}")
    most = policy.give_up_after
    if most is None:
        return objections
    if failed >= most:
        objections.append(f"{failed} retrains for {alarm} failed, retrain.give_up_after is {most}")
    return objections

"""What a person does about a night: a sentence, and the command for it."""

from collections.abc import Iterator
from typing import NamedTuple

from nightshift.monitoring.night_record import NightRecord
from nightshift.monitoring.retrains import DecisionRecord


class NextStep(NamedTuple):
    """One thing to do; of nothing there is no command."""

    what: str
    command: str = ""


def next_steps(night: NightRecord, decision: DecisionRecord | None, alarmed: bool) -> list[NextStep]:
    """The first is what to begin with."""
    if night.planned:
        return [NextStep("Nothing to do: the night is planned, and wakes nobody.")]
    if not alarmed:
        return [*_of_quarantine(night), NextStep("Nothing to do.")][:1]
    return [*_of_retrain(night, decision), *_of_alarm(night), *_of_quarantine(night)]


def _of_retrain(night: NightRecord, decision: DecisionRecord | None) -> Iterator[NextStep]:
    if decision and decision.retrain:
        yield NextStep(
            f"A retrain was started, {decision.run_id}: see whether its challenger took over.",
            f"nightshift ledger {night.model}",
        )


def _of_alarm(night: NightRecord) -> Iterator[NextStep]:
    at = f"{night.model} {night.partition}"
    yield NextStep(
        "If the data are wrong, mend the source, then take the night in again.",
        f"nightshift ingest {at} && nightshift validate {at} && nightshift predict {at} && nightshift monitor {at}",
    )
    for change in night.episodes:
        if change.change != "closed" and not change.silenced:
            yield NextStep(
                f"If you know why {_alarm(change.detector)}, say so: it wakes nobody any more and starts no retrain.",
                f'nightshift acknowledge {night.model} {change.episode} --why "..."',
            )


def _alarm(detector: str) -> str:
    return "accuracy is lost" if detector == "accuracy" else "it has drifted"


def _of_quarantine(night: NightRecord) -> Iterator[NextStep]:
    dropped = night.counts.quarantined
    rows = night.counts.rows_in
    if dropped and 10 * dropped >= rows:
        yield NextStep(
            f"{dropped} of {rows} rows were dropped: see why in the Data Docs, or row by row.",
            f"nightshift explain {night.model} {night.partition} --key NAME=VALUE",
        )

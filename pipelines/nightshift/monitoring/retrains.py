"""What the governor decided, as it is kept: the log of started retrains, and a record for each night.

The log is sealed, and alone says what was started and how it ended: an end is written under the same run id. Records of
nights are for people; those of an earlier version that say that they started a retrain count once a person has vouched
for them.
"""

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from nightshift.contracts import Decision
from nightshift.errors import UnreadableRecord
from nightshift.monitoring.episodes import Detector, Episode, NightVerdict, episodes_of, open_episodes
from nightshift.partitions import days_between
from nightshift.spec import ModelSpec
from nightshift.stores import Stores, layout
from nightshift.stores.ledger import Ledger, LedgerHead
from nightshift.stores.objects import Objects
from nightshift.stores.records import Record

log = logging.getLogger("nightshift")
Outcome = Literal["promoted", "not_promoted", "failed"]


@dataclass(frozen=True)
class Causes:
    """What the governor saw, as of ``partition``. ``None`` is a night without a record of this version.

    ``drifted`` and ``lost`` are by night, oldest first; ``started`` are nights within the cooldown that
    started a retrain which did not fail; ``new_nights`` are labelled nights after the champion's training window, and
    after ``tried_through``, the last that a retrain about this version could learn from; ``champion`` is the
    version that a retrain would replace, None where nobody knew it.

    ``episodes`` are open, by detector; None in what was decided before there were any. Of each, ``answered`` is the
    run that it has started already, ``failed`` how many runs failed, and ``silenced`` what a person said about it.
    ``planned`` is why the night raises no alarm; ``this_month`` and ``rejected`` count retrains of the calendar month,
    and challengers in a row that did not take over from this version.
    """

    partition: str
    version: str
    drifted: Mapping[str, bool | None]
    lost: Mapping[str, bool | None]
    started: Sequence[str]
    trained_through: str
    new_nights: int
    champion: str | None = None
    episodes: Mapping[Detector, Episode] | None = None
    answered: Mapping[Detector, str] = field(default_factory=dict)
    failed: Mapping[Detector, int] = field(default_factory=dict)
    silenced: Mapping[Detector, str] = field(default_factory=dict)
    planned: str = ""
    tried_through: str = ""
    this_month: int = 0
    rejected: int = 0

    def verdicts(self, detector: Detector) -> Mapping[str, bool | None]:
        """By night, oldest first."""
        return self.drifted if detector == "drift" else self.lost

    def episode(self, detector: Detector) -> Episode | None:
        """The open one; in what was decided before there were any, that of the nights which were looked at."""
        if self.episodes is not None:
            return self.episodes.get(detector)
        nights = []
        for night, alarm in self.verdicts(detector).items():
            nights.append(NightVerdict(night, self.version, detector, alarm))
        still_open = open_episodes(episodes_of(nights))
        return still_open[-1] if still_open else None


class RetrainEnd(BaseModel):
    """What became of a started retrain; ``version`` is the one that it made, where it came so far."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    outcome: Outcome
    why: str
    version: str | None = None


class DecisionRecord(Record):
    """A decision with everything that it rests on; ``policy`` is ``retrain`` of the spec as it was then.

    ``causes`` are the episodes that a retrain was started for; ``ended`` is in the log alone, and makes the entry one
    of how the retrain ended.
    """

    what = "a decision of the governor"

    format: Literal[1] = 1
    model: str
    partition: str
    retrain: bool
    reason: str
    run_id: str
    evidence: Causes
    policy: dict[str, Any]
    causes: tuple[Episode, ...] = ()
    ended: RetrainEnd | None = None

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
    """The number of the entry that started a retrain, the version that it was about, and how it ended, if it did."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    number: int
    version: str
    night: str
    run_id: str
    causes: tuple[Episode, ...] = ()
    outcome: Outcome | None = None

    def is_for(self, episode: Episode) -> bool:
        """Whether it was started for an episode, whose nights may be others since."""
        return any(cause.overlaps(episode) for cause in self.causes)


class StartedRetrains(LedgerHead):
    """Every retrain that was ever started, oldest first. Heads of format 1 are made anew from the entries."""

    format: Literal[2] = 2
    runs: tuple[StartedRetrain, ...] = ()

    @property
    def nights(self) -> dict[str, StartedRetrain]:
        """By its night; of two the last, since the one before it failed."""
        return {started.night: started for started in self.runs}

    @property
    def standing(self) -> list[StartedRetrain]:
        """Those that did not fail."""
        return [started for started in self.runs if started.outcome != "failed"]

    def of_month(self, night: str) -> list[StartedRetrain]:
        """Those of a night's calendar month, also failed ones."""
        month = night[:7]
        return [started for started in self.runs if started.night.startswith(month)]

    def run(self, run_id: str) -> StartedRetrain | None:
        """The one of a run of Airflow, or None."""
        by_run_id = {started.run_id: started for started in self.runs}
        return by_run_id.get(run_id)

    def rejected(self, version: str) -> int:
        """How many challengers in a row did not take over from a version."""
        count = 0
        for started in self.standing:
            if started.version == version and started.outcome:
                count = count + 1 if started.outcome == "not_promoted" else 0
        return count


def started_retrains(model: str, stores: Stores) -> Ledger[DecisionRecord, StartedRetrains]:
    """The decisions that started a retrain, each written before it and never again, and how these ended."""
    prefix = layout.retrains(model)
    return Ledger(stores.lake.objects, prefix, DecisionRecord, StartedRetrains, with_retrain)


def with_retrain(head: StartedRetrains, number: int, record: DecisionRecord) -> StartedRetrains:
    """What one more entry makes of a head: a retrain that was started, or how one ended."""
    runs = _ended(head, record) if record.ended else [*head.runs, _started(number, record)]
    return head.model_copy(update={"runs": tuple(runs)})


def _started(number: int, record: DecisionRecord) -> StartedRetrain:
    return StartedRetrain(
        number=number,
        version=record.evidence.version,
        night=record.partition,
        run_id=record.run_id,
        causes=record.causes or _causes_of_before(record),
    )


def _ended(head: StartedRetrains, record: DecisionRecord) -> list[StartedRetrain]:
    outcome = record.ended.outcome if record.ended else None
    runs = []
    for started in head.runs:
        is_it = started.run_id == record.run_id
        runs.append(started.model_copy(update={"outcome": outcome}) if is_it else started)
    return runs


def _causes_of_before(record: DecisionRecord) -> tuple[Episode, ...]:
    """What a decision from before there were episodes was about, by the alarms that it counted."""
    needed = int(record.policy.get("nights", 1))
    causes = []
    detectors: tuple[Detector, ...] = ("drift", "accuracy")
    for detector in detectors:
        episode = record.evidence.episode(detector)
        if episode is None:
            continue
        if episode.nights >= needed:
            causes.append(episode)
    return tuple(causes)


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
    record = readable_decision(key, objects)
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


def readable_decision(key: str, objects: Objects) -> DecisionRecord | None:
    """A decision, or None: what is damaged costs its own night. All that started a retrain is in the ledger."""
    try:
        return objects.get_record(key, DecisionRecord)
    except UnreadableRecord as error:
        log.warning("a decision is left out: %s", error)
        return None

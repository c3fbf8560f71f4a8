"""What the demo left behind, read from where it lies: the lake, the ledger and MLflow."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from nightshift.contracts import Decision
from nightshift.monitoring.accuracy import standing_record
from nightshift.monitoring.night_record import read_night_record
from nightshift.spec import ModelSpec
from nightshift.steps.episodes import EpisodeFacts, episodes
from nightshift.steps.govern import read_decisions
from nightshift.stores import Stores
from nightshift.stores.registry import CHAMPION


@dataclass(frozen=True)
class NightSummary:
    """One scored night. ``log_loss`` and ``skill`` are None until its labels have arrived."""

    night: str
    version: str
    flights: int
    drifted: bool
    statistic: float
    threshold: float
    worst: str
    log_loss: float | None = None
    skill: float | None = None
    lost: bool = False


@dataclass(frozen=True)
class Version:
    """A model version and its metrics on its holdout."""

    number: str
    trained_through: str
    metrics: dict[str, float]


@dataclass(frozen=True)
class RetrainOutcome:
    """What came of the retrain: the new version, whether it was promoted, and the gate's reason."""

    version: Version
    promoted: bool
    reason: str


@dataclass(frozen=True)
class Findings:
    """Everything that the summary says."""

    champion: Version
    nights: list[NightSummary]
    decision: Decision | None
    outcome: RetrainOutcome | None
    episodes: Sequence[EpisodeFacts] = ()


def gather(spec: ModelSpec, stores: Stores, nights: Iterable[str], retrain: str | None) -> Findings:
    """Read it all; ``retrain`` is the run id of the retrain, if there was one."""
    champion, _ = stores.aliases.champion(spec.name)
    summaries = [_night(spec, stores, night) for night in sorted(nights)]
    decision = None
    outcome = None
    if retrain:
        decision = _decision(spec, stores, retrain)
        outcome = _outcome(spec, stores, retrain)
    return Findings(
        champion=_version(spec, stores, champion.version),
        nights=[summary for summary in summaries if summary],
        decision=decision,
        outcome=outcome,
        episodes=episodes(spec, stores),
    )


def _night(spec: ModelSpec, stores: Stores, night: str) -> NightSummary | None:
    record = read_night_record(spec, night, stores)
    if record is None:
        return None
    drift = record.drift
    summary = NightSummary(
        night=night,
        version=record.version,
        flights=record.counts.scored,
        drifted=drift.drifted,
        statistic=drift.statistic,
        threshold=drift.threshold,
        worst=drift.worst,
    )
    accuracy = standing_record(spec, night, stores)
    if accuracy is None:
        return summary
    return replace(
        summary,
        log_loss=accuracy.metrics["log_loss"],
        skill=accuracy.skill.skill if accuracy.skill else None,
        lost=bool(accuracy.lost),
    )


def _version(spec: ModelSpec, stores: Stores, number: str) -> Version:
    client = stores.registry.client
    version = client.get_model_version(spec.name, number)
    run = client.get_run(str(version.run_id))
    return Version(
        number,
        trained_through=version.tags.get("nightshift.trained_through", ""),
        metrics=dict(run.data.metrics),
    )


def _decision(spec: ModelSpec, stores: Stores, run_id: str) -> Decision | None:
    for record in read_decisions(spec, stores):
        if record.retrain and record.run_id == run_id:
            return record.decision
    return None


def _outcome(spec: ModelSpec, stores: Stores, run_id: str) -> RetrainOutcome | None:
    ledger = stores.aliases.ledger(spec.name)
    moves = [move for move in ledger.entries() if move.origin.get("airflow_run") == run_id]
    if not moves or moves[-1].after is None:
        return None
    last = moves[-1]
    return RetrainOutcome(_version(spec, stores, str(last.after)), last.alias == CHAMPION, last.reason)

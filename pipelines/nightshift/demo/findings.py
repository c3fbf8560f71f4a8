"""What the demo left behind, read from where it lies: the lake, the ledger and MLflow."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial

from nightshift.contracts import Decision
from nightshift.monitoring.accuracy import read_record
from nightshift.monitoring.night_record import read_night_record
from nightshift.spec import ModelSpec
from nightshift.steps.govern import read_decisions
from nightshift.stores import Stores
from nightshift.stores.ledger import Ledger
from nightshift.stores.registry import CHAMPION


@dataclass(frozen=True)
class NightSummary:
    """One scored night. ``log_loss`` and ``limit`` are None until its labels have arrived."""

    night: str
    version: str
    flights: int
    drifted: bool
    statistic: float
    threshold: float
    worst: str
    log_loss: float | None = None
    limit: float | None = None
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


def gather(spec: ModelSpec, stores: Stores, nights: Iterable[str], retrain: str | None) -> Findings:
    """Read it all; ``retrain`` is the run id of the retrain, if there was one."""
    records = map(partial(_night, spec, stores), sorted(nights))
    return Findings(
        champion=_version(spec, stores, stores.registry.champion(spec.name).version),
        nights=[record for record in records if record],
        decision=_decision(spec, stores, retrain) if retrain else None,
        outcome=_outcome(spec, stores, retrain) if retrain else None,
    )


def _night(spec: ModelSpec, stores: Stores, night: str) -> NightSummary | None:
    record = read_night_record(spec, night, stores)
    if record is None:
        return None
    accuracy = read_record(spec.name, night, stores)
    return NightSummary(
        night=night,
        version=record.version,
        flights=record.counts.scored,
        drifted=record.drift.drifted,
        statistic=record.drift.statistic,
        threshold=record.drift.threshold,
        worst=record.drift.worst,
        log_loss=accuracy.metrics["log_loss"] if accuracy else None,
        limit=accuracy.limit if accuracy else None,
        lost=bool(accuracy and accuracy.lost),
    )


def _version(spec: ModelSpec, stores: Stores, number: str) -> Version:
    client = stores.registry.client
    found = client.get_model_version(spec.name, number)
    metrics = client.get_run(str(found.run_id)).data.metrics
    return Version(number, found.tags.get("nightshift.trained_through", ""), dict(metrics))


def _decision(spec: ModelSpec, stores: Stores, run_id: str) -> Decision | None:
    for record in read_decisions(spec, stores):
        if record.retrain and record.run_id == run_id:
            return record.decision
    return None


def _outcome(spec: ModelSpec, stores: Stores, run_id: str) -> RetrainOutcome | None:
    moves = [m for m in Ledger(stores.lake.objects).moves(spec.name) if m.origin.get("airflow_run") == run_id]
    if not moves or moves[-1].after is None:
        return None
    last = moves[-1]
    return RetrainOutcome(_version(spec, stores, str(last.after)), last.alias == CHAMPION, last.reason)

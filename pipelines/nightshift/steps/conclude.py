"""How a retrain of the governor ended, written into the log that says that it was started.

What the ledger of aliases says of a run is the truth: who died after a promotion has promoted. A run that left nothing
there was superseded, which the record of its version says, or has no verdict: then it failed, and its cause may start
another.

Between the log and Airflow a worker may be lost. So each night that is governed looks after the retrains that nobody
heard of since: one that Airflow does not have is triggered, under the same id, and one that has ended is concluded.
"""

from collections.abc import Callable, Iterator

from nightshift.contracts import Decision
from nightshift.monitoring.retrains import Outcome, RetrainEnd, StartedRetrain, started_retrains
from nightshift.partitions import days_between
from nightshift.spec import ModelSpec
from nightshift.stores import Stores
from nightshift.stores.moves import AliasMove
from nightshift.stores.registry import CHAMPION, FAILED
from nightshift.stores.versions import VersionRecord

NO_VERDICT = "it ended without a verdict of the gate"
LOOKED_AFTER_DAYS = 28
"""For how long a retrain is looked after; longer where its cooldown is."""
ENDED = frozenset({"success", "failed"})
"""Airflow's words for a run that is over."""
StateOfRun = Callable[[str], str | None]
"""What Airflow says of a run by its id; None where it has none."""


def conclude(spec: ModelSpec, run_id: str, stores: Stores) -> RetrainEnd | None:
    """Write down how a run ended; None for one that the governor did not start. Done again, it says the same.

    Raises ``UnreadableRecord``, ``LakeUnavailable``.
    """
    ledger = started_retrains(spec.name, stores)
    end = None
    for head in ledger.attempts():
        started = head.run(run_id)
        if started is None:
            break
        end = _end(spec, started, stores)
        if started.outcome == end.outcome:
            break
        record = ledger.entry(started.number)
        ended = record.model_copy(update={"ended": end})
        if ledger.append(head, ended):
            break
    return end


def conclude_ended(spec: ModelSpec, partition: str, state_of: StateOfRun, stores: Stores) -> list[RetrainEnd]:
    """Write down the ends that nobody could: the run was over before its last task came to it."""
    ends = []
    for started in _unheard(spec, partition, stores):
        state = state_of(started.run_id)
        # Airflow may have forgotten a run, which the ledger of aliases never does.
        is_over = state in ENDED
        if state is None:
            moves = _moves(spec, started.run_id, stores)
            is_over = bool(moves)
        if is_over:
            end = conclude(spec, started.run_id, stores)
            if end:
                ends.append(end)
    return ends


def not_triggered(spec: ModelSpec, partition: str, state_of: StateOfRun, stores: Stores) -> Decision | None:
    """A retrain that was started, and that Airflow does not know of: who decided it was lost before the trigger."""
    ledger = started_retrains(spec.name, stores)
    for started in _unheard(spec, partition, stores):
        record = ledger.entry(started.number)
        # What an earlier version started may be gone from Airflow by now.
        if record.causes and state_of(started.run_id) is None:
            return record.decision
    return None


def outcome_of(spec: ModelSpec, run_id: str, stores: Stores) -> Outcome | None:
    """How a retrain ended, as far as anybody said so."""
    started = started_retrains(spec.name, stores).head().run(run_id)
    return started.outcome if started else None


def _unheard(spec: ModelSpec, partition: str, stores: Stores) -> Iterator[StartedRetrain]:
    """The retrains that were started not long before or after a night, and that nobody knows an end of."""
    most = max(spec.retrain.cooldown_days, LOOKED_AFTER_DAYS)
    head = started_retrains(spec.name, stores).head()
    for started in head.runs:
        days = abs(days_between(started.night, partition))
        if started.outcome is None and days <= most:
            yield started


def _end(spec: ModelSpec, started: StartedRetrain, stores: Stores) -> RetrainEnd:
    by_run = _moves(spec, started.run_id, stores)
    if not by_run:
        return _end_without_move(spec, started, stores)
    last = by_run[-1]
    outcome: Outcome = "promoted" if last.alias == CHAMPION else "not_promoted"
    return RetrainEnd(outcome=outcome, why=last.reason, version=last.after)


def _end_without_move(spec: ModelSpec, started: StartedRetrain, stores: Stores) -> RetrainEnd:
    """One that was superseded, or withdrawn before it stood, has a record; else the run made none to judge."""
    record = _lost(spec, started, stores)
    if record is None:
        return RetrainEnd(
            outcome="failed",
            why=NO_VERDICT,
        )
    return RetrainEnd(
        outcome="not_promoted",
        why=record.reason,
        version=record.version,
    )


def _lost(spec: ModelSpec, started: StartedRetrain, stores: Stores) -> VersionRecord | None:
    """The record of a version that a run made, and that was judged in vain."""
    first = int(started.version)
    for version in stores.versions.known(spec.name):
        # Versions are numbered as they are registered: that of the run came after the champion of its beginning.
        if int(version) <= first:
            continue
        record = stores.versions.record(spec.name, version)
        if record is None or record.gate != FAILED:
            continue
        if record.origin.get("airflow_run") == started.run_id:
            return record
    return None


def _moves(spec: ModelSpec, run_id: str, stores: Stores) -> list[AliasMove]:
    """What a run moved, oldest first."""
    moves = stores.aliases.ledger(spec.name).entries()
    return [move for move in moves if move.origin.get("airflow_run") == run_id]

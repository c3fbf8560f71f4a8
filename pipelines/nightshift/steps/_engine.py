"""Score all shards of a plan on an engine: each call is ``score``, on a worker that writes the same bytes."""

from dataclasses import dataclass

from nightshift.contracts import Plan, ShardResult
from nightshift.engines.known import launcher_of
from nightshift.engines.launcher import Launcher
from nightshift.errors import NightshiftError, UsageError
from nightshift.scoring.machine import ScoringMachine
from nightshift.scoring.shards import load_result, shard_file
from nightshift.settings import settings
from nightshift.spec import ModelSpec
from nightshift.steps.score import score
from nightshift.stores import Stores


@dataclass(frozen=True)
class ShardCall:
    """What a worker needs for a shard: ``part`` is the plan with it alone; who planned it, and for which lake."""

    spec: ModelSpec
    part: Plan
    planned_on: ScoringMachine
    lake: str


def score_night(spec: ModelSpec, plan: Plan, stores: Stores, engine: str) -> list[ShardResult]:
    """The results of all shards, in their order; those that are finished are found, whoever scored them.

    Raises what ``score`` raises, ``UsageError`` for a worker that is not like this machine, ``EngineUnavailable``.
    """
    return launch(spec, plan, stores, launcher_of(engine))


def launch(spec: ModelSpec, plan: Plan, stores: Stores, launcher: Launcher) -> list[ShardResult]:
    """The same on a launcher, which is not asked where a driver that died has left all shards finished."""
    finished = _finished(spec, plan, stores)
    if finished is not None:
        return finished
    here = ScoringMachine.here()
    lake = stores.settings.lake
    calls = [ShardCall(spec, part, here, lake) for part in plan.parts()]
    results = []
    for outcome in launcher.run(score_there, calls):
        if isinstance(outcome, NightshiftError):
            raise outcome
        results.append(outcome)
    return results


def _finished(spec: ModelSpec, plan: Plan, stores: Stores) -> list[ShardResult] | None:
    """The results of all shards, or None as soon as one is not finished."""
    spec = spec.with_threshold(plan.threshold)
    results = []
    for shard in plan.shards:
        file = shard_file(spec, plan, shard)
        result = load_result(file.key, shard, stores)
        if result is None:
            return None
        results.append(result)
    return results


def score_there(call: ShardCall) -> ShardResult | NightshiftError:
    """On a worker: the result, or the error that ``score`` ended with, which whoever launched it raises."""
    try:
        _require_alike(call)
        (shard,) = call.part.shards
        return score(call.spec, call.part, shard, Stores(settings()))
    except NightshiftError as error:
        return error


def _require_alike(call: ShardCall) -> None:
    """Raises ``UsageError`` for a worker whose bytes would be others."""
    differences = call.planned_on.differences(ScoringMachine.here())
    if differences:
        raise UsageError(
            f"a worker of the engine differs from who planned {call.part.model} {call.part.partition} in"
            f" {' and '.join(differences)}: its scores could have other bits",
            fix="give all of them one image and one family of CPUs",
        )
    lake = settings().lake
    if lake != call.lake:
        raise UsageError(
            f"a worker of the engine has the lake {lake}, and {call.part.model} {call.part.partition} was planned for"
            f" {call.lake}",
            fix="give all of them the same settings",
        )

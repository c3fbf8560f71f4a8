"""The tasks of the loop, as Airflow's workers get them: what went before travels in the message."""

import random
from dataclasses import dataclass, replace
from typing import Any

from nightshift.contracts import PartitionRef, Plan, ShardResult, whole_plan
from nightshift.settings import Settings
from nightshift.spec import ModelSpec
from nightshift.steps.ingest import ingest
from nightshift.steps.plan import plan
from nightshift.steps.publish import publish
from nightshift.steps.score import score
from nightshift.steps.validate import validate
from nightshift.stores import Stores
from nightshift.stores.aliases import NightChampion
from nightshift.validation import uniqueness
from tests.faults.chain import OUTSIDE, chain_spec, run_of, version_of
from tests.faults.world import pin_of

IN_MEMORY = 2_000_000
LONGEST_WAIT = 0.05
OPENED: dict[str, Stores] = {}


@dataclass(frozen=True)
class Task:
    """One task of a night; ``parts`` of a plan and ``results`` are what came before it.

    ``file_limit``: bytes that it may write to a local file. ``rows_in_memory``: keys are checked on disk beyond.
    """

    name: str
    partition: str
    shard_rows: int = 1
    parts: Any = None
    results: Any = None
    file_limit: int | None = None
    rows_in_memory: int = IN_MEMORY


@dataclass(frozen=True)
class Published:
    """A night that a task was told it published, and for predictions the plan of it."""

    ref: PartitionRef
    plan: Any = None


class Aliases:
    """The one answer of the ledger that scoring asks for; the ledger itself is not what is broken here."""

    def champion_of(self, _: str, night: str, known: int = 0) -> NightChampion:
        """Who is champion now, of every night, and by which move; the run says that too."""
        move = OUTSIDE.move
        version = version_of(move)
        pin = replace(pin_of(version), run_id=run_of(move))
        return NightChampion(pin, version, move)

    def require_shown(self, _: str) -> None:
        """MLflow shows the same: it is not what is broken here."""


def carry_out(settings: Settings, task: Task) -> Any:
    """Do it as a task of Airflow does. What it leaves for the next."""
    uniqueness.BUCKET_ROWS = task.rows_in_memory
    spec = chain_spec(task.shard_rows)
    stores = _stores(settings)
    match task.name:
        case "ingest":
            return Published(ingest(spec, task.partition, stores))
        case "validate":
            return Published(validate(spec, task.partition, stores))
        case "plan":
            return plan(spec, task.partition, stores).parts()
        case "score":
            return _scored(spec, task.parts, stores)
        case "publish":
            return _published(spec, task.parts, task.results, stores)
        case "predict":
            parts = plan(spec, task.partition, stores).parts()
            return _published(spec, parts, _scored(spec, parts, stores), stores)
    raise AssertionError(task.name)


def _stores(settings: Settings) -> Stores:
    """Clients of a long-lived worker, which keep their connections from task to task."""
    endpoint = str(settings.endpoint)
    if endpoint not in OPENED:
        OPENED[endpoint] = Stores(settings, {"by": "faults"})
        OPENED[endpoint].__dict__["aliases"] = Aliases()
    return OPENED[endpoint]


def _scored(spec: ModelSpec, parts: list[Plan], stores: Stores) -> list[ShardResult]:
    return [score(spec, part, shard, stores) for part in parts for shard in part.shards]


def _published(spec: ModelSpec, parts: list[Plan], results: list[ShardResult], stores: Stores) -> Published:
    whole = whole_plan(parts)
    return Published(publish(spec, whole, results, stores), whole)


def quick_retries() -> None:
    """The SDK waits a twentieth of a second at most between two tries, so that faults cost little time."""
    from botocore.retries.standard import ExponentialBackoff

    ExponentialBackoff.delay_amount = lambda *_: random.uniform(0, LONGEST_WAIT)

"""Finished shards, kept by what they were made from: a retry, a cleared task or a re-run scores only what is missing.

A shard's key is a digest of everything its rows depend on. Beside ``<digest>.parquet`` lies
``<digest>.json``, written after it: where that is, the shard is done.
"""

import hashlib
import json
from dataclasses import asdict, dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Literal

from pydantic import Field

from nightshift.code_digest import code_digest
from nightshift.contracts import CanaryRows, Plan, Shard, ShardResult
from nightshift.errors import UnreadableRecord
from nightshift.scoring.providers import PACKAGES
from nightshift.spec import ModelSpec
from nightshift.stores import Stores, layout
from nightshift.stores.parquet import LARGE_ROWS, ROW_GROUP_ROWS
from nightshift.stores.parquet_source import is_intact
from nightshift.stores.records import is_empty, is_none
from nightshift.stores.seals import SealedRecord, Seals

FORMAT = 2
FEW_ROWS = 1_000
FEW_ROWS_LAYOUTS = 32
# The step by its name: it writes what this room makes, and lies above it.
CODE = ("nightshift.scoring", "nightshift.steps.score")
SCORED_BY = "scored_by"
"""What the provenance of a night calls the digests of what made its rows, beside version and input."""
SCORED_ON = "scored_on"
"""What it calls the kernels that its scores come from (``machine.kernels_here``), those of each shard's worker."""
DISTRIBUTIONS = sorted({"numpy", "pyarrow", "onnxruntime", *PACKAGES.values()})


class FinishedShard(SealedRecord):
    """That a shard is done, and what is in it; ``index`` is its place in the plan that it was scored for.

    What is published is what it names, so it counts with a seal alone.
    """

    what = "a record of a finished shard"
    remedy = "delete it: then the shard is scored again"

    format: Literal[1] = 1
    index: int
    key: str
    rows: int
    bytes: int
    sha256: str
    counts: dict[str, list[int]]
    unseen: dict[str, int] | None = None
    moments: dict[str, list[float]] = Field(default_factory=dict)
    sample_sha256: str = ""
    canary: CanaryRows | None = Field(None, exclude_if=is_none)
    scored_on: str = Field("", exclude_if=is_empty)

    def result(self, index: int) -> ShardResult:
        """The same in a plan that has the shard at another place."""
        return ShardResult(
            index,
            self.key,
            self.rows,
            self.bytes,
            self.sha256,
            self.counts,
            self.unseen,
            self.moments,
            self.sample_sha256,
            self.canary,
            self.scored_on,
        )


@dataclass(frozen=True)
class ShardFile:
    """Where a shard's Parquet lies, how many rows its first row group has, and how many without rows are before it."""

    key: str
    first_rows: int
    empty_groups: int = 0


def shard_file(spec: ModelSpec, plan: Plan, shard: Shard) -> ShardFile:
    """The file that a shard becomes: by input and range, graph, version, spec and code."""
    night = night_digest(spec, plan)
    digest = _digest(night, shard.sha256, shard.first, shard.last)
    return ShardFile(
        key=layout.shard(
            plan.dataset,
            spec.name,
            plan.partition,
            digest[:32],
        ),
        first_rows=first_rows(night, shard.rows),
        empty_groups=empty_groups(night, shard.rows),
    )


def night_digest(spec: ModelSpec, plan: Plan) -> str:
    """Of all that a night's rows depend on, however it is cut into shards."""
    # Of a night without a canary it is what it was before there were any.
    canary = [asdict(plan.canary)] if plan.canary else []
    return _digest(
        FORMAT,
        plan.input_digest,
        asdict(plan.pin),
        _relevant(spec),
        code_digest(*CODE),
        package_versions(),
        *canary,
    )


def scored_by(spec: ModelSpec) -> dict[str, str]:
    """What a night's rows depend on beside version and input, each as a digest: the spec, the code, the packages."""
    return {
        "model.yaml": _digest(_relevant(spec)),
        "code": code_digest(*CODE),
        "packages": _digest(package_versions()),
    }


def _relevant(spec: ModelSpec) -> dict[str, Any]:
    # Neither who is told of a late night changes a row of it, nor which workers score it.
    beside: dict[str, Any] = {
        "predict": {"shard_rows", "engine", "replay"},
        "shadow": True,
        "canary": True,
        "night": {"published_by"},
    }
    return spec.model_dump(mode="json", exclude=beside)


def first_rows(night: str, rows: int) -> int:
    """How many rows the first row group of a file of ``rows`` has: another number for another night digest.

    A reader that asks for a file column by column while it is replaced would mix both without a word if
    all their columns lay at the same places (docs/publishing.md). So no two generations should be laid out alike.
    In a large file it is never so few that they could not show which columns repeat.
    """
    most = min(rows, ROW_GROUP_ROWS)
    least = LARGE_ROWS if most >= 2 * LARGE_ROWS else 1
    choices = max(1, most - least)
    return least + int(night[:8], 16) % choices


def empty_groups(night: str, rows: int) -> int:
    """How many row groups without rows begin a file: a night of few rows has no other way to be laid out otherwise."""
    return int(night[8:16], 16) % FEW_ROWS_LAYOUTS if rows < FEW_ROWS else 0


@cache
def package_versions() -> dict[str, str]:
    """The installed packages that do the work in a row; ONNX Runtime has another name for each kind of hardware."""
    versions = {}
    for name in DISTRIBUTIONS:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            continue
    return versions


def _digest(*made_from: object) -> str:
    content = json.dumps(made_from, sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()


def load_result(key: str, shard: Shard, stores: Stores) -> ShardResult | None:
    """A finished shard, or None when it is not there, or not as it was written: then it is scored anew.

    Its record is written again: ``maintain`` goes by the age of that.
    """
    finished = _finished(key, stores)
    if finished is None or finished.rows != shard.rows:
        return None
    if not is_intact(stores.lake.objects, finished):
        return None
    return store_result(finished.result(shard.index), stores)


def _finished(key: str, stores: Stores) -> FinishedShard | None:
    place = layout.shard_result(key)
    try:
        finished = stores.lake.objects.get_record(place, FinishedShard)
    except UnreadableRecord:
        return None
    if finished is None or finished.key != key:
        return None
    return finished if finished.is_believed(Seals.of(stores.settings), place) else None


def store_result(result: ShardResult, stores: Stores) -> ShardResult:
    """Record that a shard is done, or that somebody is about to use it."""
    place = layout.shard_result(result.key)
    finished = FinishedShard(**asdict(result)).under_seal(Seals.of(stores.settings), place)
    stores.lake.objects.put_record(place, finished)
    return result

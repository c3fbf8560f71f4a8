"""Finished shards, kept by what they were made from: a retry, a cleared task or a re-run scores only what is missing.

A shard's key is a digest of everything its rows depend on. Beside ``<digest>.parquet`` lies
``<digest>.json``, written after it: where that is, the shard is done.
"""

import hashlib
import json
from dataclasses import asdict, replace
from functools import cache
from importlib.metadata import version
from pathlib import Path

from pydantic import TypeAdapter

from nightshift.contracts import Plan, Shard, ShardResult
from nightshift.spec import ModelSpec
from nightshift.stores import Stores, layout
from nightshift.stores.parquet import LARGE_ROWS, ROW_GROUP_ROWS

FORMAT = 1
PACKAGES = ("onnxruntime", "pyarrow", "numpy")
CODE = (
    "scoring/engine.py",
    "scoring/graph.py",
    "scoring/feeds.py",
    "scoring/providers.py",
    "modelling/inputs.py",
    "modelling/label_types/base.py",
    "modelling/label_types/binary.py",
    "modelling/label_types/multiclass.py",
    "modelling/label_types/regression.py",
    "profiles/profile.py",
    "profiles/bins.py",
    "stores/parquet.py",
)
RESULT = TypeAdapter(ShardResult)


def file_key(spec: ModelSpec, plan: Plan, shard: Shard) -> str:
    """Where the shard's Parquet lies: by input and range, graph, version, spec and code."""
    digest = _digest(night_digest(spec, plan), shard.sha256, shard.first, shard.last)
    return layout.shard(spec.name, plan.partition, digest[:32])


def night_digest(spec: ModelSpec, plan: Plan) -> str:
    """Of all that a night's rows depend on, however it is cut into shards."""
    said = spec.model_dump(mode="json", exclude={"predict": {"shard_rows"}})
    return _digest(FORMAT, plan.input_digest, asdict(plan.pin), said, code_digest())


def first_rows(spec: ModelSpec, plan: Plan, rows: int) -> int:
    """How many rows the first row group of a file of ``rows`` has: another number for another night digest.

    A reader that asks for a file column by column while it is replaced would mix both without a word if
    all their columns lay at the same places (docs/publishing.md). So no two generations are laid out alike.
    In a large file it is never so few that they could not show which columns repeat.
    """
    most = min(rows, ROW_GROUP_ROWS)
    least = LARGE_ROWS if most >= 2 * LARGE_ROWS else 1
    return least + int(night_digest(spec, plan)[:8], 16) % max(1, most - least)


def _digest(*made_from: object) -> str:
    return hashlib.sha256(json.dumps(made_from, sort_keys=True).encode()).hexdigest()


@cache
def code_digest() -> str:
    """Of the modules that make a shard's rows, and of the packages that do the work in them."""
    found = hashlib.sha256()
    for name in CODE:
        found.update((Path(__file__).parents[1] / name).read_bytes())
    for package in PACKAGES:
        found.update(f"{package}=={version(package)}".encode())
    return found.hexdigest()


def find(key: str, shard: Shard, stores: Stores) -> ShardResult | None:
    """A finished shard, or None. Its JSON is written again: ``maintain`` goes by the age of that."""
    objects = stores.lake.objects
    found = objects.get(_result_key(key))
    if found is None:
        return None
    done = replace(RESULT.validate_json(found[0]), index=shard.index)
    head = objects.head(key)
    if head is None or head.size != done.bytes:
        return None
    objects.put(_result_key(key), found[0], "application/json")
    return done


def keep(result: ShardResult, stores: Stores) -> ShardResult:
    """Say that a shard is done."""
    stores.lake.objects.put(_result_key(result.key), RESULT.dump_json(result), "application/json")
    return result


def _result_key(key: str) -> str:
    return layout.shard_result(key)

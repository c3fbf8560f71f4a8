"""Calls as JSON: what a worker reads is what the driver would have given it itself."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from nightshift.contracts import Dataset, Pin, Plan, Shard
from nightshift.engines.calls import LaunchedCalls, made, written
from nightshift.errors import UsageError
from nightshift.scoring.machine import ScoringMachine
from nightshift.scoring.shards import shard_file
from nightshift.spec import ModelSpec, load_spec
from nightshift.steps._engine import ShardCall, score_there

ROOT = Path(__file__).parents[3]
FILES = sorted([*ROOT.glob("models/*/model.yaml"), *ROOT.glob("pipelines/nightshift/demo/**/model.yaml")])
PIN = Pin("orders", "3", "run", "ab" * 32, "models/orders/ab/model.onnx", "cd", "2024-01-01")
SHARD = Shard(index=0, key="generations/x", sha256="ef" * 32, first=0, last=2, rows=40, bytes=7)
RECEIVED: list[ShardCall] = []


def received(call: ShardCall) -> int:
    """What the worker has."""
    RECEIVED.append(call)
    return 1


def call_of(spec: ModelSpec) -> ShardCall:
    plan = Plan(spec.name, "2024-01-12", PIN, "9f", "01", 40, None, [SHARD], {"a": 1}, 0.25, "2", Dataset.SHADOW)
    return ShardCall(spec, plan, ScoringMachine.here(), "s3://lake")


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.parent.name)
def test_a_worker_has_spec_plan_and_machine_of_the_driver_and_the_same_key_of_the_shard(file: Path) -> None:
    call = call_of(load_spec(file))
    record = written(received, [call])
    made(LaunchedCalls.from_json(record.to_json(), "here"), 0)
    there = RECEIVED.pop()
    # Of which file it was read from is nothing to a worker.
    assert there.spec.model_dump() == call.spec.model_dump()
    assert replace(there, spec=call.spec) == call
    assert shard_file(there.spec, there.part, SHARD) == shard_file(call.spec, call.part, SHARD)


def test_models_are_looked_at() -> None:
    assert len(FILES) >= 2


def test_the_same_calls_have_one_digest_and_others_another(spec: ModelSpec, change: Callable[..., ModelSpec]) -> None:
    one, again = written(score_there, [call_of(spec)]), written(score_there, [call_of(spec)])
    other = written(score_there, [call_of(change(spec, description="another"))])
    assert one.digest == again.digest
    assert one.digest != other.digest
    assert one.work == "nightshift.steps._engine:score_there"


@pytest.mark.parametrize("work", ["nightshift.nowhere:f", "nightshift.engines.calls:nothing"])
def test_a_worker_without_the_function_says_so(work: str) -> None:
    with pytest.raises(UsageError, match=f"a worker does not have {work}"):
        made(LaunchedCalls(work=work, items=[1]), 0)

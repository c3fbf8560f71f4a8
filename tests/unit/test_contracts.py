"""What travels between tasks arrives as it left, through Airflow's own serialisation and its allow list."""

import json
import os
import pickle
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import FrozenInstanceError, asdict, fields, is_dataclass, replace
from typing import Any

import pytest

from nightshift import contracts
from nightshift.contracts import (
    Approval,
    CanaryPin,
    CanaryRows,
    CanaryVerdict,
    Candidate,
    Dataset,
    Decision,
    EpisodeChange,
    Evidence,
    FoldRef,
    GraphRef,
    Maintained,
    NightReport,
    PartitionKey,
    PartitionRef,
    Pin,
    Plan,
    Promotion,
    Registered,
    Replayed,
    Retracted,
    Searched,
    ShadowVerdict,
    Shard,
    ShardResult,
    SnapshotRef,
    Trained,
    Verdict,
    whole_plan,
)
from nightshift.errors import UsageError
from nightshift.stack import Ports, Stack

SNAPSHOT = SnapshotRef("m", "ab.dir", "2024-01-12", "2024-01-02", "2024-01-11", 10, 900, ["2024-01-06"])
FOLD = FoldRef("folds/fold-1.skops", "cc", "2024-01-06", "2024-01-09", "2024-01-11")
SEARCHED = Searched("m", "run", "ab", "ridge", {"alpha": 0.5, "list": [1, 2]}, 3, 9, "it lost less")
TRAINED = Trained(
    "m", "run", "models:/m-1", SNAPSHOT, {"roc_auc": 0.75, "log_loss": 0.5}, folds=[FOLD], searched=SEARCHED
)
EVIDENCE = Evidence("models/m/aa/e.parquet", "ee", "2024-01-07", "2024-01-11", 5, "models/m/bb", "bb", "2024-01-06")
GRAPH = GraphRef("aa", "models/m/aa/model.onnx", 1000, 1e-8, 0, 400, "fp32")
CANDIDATE = Candidate("m", "3", TRAINED, GRAPH, EVIDENCE)
PIN = Pin("m", "3", "run", "aa", "models/m/aa/model.onnx", "ab.dir", "2024-01-11")
OPENED = EpisodeChange("m-3-drift-2024-01-12", "drift", "opened", "2024-01-12", "2024-01-12", 1)
CANARY = CanaryPin(PIN, 0.1, 7, 0.25)
SHARD = Shard(0, "generations/x", "aa", 0, 2, 90)
EXAMPLES = [
    PartitionKey(Dataset.RAW, "m", "day", "2024-01-12"),
    PartitionRef(Dataset.RAW, "m", "2024-01-12", "g", "d", 90),
    SNAPSHOT,
    FOLD,
    SEARCHED,
    TRAINED,
    Registered("m", "3", TRAINED),
    GRAPH,
    EVIDENCE,
    CANDIDATE,
    Verdict(CANDIDATE, True, ["the first champion"], None, {"brier": 0.1}, [{"name": "a", "low": None, "high": 0.5}]),
    Approval("ab" * 32, approved=True, by="ann", at="2026-11-26T07:00:00+00:00"),
    Promotion("m", None, "2", False, "worse"),
    PIN,
    CANARY,
    CanaryRows(9, {"kind": [1, 8]}, {"kind": 1}, {"amount": [9.0, 0.5, 0.1, 0.9]}),
    SHARD,
    Plan("m", "2024-01-12", PIN, "g", "d", 90, None, [SHARD, Shard(1, "generations/x", "aa", 2, 3, 1)], canary=CANARY),
    ShardResult(0, "generations/y", 90, 2000, "bb", {"kind": [3, 87]}, canary=CanaryRows(9, {"kind": [1, 8]})),
    OPENED,
    NightReport(
        "m", "2024-01-12", "3", True, 2.5, 1.5, "amount", ["2024-01-11"], False, "monitoring/x.html", ["old"], [OPENED]
    ),
    ShadowVerdict("m", "3", "2", "2024-01-02", 12, "better", "log_loss -0.1", -0.1, -0.2, -0.01, True),
    CanaryVerdict("m", "3", "2", 0.1, "2024-01-02", 12, "held", "log_loss -0.1", -0.1, -0.2, -0.01, True),
    Decision("m", "2024-01-12", True, "2 of 3 nights", "drift__2024-01-12"),
    Replayed("m", "2024-01-12", 90, 1, {"other_kernels": 3}),
    Retracted("m", "2024-01-12", "ann", "wrong prices", {"raw": 90}, "labels stay", "nightshift ingest m 2024-01-12"),
    Maintained("m", False, 10, 1, 0, 3, 5000, 2, 700, 1, 0),
]

# Airflow reads its configuration once per process, and says so much while it does.
THERE_AND_BACK = """
import json, pickle, sys, warnings
warnings.simplefilter("ignore")
from airflow.sdk.serde import deserialize, serialize
found = []
for example in pickle.load(sys.stdin.buffer):
    back = deserialize(json.loads(json.dumps(serialize(example))))
    found.append([type(back) is type(example), back == example, repr(back)])
print("\\n" + json.dumps(found))
"""


def run(examples: list[Any], env: Mapping[str, str]) -> list[list[Any]]:
    command = [sys.executable, "-c", THERE_AND_BACK]
    done = subprocess.run(command, input=pickle.dumps(examples), env=dict(env), capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def airflow_env(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment in which the stack runs Airflow's tasks."""
    root = tmp_path_factory.mktemp("airflow")
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")}
    return {**inherited, **Stack(root / "home", root, Ports.free()).airflow_env()}


@pytest.fixture(scope="module")
def arrived(airflow_env: dict[str, str]) -> dict[str, list[Any]]:
    return {type(e).__name__: found for e, found in zip(EXAMPLES, run(EXAMPLES, airflow_env), strict=True)}


def declared() -> dict[str, type]:
    return {n: v for n, v in vars(contracts).items() if is_dataclass(v) and v.__module__.startswith(contracts.__name__)}


def test_every_contract_has_an_example_here() -> None:
    assert {type(example).__name__ for example in EXAMPLES} == set(declared())


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda e: type(e).__name__)
def test_it_arrives_as_it_left(arrived: dict[str, list[Any]], example: Any) -> None:
    same_type, equal, shown = arrived[type(example).__name__]
    assert same_type, shown
    assert equal, shown


def test_classes_outside_the_contracts_are_not_let_in(airflow_env: dict[str, str]) -> None:
    name = "AIRFLOW__CORE__ALLOWED_DESERIALIZATION_CLASSES"
    assert "nightshift.contracts" in airflow_env[name]
    with pytest.raises(AssertionError, match=r"not found in allow list|ImportError"):
        run([SHARD], {**airflow_env, name: "airflow.*"})


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda e: type(e).__name__)
def test_it_is_frozen_and_prints_as_json(example: Any) -> None:
    assert json.loads(json.dumps(asdict(example))) == asdict(example)
    with pytest.raises(FrozenInstanceError):
        setattr(example, fields(example)[0].name, "other")


def test_a_key_is_of_a_real_night() -> None:
    """So that nothing of a request or a trigger reaches an object's key before it is known to be a date."""
    for bad in ("../x", "", "2024-02-30"):
        with pytest.raises(UsageError, match="partition key"):
            PartitionKey(Dataset.RAW, "m", "day", bad)


def test_a_dataset_stays_one_of_the_list_on_its_way() -> None:
    back = PartitionRef(**json.loads(json.dumps(asdict(EXAMPLES[1]))))
    assert back.dataset is Dataset.RAW


def test_parts_that_were_planned_with_and_without_a_canary_are_of_no_one_plan() -> None:
    planned = next(example for example in EXAMPLES if isinstance(example, Plan))
    with_canary, without = planned.parts(), replace(planned, canary=None).parts()
    assert whole_plan(with_canary) == planned
    with pytest.raises(UsageError, match="version 3 with canary 3 in generation g and version 3 in generation g"):
        whole_plan([with_canary[0], without[1]])

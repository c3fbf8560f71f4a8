"""What scores a night trains nothing: no library of training is loaded, neither on import nor by scoring a shard."""

import hashlib
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from pydantic import TypeAdapter

from nightshift.contracts import Pin, Plan, Shard
from nightshift.modelling.folds import folds_of
from nightshift.optimization.export import to_onnx
from nightshift.scoring.engine import schema
from nightshift.scoring.graph import OnnxGraph
from nightshift.steps.optimize import _profile
from nightshift.stores import layout, parquet

TRAINING = {"sklearn", "skl2onnx", "torch", "mlflow", "skops", "great_expectations", "matplotlib", "dvc"}
PROBE = Path(__file__).parent / "score_probe.py"
IMPORT_ALL = "import importlib, json, sys; [importlib.import_module(name) for name in sys.argv[1:]]; "
PRINT_LOADED = "print(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))"


def run(*arguments: str) -> Any:
    """What a Python process says last, as JSON."""
    done = subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


def test_importing_what_scores_loads_no_library_of_training(repository: Path) -> None:
    files = (repository / "pipelines" / "nightshift" / "scoring").glob("*.py")
    modules = [f"nightshift.scoring.{file.stem}" for file in files if file.stem != "__init__"]
    assert "nightshift.scoring.engine" in modules
    loaded = run("-c", IMPORT_ALL + PRINT_LOADED, *modules, "nightshift.steps.score")
    assert "pyarrow" in loaded
    assert TRAINING.isdisjoint(loaded)


@pytest.mark.parametrize("kind", ["binary", "multiclass", "regression"])
def test_scoring_a_shard_loads_no_library_of_training(kind: str, fitted: Callable[..., Any], tmp_path: Path) -> None:
    made = fitted(kind)
    graph = to_onnx(made.spec, made.pipeline)
    opened = OnnxGraph(made.spec, graph)
    pin = Pin(made.spec.name, "3", "run", hashlib.sha256(graph).hexdigest(), "graphs/one.onnx", "5f.dir", "2024-01-10")
    rows = made.rows.holdout.table
    lake = tmp_path / "lake"
    (lake / "graphs").mkdir(parents=True)
    (lake / pin.key).write_bytes(graph)
    profile = lake / layout.profile(pin.model, pin.sha256)
    profile.parent.mkdir(parents=True, exist_ok=True)
    profile.write_bytes(_profile(made.spec, made.rows, folds_of(made.spec, made.rows)[-1:], [opened]))
    parquet.write(rows.to_batches(), rows.schema, lake / "validated.parquet")
    shard = Shard(0, "validated.parquet", "cd" * 32, 0, 1, rows.num_rows)
    plan = Plan(made.spec.name, "2024-01-11", pin, "generation", "input", rows.num_rows, None, [shard])
    (tmp_path / "plan.json").write_bytes(TypeAdapter(Plan).dump_json(plan))
    (tmp_path / "spec.json").write_text(made.spec.model_dump_json())
    said = run(str(PROBE), str(tmp_path))
    assert (said["rows"], said["again"]) == (rows.num_rows, True)
    assert "onnxruntime" in said["loaded"]
    assert TRAINING.isdisjoint(said["loaded"])
    assert pq.read_table(lake / said["key"]).schema == schema(made.spec)

"""Turn a registered model into the ONNX graph that would score, and show that it may."""

import hashlib
import json
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from pipelines.contracts import Candidate, Registered
from pipelines.contracts import Graph as GraphRef
from pipelines.spec import ModelSpec
from pipelines.steps.estimators import model_inputs
from pipelines.steps.export import to_onnx
from pipelines.steps.graph import Graph
from pipelines.steps.holdout import Split, read_split
from pipelines.steps.parity import Parity, check_parity
from pipelines.steps.profile import build as build_profile
from pipelines.stores import Stores

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline


def optimize(spec: ModelSpec, registered: Registered, stores: Stores) -> Candidate:
    """Export, check parity on holdout and edge rows, keep graph and profile under the graph's sha256.

    Raises ``ParityFailed``, ``UnsafeGraph``, ``ModelError``; then the version keeps ``gate: pending``.
    """
    trained = registered.trained
    with stores.registry.session(spec.name) as mlflow, mlflow.start_run(run_id=trained.run_id):
        pipeline = mlflow.sklearn.load_model(trained.model_uri)
        rows = read_split(spec, trained.snapshot, stores)
        body = to_onnx(spec, pipeline)
        graph = Graph(spec, body)
        parity = check_parity(spec, pipeline, graph, rows.holdout.table)
        reference = _keep(spec, body, parity, stores)
        profile = _profile(spec, rows, graph)
        stores.lake.objects.put(f"models/{spec.name}/{reference.sha256}/profile.json", profile, "application/json")
        _log(mlflow, body, profile, parity, _measured(spec, pipeline, graph, rows.holdout.table))
    stores.registry.tag(spec.name, registered.version, {"onnx_sha256": reference.sha256, "onnx_key": reference.key})
    return Candidate(spec.name, registered.version, trained, reference)


def _profile(spec: ModelSpec, rows: Split, graph: Graph) -> bytes:
    """The reference for drift: every row of the window, as a night has it; scores of nights not trained on."""
    parts = (rows.train, rows.holdout, rows.unlabelled)
    table = pa.concat_tables([part.table for part in parts])
    held_out = np.concatenate([part.nights for part in parts]) >= rows.holdout.nights.min()
    scores = np.full(table.num_rows, np.nan)
    scores[held_out] = graph.score(table.filter(pa.array(held_out)))
    labels = np.concatenate([part.labels for part in parts])
    return build_profile(spec, table, table[spec.partition.column].to_pylist(), scores, labels).to_json()


def _keep(spec: ModelSpec, body: bytes, parity: Parity, stores: Stores) -> GraphRef:
    sha256 = hashlib.sha256(body).hexdigest()
    key = f"models/{spec.name}/{sha256}/model.onnx"
    stores.lake.objects.put(key, body)
    return GraphRef(sha256, key, len(body), parity.max_difference, parity.label_flips, parity.rows)


def _measured(spec: ModelSpec, pipeline: "Pipeline", graph: Graph, table: pa.Table) -> dict[str, float]:
    return {
        "onnx_rows_per_second": _rows_per_second(table.num_rows, lambda: graph.score(table)),
        "sklearn_rows_per_second": _rows_per_second(
            table.num_rows, lambda: pipeline.predict_proba(model_inputs(spec, table))
        ),
    }


def _log(mlflow: Any, body: bytes, profile: bytes, parity: Parity, speeds: dict[str, float]) -> None:
    mlflow.log_metrics({**{f"parity_{name}": float(value) for name, value in asdict(parity).items()}, **speeds})
    with tempfile.TemporaryDirectory(prefix="nightshift-") as folder:
        (Path(folder) / "model.onnx").write_bytes(body)
        (Path(folder) / "profile.json").write_bytes(profile)
        (Path(folder) / "parity.json").write_text(json.dumps({**asdict(parity), **speeds}, indent=1))
        mlflow.log_artifacts(folder, "onnx")


def _rows_per_second(rows: int, run: Callable[[], object]) -> float:
    run()
    started = time.perf_counter()
    run()
    return rows / (time.perf_counter() - started)

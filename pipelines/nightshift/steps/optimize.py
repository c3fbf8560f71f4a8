"""Find the fastest ONNX graph of a registered model that may score: build, hold against it, measure, choose."""

import hashlib
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from nightshift.concurrency import beside, let_openmp_threads_sleep
from nightshift.contracts import Candidate, GraphRef, Registered, Trained
from nightshift.errors import ModelError
from nightshift.extras import require
from nightshift.modelling.folds import Fold, folds_of
from nightshift.modelling.holdout import Split, read_split, together
from nightshift.modelling.label_types import label_type
from nightshift.modelling.plots.figure import laid_out
from nightshift.monitoring.matters.build import JudgedWindow, ReferenceFiles
from nightshift.monitoring.matters.build import build as build_reference
from nightshift.optimization.recipe_graphs import FittedFold, RecipeGraphs, recipe_graphs
from nightshift.optimization.variants.evaluator import VariantResult
from nightshift.optimization.variants.report import as_json, as_markdown, pareto
from nightshift.profiles.profile import Profile
from nightshift.profiles.profile import build as build_profile
from nightshift.progress import OnProgress, unheard
from nightshift.scoring.graph import OnnxGraph
from nightshift.spec import ModelSpec
from nightshift.spec.search import as_chosen
from nightshift.steps._costs import logged
from nightshift.steps._fold_files import read_folds, require_folds
from nightshift.stores import Stores, layout
from nightshift.stores.objects import JSON
from nightshift.training.evidence import store_evidence
from nightshift.training.trained_file import TRAINED_FILE, read_pipeline, train_anew

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Metric
    from sklearn.pipeline import Pipeline


def optimize(spec: ModelSpec, registered: Registered, stores: Stores, progress: OnProgress = unheard) -> Candidate:
    """Search, then keep the chosen graph, its twin, their evidence and a profile in the lake; the run has all of them.

    Raises ``ParityFailed``, ``CollapsedRefit``, ``UnsafeGraph``, ``ModelError``, ``UsageError`` without the extra
    ``train``; then the version keeps ``gate: pending``.
    """
    require("train", f"optimising {spec.name}")
    let_openmp_threads_sleep()
    trained = registered.trained
    spec = as_chosen(spec, trained.searched)
    spec = spec.with_classes(trained.classes or spec.label.classes).with_threshold(trained.threshold)
    with stores.registry.session(spec.name) as mlflow, mlflow.start_run(run_id=trained.run_id), logged(mlflow) as costs:
        costs.stage("optimizing")
        pipeline = _trained_pipeline(mlflow, spec, trained)
        rows = read_split(spec, trained.snapshot, stores)
        folds = folds_of(spec, rows)
        require_folds(spec, trained, folds)
        pipelines = read_folds(mlflow, spec, trained)
        fitted = [FittedFold(fold, of_fold) for fold, of_fold in zip(folds, pipelines, strict=True)]
        graphs = recipe_graphs(spec, fitted, pipeline, rows, progress)
        profile = _profile(spec, rows, folds, [OnnxGraph(spec, body) for body in graphs.folds])
        with beside() as give:
            give(partial(_log, stores.registry.client, trained.run_id, spec, graphs, profile))
            reference = _reference(spec, rows, folds, graphs, profile)
            graph = _store_graph(spec, graphs, profile, reference, stores)
            evidence = store_evidence(spec, folds, graphs.scores, graphs.twin, graph, stores)
    stores.registry.tag(spec.name, registered.version, tags_of(graph, evidence.twin_sha256))
    return Candidate(spec.name, registered.version, trained, graph, evidence)


def tags_of(graph: GraphRef, twin_sha256: str) -> dict[str, str]:
    """What MLflow shows of a version's files."""
    return {
        "onnx_sha256": graph.sha256,
        "onnx_key": graph.key,
        "variant": graph.variant,
        "profile_sha256": graph.profile_sha256,
        "reference_sha256": graph.reference_sha256,
        "exact_sha256": graph.exact_sha256,
        "twin_sha256": twin_sha256,
    }


def _trained_pipeline(mlflow: Any, spec: ModelSpec, trained: Trained) -> "Pipeline":
    """The file that ``train`` wrote, as bytes; MLflow is not asked how to read it. Raises ``ModelError``."""
    if not trained.sha256:
        raise ModelError(
            f"{spec.name}: the training in MLflow's run {trained.run_id} does not say the digest of its model: it is of"
            " an earlier version of Nightshift",
            fix=train_anew(spec),
        )
    model_id = trained.model_uri.removeprefix("models:/")
    folder = mlflow.MlflowClient().get_logged_model(model_id).artifact_location
    address = f"{folder}/{TRAINED_FILE}"
    with tempfile.TemporaryDirectory(prefix="nightshift-") as place:
        file = mlflow.artifacts.download_artifacts(artifact_uri=address, dst_path=place)
        body = Path(file).read_bytes()
    return read_pipeline(spec, body, trained.sha256, address)


def _profile(spec: ModelSpec, rows: Split, folds: Sequence[Fold], graphs: Sequence[OnnxGraph]) -> bytes:
    """The reference for drift: every row of the window, as a night has it; scores of judged nights, out of fold."""
    window = rows.all_rows
    table = window.table
    room = label_type(spec).empty_scores(table.num_rows)
    scores = np.full(room.shape, np.nan)
    for fold, graph in zip(folds, graphs, strict=True):
        is_judged = fold.judges(window.nights)
        judged = table.filter(pa.array(is_judged))
        scores[is_judged] = graph.score(judged)
    nights = table[spec.partition.column].to_pylist()
    profile = build_profile(spec, table, nights, scores, window.labels)
    return profile.to_json()


def _reference(
    spec: ModelSpec, rows: Split, folds: Sequence[Fold], graphs: RecipeGraphs, profile: bytes
) -> ReferenceFiles:
    """What will say which drift matters, by what the folds' graphs say of nights that they did not see."""
    judged = JudgedWindow(
        rows=together([fold.judged for fold in folds]),
        scores=np.concatenate(graphs.scores),
        twin=OnnxGraph(spec, graphs.twin),
        of_twin=folds[-1].judged,
    )
    known = Profile.from_json(profile, "the profile")
    return build_reference(spec, known, rows.all_rows, judged, OnnxGraph(spec, graphs.body))


def _store_graph(
    spec: ModelSpec, graphs: RecipeGraphs, profile: bytes, reference: ReferenceFiles, stores: Stores
) -> GraphRef:
    """Graph, profile and reference, each under its digest: two versions of one graph may have two profiles."""
    sha256 = hashlib.sha256(graphs.body).hexdigest()
    profile_sha256 = hashlib.sha256(profile).hexdigest()
    key = layout.graph(spec.name, sha256)
    objects = stores.lake.objects
    objects.put(key, graphs.body)
    objects.put(layout.profile(spec.name, sha256, profile_sha256), profile, JSON)
    objects.put(layout.reference_rows(spec.name, sha256, reference.rows_sha256), reference.rows)
    objects.put(layout.reference(spec.name, sha256, reference.sha256), reference.record, JSON)
    parity = graphs.scoring.parity
    if parity is None:
        raise ModelError(f"{spec.name}: the variant {graphs.scoring.name} was chosen but never compared")
    return GraphRef(
        sha256,
        key,
        bytes=len(graphs.body),
        max_difference=parity.max_difference,
        label_flips=parity.label_flips,
        rows_compared=parity.rows,
        variant=graphs.scoring.name,
        profile_sha256=profile_sha256,
        exact_sha256=hashlib.sha256(graphs.exact).hexdigest(),
        reference_sha256=reference.sha256,
    )


def _log(client: "MlflowClient", run_id: str, spec: ModelSpec, graphs: RecipeGraphs, profile: bytes) -> None:
    """The table, the plot, the losses of networks as they learnt, and every file; the table is of the twin's graphs.

    By the client: a thread has no run of MLflow's that is its own.
    """
    variants = graphs.search
    results = variants.results
    chosen = variants.chosen
    client.log_batch(run_id, _metrics(chosen, graphs))
    client.log_text(run_id, profile.decode(), "onnx/profile.json")
    client.log_text(run_id, as_json(results, chosen), "onnx/variants.json")
    client.log_text(run_id, as_markdown(spec, results, chosen), "onnx/variants.md")
    client.log_figure(run_id, laid_out(pareto(spec, results, chosen)), "plots/variants.png")
    with tempfile.TemporaryDirectory(prefix="nightshift-") as folder:
        for name, body in variants.files.items():
            Path(folder, f"{name}.onnx").write_bytes(body)
        client.log_artifacts(run_id, folder, "onnx/variants")


def _metrics(chosen: VariantResult, graphs: RecipeGraphs) -> "list[Metric]":
    """Speed as measured of the twin's graph; size and parity of the one that scores; losses of networks by step."""
    from mlflow.entities import Metric
    from mlflow.utils.time import get_current_time_millis

    measured = {
        "onnx_rows_per_second": chosen.rows_per_second,
        "onnx_load_ms": chosen.load_ms,
        "onnx_bytes": len(graphs.body),
    }
    parity = asdict(graphs.scoring.parity) if graphs.scoring.parity else {}
    values = {name: value for name, value in measured.items() if value is not None}
    values |= {f"parity_{name}": value for name, value in parity.items()}
    now = get_current_time_millis()
    metrics = [Metric(name, float(value), now, 0) for name, value in values.items()]
    for name, losses in graphs.search.losses.items():
        metrics += [Metric(f"{name}_loss", loss, now, step) for step, loss in enumerate(losses)]
    return metrics

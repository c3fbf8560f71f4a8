"""Find the fastest ONNX graph of a registered model that may score: build, hold against it, measure, choose."""

import hashlib
import tempfile
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from nightshift.concurrency import let_openmp_threads_sleep
from nightshift.contracts import Candidate, GraphRef, Registered, Trained
from nightshift.errors import ModelError
from nightshift.extras import require
from nightshift.modelling.holdout import Split, read_split
from nightshift.modelling.trained_file import TRAINED_FILE, read_pipeline
from nightshift.optimization.export import to_onnx
from nightshift.optimization.parity import parity_rows
from nightshift.optimization.variants.catalogue import FP32, build_all, builders
from nightshift.optimization.variants.evaluator import VariantEvaluator, VariantResult, choose
from nightshift.optimization.variants.inputs import VariantInputs
from nightshift.optimization.variants.measure import measure
from nightshift.optimization.variants.report import as_json, as_markdown, pareto
from nightshift.profiles.profile import build as build_profile
from nightshift.progress import OnProgress, unheard
from nightshift.scoring.graph import OnnxGraph
from nightshift.spec import ModelSpec
from nightshift.stores import Stores, layout

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline


@dataclass(frozen=True)
class VariantSearch:
    """Every graph that was tried, its file where there is one, and the one to score with.

    ``losses`` are those of networks as they learnt.
    """

    results: list[VariantResult]
    chosen: VariantResult
    files: dict[str, bytes]
    losses: dict[str, list[float]]

    @property
    def body(self) -> bytes:
        """The chosen graph."""
        return self.files[self.chosen.name]


def optimize(spec: ModelSpec, registered: Registered, stores: Stores, progress: OnProgress = unheard) -> Candidate:
    """Search, then keep the chosen graph and its profile under the graph's sha256; the run has all of them.

    Raises ``ParityFailed``, ``UnsafeGraph``, ``ModelError``, ``UsageError`` without the extra ``train``; then the
    version keeps ``gate: pending``.
    """
    require("train", f"optimising {spec.name}")
    let_openmp_threads_sleep()
    trained = registered.trained
    spec = spec.with_classes(trained.classes or spec.label.classes).with_threshold(trained.threshold)
    with stores.registry.session(spec.name) as mlflow, mlflow.start_run(run_id=trained.run_id):
        pipeline = _trained_pipeline(mlflow, spec, trained)
        rows = read_split(spec, trained.snapshot, stores)
        variants = search(spec, pipeline, rows, progress)
        chosen = OnnxGraph(spec, variants.body)
        profile = _profile(spec, rows, chosen)
        graph = _store_graph(spec, variants, profile, stores)
        mlflow.log_text(profile.decode(), "onnx/profile.json")
        _log(mlflow, spec, variants)
    tags = {
        "onnx_sha256": graph.sha256,
        "onnx_key": graph.key,
        "variant": graph.variant,
        "profile_sha256": graph.profile_sha256,
    }
    stores.registry.tag(spec.name, registered.version, tags)
    return Candidate(spec.name, registered.version, trained, graph)


def _trained_pipeline(mlflow: Any, spec: ModelSpec, trained: Trained) -> "Pipeline":
    """The file that ``train`` wrote, as bytes; MLflow is not asked how to read it. Raises ``ModelError``."""
    if not trained.sha256:
        raise ModelError(
            f"{spec.name}: the training in MLflow's run {trained.run_id} does not say the digest of its model: it is of"
            " an earlier version of Nightshift",
            fix=f"train anew: nightshift train {spec.name} NIGHT, or trigger {spec.name}.train",
        )
    model_id = trained.model_uri.removeprefix("models:/")
    folder = mlflow.MlflowClient().get_logged_model(model_id).artifact_location
    address = f"{folder}/{TRAINED_FILE}"
    with tempfile.TemporaryDirectory(prefix="nightshift-") as place:
        file = mlflow.artifacts.download_artifacts(artifact_uri=address, dst_path=place)
        body = Path(file).read_bytes()
    return read_pipeline(spec, body, trained.sha256, address)


def search(spec: ModelSpec, pipeline: "Pipeline", rows: Split, progress: OnProgress = unheard) -> VariantSearch:
    """Build what the spec names, judge it on the holdout and edge rows, measure it here, choose.

    Raises ``ParityFailed`` when the plain export, fp32, is not the trained model, and ``ModelError`` when no
    graph runs on the spec's provider.
    """
    holdout = rows.holdout.table
    held = parity_rows(spec, pipeline, holdout)
    fp32 = to_onnx(spec, pipeline)
    scores = OnnxGraph(spec, fp32, "cpu").score(held.rows)
    held.require(scores)
    inputs = VariantInputs(spec, pipeline, rows.train, fp32)
    built, refusals = build_all(inputs, progress)
    files = {FP32: fp32, **built}
    evaluator = VariantEvaluator(spec, held, rows.holdout, scores[: holdout.num_rows])
    results = []
    for name, exact in _exactness(spec).items():
        if name in refusals:
            results.append(VariantResult(name, exact, refusals[name]))
        else:
            graph = OnnxGraph(spec, files[name])
            results.append(evaluator.evaluate(name, exact, graph))
    measured = _measured(spec, results, files, holdout)
    return VariantSearch(measured, choose(measured), files, inputs.losses)


def _exactness(spec: ModelSpec) -> dict[str, bool]:
    """Whether each graph of the search must show parity, in its order."""
    exactness = {FP32: True}
    for builder in builders(spec):
        exactness[builder.name] = builder.exact
    return exactness


def _measured(
    spec: ModelSpec, results: list[VariantResult], files: dict[str, bytes], table: pa.Table
) -> list[VariantResult]:
    """Those that ran, with their speed: refused ones too, for the table."""
    ran = {result.name: files[result.name] for result in results if result.parity}
    speeds = measure(spec, ran, table)
    measured = []
    for result in results:
        if result.name in files:
            body = files[result.name]
            sha256 = hashlib.sha256(body).hexdigest()
            result = replace(result, bytes=len(body), sha256=sha256)
        if result.name in speeds:
            result = replace(result, **asdict(speeds[result.name]))
        measured.append(result)
    return measured


def _profile(spec: ModelSpec, rows: Split, graph: OnnxGraph) -> bytes:
    """The reference for drift: every row of the window, as a night has it; scores of nights not trained on."""
    parts = (rows.train, rows.holdout, rows.unlabelled)
    table = pa.concat_tables([part.table for part in parts])
    labels = np.concatenate([part.labels for part in parts])
    day_ordinals = np.concatenate([part.nights for part in parts])
    held_out = day_ordinals >= rows.holdout.nights.min()
    of_held_out = graph.score(table.filter(pa.array(held_out)))
    shape = (table.num_rows, *of_held_out.shape[1:])
    scores = np.full(shape, np.nan)
    scores[held_out] = of_held_out
    nights = table[spec.partition.column].to_pylist()
    return build_profile(spec, table, nights, scores, labels).to_json()


def _store_graph(spec: ModelSpec, variants: VariantSearch, profile: bytes, stores: Stores) -> GraphRef:
    """Graph and profile, each under its digest: two versions of one graph may have two profiles."""
    sha256 = hashlib.sha256(variants.body).hexdigest()
    profile_sha256 = hashlib.sha256(profile).hexdigest()
    key = layout.graph(spec.name, sha256)
    stores.lake.objects.put(key, variants.body)
    stores.lake.objects.put(layout.profile(spec.name, sha256, profile_sha256), profile, "application/json")
    parity = variants.chosen.parity
    if parity is None:
        raise ModelError(f"{spec.name}: the variant {variants.chosen.name} was chosen but never compared")
    return GraphRef(
        sha256,
        key,
        bytes=len(variants.body),
        max_difference=parity.max_difference,
        label_flips=parity.label_flips,
        rows_compared=parity.rows,
        variant=variants.chosen.name,
        profile_sha256=profile_sha256,
    )


def _log(mlflow: Any, spec: ModelSpec, variants: VariantSearch) -> None:
    """The table, the plot, the losses of networks as they learnt, and every file."""
    results = variants.results
    chosen = variants.chosen
    mlflow.log_metrics(_metrics(chosen))
    for name, losses in variants.losses.items():
        for step, loss in enumerate(losses):
            mlflow.log_metric(f"{name}_loss", loss, step=step)
    mlflow.log_text(as_json(results, chosen), "onnx/variants.json")
    mlflow.log_text(as_markdown(spec, results, chosen), "onnx/variants.md")
    mlflow.log_figure(pareto(spec, results, chosen), "plots/variants.png")
    with tempfile.TemporaryDirectory(prefix="nightshift-") as folder:
        for name, body in variants.files.items():
            Path(folder, f"{name}.onnx").write_bytes(body)
        mlflow.log_artifacts(folder, "onnx/variants")


def _metrics(chosen: VariantResult) -> dict[str, float]:
    measured = {
        "onnx_rows_per_second": chosen.rows_per_second,
        "onnx_load_ms": chosen.load_ms,
        "onnx_bytes": chosen.bytes,
    }
    parity = asdict(chosen.parity) if chosen.parity else {}
    metrics = {name: float(value) for name, value in measured.items() if value is not None}
    return metrics | {f"parity_{name}": float(value) for name, value in parity.items()}

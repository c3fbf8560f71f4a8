"""Find the fastest ONNX graph of a registered model that may score: build, hold against it, measure, choose."""

import hashlib
import tempfile
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from nightshift.contracts import Candidate, GraphRef, Registered
from nightshift.errors import ModelError
from nightshift.modelling.holdout import Split, read_split
from nightshift.optimization.export import to_onnx
from nightshift.optimization.parity import parity_rows
from nightshift.optimization.variants.catalogue import FP32, build_all, recipes
from nightshift.optimization.variants.evaluator import VariantEvaluator, VariantResult, choose
from nightshift.optimization.variants.inputs import VariantInputs
from nightshift.optimization.variants.measure import measure
from nightshift.optimization.variants.report import as_json, as_markdown, pareto
from nightshift.profiles.profile import build as build_profile
from nightshift.scoring.graph import OnnxGraph
from nightshift.spec import ModelSpec
from nightshift.stores import Stores, layout

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline


@dataclass(frozen=True)
class VariantSearch:
    """Every graph that was tried, its file where there is one, and the one to score with."""

    entries: list[VariantResult]
    chosen: VariantResult
    files: dict[str, bytes]
    curves: dict[str, list[float]]

    @property
    def body(self) -> bytes:
        """The chosen graph."""
        return self.files[self.chosen.name]


def optimize(spec: ModelSpec, registered: Registered, stores: Stores) -> Candidate:
    """Search, then keep the chosen graph and its profile under the graph's sha256; the run has all of them.

    Raises ``ParityFailed``, ``UnsafeGraph``, ``ModelError``; then the version keeps ``gate: pending``.
    """
    trained = registered.trained
    with stores.registry.session(spec.name) as mlflow, mlflow.start_run(run_id=trained.run_id):
        pipeline = mlflow.sklearn.load_model(trained.model_uri)
        rows = read_split(spec, trained.snapshot, stores)
        found = search(spec, pipeline, rows)
        reference = _keep(spec, found, stores)
        profile = _profile(spec, rows, OnnxGraph(spec, found.body))
        stores.lake.objects.put(layout.profile(spec.name, reference.sha256), profile, "application/json")
        mlflow.log_text(profile.decode(), "onnx/profile.json")
        _log(mlflow, spec, found)
    facts = {"onnx_sha256": reference.sha256, "onnx_key": reference.key, "variant": reference.variant}
    stores.registry.tag(spec.name, registered.version, facts)
    return Candidate(spec.name, registered.version, trained, reference)


def search(spec: ModelSpec, pipeline: "Pipeline", rows: Split) -> VariantSearch:
    """Build what the spec names, judge it on the holdout and edge rows, measure it here, choose.

    Raises ``ParityFailed`` when the plain export, fp32, is not the trained model, and ``ModelError`` when no
    graph runs on the spec's provider.
    """
    held = parity_rows(spec, pipeline, rows.holdout.table)
    fp32 = to_onnx(spec, pipeline)
    scores = OnnxGraph(spec, fp32, "cpu").score(held.rows)
    held.require(scores)
    shop = VariantInputs(spec, pipeline, rows.train, fp32)
    built, refused = build_all(shop)
    files = {FP32: fp32, **built}
    exact = {FP32: True, **{recipe.name: recipe.exact for recipe in recipes(spec)}}
    judge = VariantEvaluator(spec, held, rows.holdout, scores[: rows.holdout.table.num_rows])
    judged = [
        VariantResult(name, exact[name], refused[name])
        if name in refused
        else judge.judge(name, exact[name], OnnxGraph(spec, files[name]))
        for name in exact
    ]
    entries = _measured(spec, judged, files, rows.holdout.table)
    return VariantSearch(entries, choose(entries), files, shop.curves)


def _measured(
    spec: ModelSpec, entries: list[VariantResult], files: dict[str, bytes], table: pa.Table
) -> list[VariantResult]:
    """Those that ran, with their speed: refused ones too, for the table."""
    speeds = measure(spec, {entry.name: files[entry.name] for entry in entries if entry.parity}, table)
    return [
        replace(
            entry,
            bytes=len(files[entry.name]),
            sha256=hashlib.sha256(files[entry.name]).hexdigest(),
            **(asdict(speeds[entry.name]) if entry.name in speeds else {}),
        )
        if entry.name in files
        else entry
        for entry in entries
    ]


def _profile(spec: ModelSpec, rows: Split, graph: OnnxGraph) -> bytes:
    """The reference for drift: every row of the window, as a night has it; scores of nights not trained on."""
    parts = (rows.train, rows.holdout, rows.unlabelled)
    table = pa.concat_tables([part.table for part in parts])
    held_out = np.concatenate([part.nights for part in parts]) >= rows.holdout.nights.min()
    found = graph.score(table.filter(pa.array(held_out)))
    scores = np.full((table.num_rows, *found.shape[1:]), np.nan)
    scores[held_out] = found
    labels = np.concatenate([part.labels for part in parts])
    return build_profile(spec, table, table[spec.partition.column].to_pylist(), scores, labels).to_json()


def _keep(spec: ModelSpec, found: VariantSearch, stores: Stores) -> GraphRef:
    chosen, parity = found.chosen, found.chosen.parity
    if chosen.sha256 is None or parity is None:
        raise ModelError(f"{spec.name}: variant {chosen.name} was chosen but never measured")
    key = layout.graph(spec.name, chosen.sha256)
    stores.lake.objects.put(key, found.body)
    return GraphRef(
        chosen.sha256, key, len(found.body), parity.max_difference, parity.label_flips, parity.rows, chosen.name
    )


def _log(mlflow: Any, spec: ModelSpec, found: VariantSearch) -> None:
    """The table, the plot, the losses of networks as they learnt, and every file."""
    chosen = found.chosen
    metrics = {"rows_per_second": chosen.rows_per_second, "load_ms": chosen.load_ms, "bytes": chosen.bytes}
    parity = asdict(chosen.parity) if chosen.parity else {}
    mlflow.log_metrics({
        **{f"onnx_{name}": float(value) for name, value in metrics.items() if value is not None},
        **{f"parity_{name}": float(value) for name, value in parity.items()},
    })  # fmt: skip
    for name, curve in found.curves.items():
        for step, value in enumerate(curve):
            mlflow.log_metric(f"{name}_loss", value, step=step)
    mlflow.log_text(as_json(found.entries, chosen), "onnx/variants.json")
    mlflow.log_text(as_markdown(spec, found.entries, chosen), "onnx/variants.md")
    mlflow.log_figure(pareto(spec, found.entries, chosen), "plots/variants.png")
    with tempfile.TemporaryDirectory(prefix="nightshift-") as folder:
        for name, body in found.files.items():
            (Path(folder) / f"{name}.onnx").write_bytes(body)
        mlflow.log_artifacts(folder, "onnx/variants")

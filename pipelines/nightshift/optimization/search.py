"""Build the graphs of a trained model, hold them against it, measure them, choose."""

import hashlib
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Self

import pyarrow as pa

from nightshift.errors import VariantRefused
from nightshift.modelling.holdout import Split
from nightshift.optimization.export import to_onnx
from nightshift.optimization.parity import parity_rows
from nightshift.optimization.variants.catalogue import FP32, build_all, builders
from nightshift.optimization.variants.evaluator import NightsUse, VariantEvaluator, VariantResult, choose
from nightshift.optimization.variants.inputs import VariantInputs
from nightshift.optimization.variants.measure import measure
from nightshift.progress import OnProgress, unheard
from nightshift.scoring.graph import OnnxGraph
from nightshift.spec import ModelSpec

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline


@dataclass(frozen=True)
class JudgedGraphs:
    """Graphs of one trained model, each with its line before its speed, and its file where there is one."""

    results: list[VariantResult]
    files: dict[str, bytes]
    losses: dict[str, list[float]]

    def result(self, name: str) -> VariantResult:
        """The line of one."""
        by_name = {}
        for result in self.results:
            by_name[result.name] = result
        return by_name[name]

    def body(self, name: str) -> bytes:
        """The file of one. Raises ``VariantRefused`` when it may not score."""
        refusal = self.result(name).refusal
        if refusal:
            raise VariantRefused(refusal)
        return self.files[name]


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

    def without_chosen(self, refusal: str) -> Self:
        """The search when the chosen graph is refused after all: an exact one is. Raises ``ModelError``."""
        results = []
        for result in self.results:
            if result.name == self.chosen.name:
                result = replace(result, refusal=refusal)
            results.append(result)
        exact = [result for result in results if result.exact]
        return replace(
            self,
            results=results,
            chosen=choose(exact),
        )


def search(
    spec: ModelSpec, pipeline: "Pipeline", rows: Split, progress: OnProgress = unheard, use: NightsUse = "judge"
) -> VariantSearch:
    """Build what the spec names, judge it on the holdout and edge rows, measure it here, choose.

    ``use`` is what the nights of the holdout are there for.

    Raises ``ParityFailed`` when the plain export, fp32, is not the trained model, and ``ModelError`` when no
    graph runs on the spec's provider.
    """
    graphs = judged_graphs(spec, pipeline, rows, progress, use)
    table = rows.holdout.table
    measured = _measured(spec, graphs.results, graphs.files, table)
    return VariantSearch(
        results=measured,
        chosen=choose(measured),
        files=graphs.files,
        losses=graphs.losses,
    )


def judged_graphs(
    spec: ModelSpec, pipeline: "Pipeline", rows: Split, progress: OnProgress = unheard, use: NightsUse = "judge"
) -> JudgedGraphs:
    """The graphs that the spec names, each held against the trained model. Raises ``ParityFailed``."""
    holdout = rows.holdout.table
    held = parity_rows(spec, pipeline, holdout)
    fp32 = to_onnx(spec, pipeline)
    scores = OnnxGraph(spec, fp32, "cpu").score(held.rows)
    held.require(scores)
    inputs = VariantInputs(spec, pipeline, rows.train, fp32)
    built, refusals = build_all(inputs, progress)
    files = {FP32: fp32, **built}
    exactness = _exactness(spec)
    approximate = [name for name in built if not exactness[name]]
    evaluator = VariantEvaluator(
        spec,
        held,
        rows.holdout,
        scores[: holdout.num_rows],
        tests=max(1, len(approximate)),
        use=use,
    )
    results = []
    for name, exact in exactness.items():
        if name in refusals:
            results.append(VariantResult(name, exact, refusals[name]))
        else:
            graph = OnnxGraph(spec, files[name])
            results.append(evaluator.evaluate(name, exact, graph))
    return JudgedGraphs(results, files, inputs.losses)


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

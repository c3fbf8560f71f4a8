"""Build the graphs of a trained model, hold them against it, measure them, choose."""

import hashlib
import time
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Self

import pyarrow as pa

from nightshift.errors import VariantRefused
from nightshift.modelling.holdout import Split
from nightshift.modelling.metrics import Difference
from nightshift.optimization.export import to_onnx
from nightshift.optimization.parity import parity_rows
from nightshift.optimization.payback import COST_SECONDS, month_of_scoring, not_won_back
from nightshift.optimization.variants.catalogue import FP32, build_all, builders
from nightshift.optimization.variants.evaluator import ChoosingRows, VariantEvaluator, VariantResult, choose
from nightshift.optimization.variants.inputs import VariantInputs
from nightshift.optimization.variants.measure import FEW_ROUNDS, FEW_UNITS_PER_CORE, ROUNDS, UNITS_PER_CORE, measure
from nightshift.progress import OnProgress, unheard
from nightshift.scoring.graph import OnnxGraph
from nightshift.spec import ModelSpec

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline


CHOOSING_ROWS = 20_000
"""Of the training part, its newest, which say which approximate graph is judged."""


@dataclass(frozen=True)
class HeldGraphs:
    """Graphs of one trained model, each with its line before its speed, and its file where there is one.

    ``month_seconds`` is what a month of nights takes to score at most.
    """

    results: list[VariantResult]
    files: dict[str, bytes]
    losses: dict[str, list[float]]
    month_seconds: float

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

    def judged(self, loss: Difference) -> Self:
        """The search when the chosen graph was judged: what it loses on all judged nights."""
        return self._with_chosen(replace(self.chosen, loss=loss))

    def without_chosen(self, refusal: str) -> Self:
        """The search when the chosen graph is refused after all: an exact one is. Raises ``ModelError``."""
        refused = self._with_chosen(replace(self.chosen, refusal=refusal))
        exact = [result for result in refused.results if result.exact]
        return replace(refused, chosen=choose(exact))

    def _with_chosen(self, chosen: VariantResult) -> Self:
        results = []
        for result in self.results:
            is_chosen = result.name == chosen.name
            results.append(chosen if is_chosen else result)
        return replace(self, results=results, chosen=chosen)


def search(spec: ModelSpec, pipeline: "Pipeline", rows: Split, progress: OnProgress = unheard) -> VariantSearch:
    """Build what the spec names, hold it against the model, measure it here, choose.

    Approximate graphs are chosen by the newest of the training nights; ``confirm`` has to judge the chosen one.

    Raises ``ParityFailed`` when the plain export, fp32, is not the trained model, and ``ModelError`` when no
    graph runs on the spec's provider.
    """
    newest = rows.train.table.slice(max(0, rows.train.table.num_rows - CHOOSING_ROWS))
    graphs = held_graphs(spec, pipeline, rows, progress, choosing=newest)
    table = rows.holdout.table
    measured = _measured(spec, graphs, table)
    return VariantSearch(
        results=measured,
        chosen=choose(measured),
        files=graphs.files,
        losses=graphs.losses,
    )


def held_graphs(
    spec: ModelSpec,
    pipeline: "Pipeline",
    rows: Split,
    progress: OnProgress = unheard,
    choosing: pa.Table | None = None,
) -> HeldGraphs:
    """The graphs that the spec names, each held against the trained model. Raises ``ParityFailed``."""
    holdout = rows.holdout.table
    held = parity_rows(spec, pipeline, holdout)
    fp32 = to_onnx(spec, pipeline)
    exact = OnnxGraph(spec, fp32, "cpu")
    started = time.perf_counter()
    scores = exact.score(held.rows)
    seconds_per_row = (time.perf_counter() - started) / held.rows.num_rows
    held.require(scores)
    inputs = VariantInputs(spec, pipeline, rows.train, fp32)
    month_seconds = month_of_scoring(rows.holdout, seconds_per_row)
    # Once one is chosen it is made of every fit, whatever that costs.
    unpaid = not_won_back(spec, month_seconds) if choosing else ""
    built, refusals = build_all(inputs, progress, unpaid)
    files = {FP32: fp32, **built}
    evaluator = VariantEvaluator(
        spec,
        held,
        rows.holdout,
        scores[: holdout.num_rows],
        choosing=choosing and ChoosingRows(choosing, exact.score(choosing)),
    )
    results = []
    for name, is_exact in _exactness(spec).items():
        if name in refusals:
            results.append(VariantResult(name, is_exact, refusals[name]))
        else:
            graph = OnnxGraph(spec, files[name])
            results.append(evaluator.evaluate(name, is_exact, graph))
    return HeldGraphs(results, files, inputs.losses, month_seconds)


def _exactness(spec: ModelSpec) -> dict[str, bool]:
    """Whether each graph of the search must show parity, in its order."""
    exactness = {FP32: True}
    for builder in builders(spec):
        exactness[builder.name] = builder.exact
    return exactness


def _measured(spec: ModelSpec, graphs: HeldGraphs, table: pa.Table) -> list[VariantResult]:
    """Those that ran, with their speed: refused ones too, for the table."""
    ran = {result.name: graphs.files[result.name] for result in graphs.results if result.parity}
    is_worth_it = graphs.month_seconds >= COST_SECONDS
    rounds = ROUNDS if is_worth_it else FEW_ROUNDS
    units_per_core = UNITS_PER_CORE if is_worth_it else FEW_UNITS_PER_CORE
    speeds = measure(spec, ran, table, rounds, units_per_core)
    measured = []
    for result in graphs.results:
        if result.name in graphs.files:
            body = graphs.files[result.name]
            sha256 = hashlib.sha256(body).hexdigest()
            result = replace(result, bytes=len(body), sha256=sha256)
        if result.name in speeds:
            result = replace(result, **asdict(speeds[result.name]))
        measured.append(result)
    return measured

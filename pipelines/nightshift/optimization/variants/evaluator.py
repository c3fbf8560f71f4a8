"""May a graph score, and which of those that may is taken."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa

from nightshift.errors import ModelError, ParityFailed
from nightshift.modelling.arrays import Float32s, Float64s, Int64s
from nightshift.modelling.gate import floors, judge_slices
from nightshift.modelling.holdout import LabelledRows
from nightshift.modelling.label_types import label_type
from nightshift.modelling.metrics import Difference
from nightshift.optimization.parity import Parity, ParityRows
from nightshift.optimization.variants.loss import expected_losses, loss_interval
from nightshift.scoring.bits import BitsAgreement, bits_agree
from nightshift.scoring.graph import OnnxGraph
from nightshift.spec import ModelSpec

AS_FAST = 0.95
"""Speeds this near to the best differ by noise."""


@dataclass(frozen=True)
class VariantResult:
    """A line of the table. ``refusal`` is empty for a graph that may score; what was not measured is None."""

    name: str
    exact: bool
    refusal: str = ""
    parity: Parity | None = None
    loss: Difference | None = None
    rows_per_second: float | None = None
    load_ms: float | None = None
    bytes: int | None = None
    sha256: str | None = None
    bits: BitsAgreement | None = None

    def flat(self) -> dict[str, Any]:
        """One value per column; an interval without ends has none."""
        columns = asdict(self)
        del columns["bits"]
        parity = columns.pop("parity") or dict.fromkeys(Parity.__dataclass_fields__)
        ends = columns.pop("loss") or dict.fromkeys(Difference.__dataclass_fields__, math.nan)
        loss = {name: value if math.isfinite(value) else None for name, value in ends.items()}
        return {
            **columns,
            **parity,
            **{f"loss_{name}": value for name, value in loss.items()},
            **self._of_bits(),
        }

    def _of_bits(self) -> dict[str, Any]:
        """Which sizes of a call give rows the bits that they have at once, of those that were tried."""
        tried = self.bits
        if tried is None:
            return {"is_servable": None, "bits_same_at": None, "bits_other_at": None, "needs_padding": None}
        return {
            "is_servable": tried.is_servable,
            "bits_same_at": [size for size in tried.sizes if size not in tried.padded],
            "bits_other_at": list(tried.padded),
            "needs_padding": tried.needs_padding,
        }


@dataclass(frozen=True)
class ChoosingRows:
    """Rows of nights that judge nothing, and what the exact graph says of them, (n,) or (n, k)."""

    table: pa.Table
    exact: Float32s


@dataclass(frozen=True)
class VariantEvaluator:
    """Holds graphs against the exact one, whose scores of ``holdout`` are ``exact``, (n,) or (n, k).

    ``choosing`` are rows of other nights, that say which approximate graph stands before the holdout: one whose scores
    are near enough to the exact one's there. Without any, nothing is chosen here.
    """

    spec: ModelSpec
    parity_rows: ParityRows
    holdout: LabelledRows
    exact: Float32s
    choosing: ChoosingRows | None = None

    @cached_property
    def shuffled(self) -> Int64s:
        """The parity rows in another order, by their places."""
        seed = self.spec.training.seed
        rows = self.parity_rows.rows.num_rows
        return np.random.default_rng(seed).permutation(rows)

    def evaluate(self, name: str, exact: bool, graph: OnnxGraph) -> VariantResult:
        """The line of one graph, before its speed. Never raises for a graph that is merely bad."""
        rows = self.parity_rows.rows
        shuffled_rows = rows.take(pa.array(self.shuffled))
        try:
            scores = graph.score(rows)
            scores_of_shuffled = graph.score(shuffled_rows)
        except ModelError as error:
            return VariantResult(name, exact, error.message)
        parity = self.parity_rows.compare(scores)
        held_out = scores[: self.holdout.table.num_rows]
        loss = self._loss(held_out)
        refusal = self._moved(scores[self.shuffled], scores_of_shuffled)
        if not refusal:
            refusal = self._unlike(scores) if exact else self._far(graph)
        bits = bits_agree(graph, rows)
        return VariantResult(name, exact, refusal or self._unservable(bits), parity, loss, bits=bits)

    def _unservable(self, bits: BitsAgreement) -> str:
        """By day a row is scored alone, or with a few others: it has to get the bits of a night."""
        if bits.is_servable or not self.spec.optimize.servable:
            return ""
        return f"optimize.servable: a row by day would not have the bits of the night: {bits}"

    def _moved(self, scores: Float32s, again: Float32s) -> str:
        """A row's score must not depend on the rows beside it: shards are cut anew, nights are scored again."""
        moved = float(self.parity_rows.apart(scores, again).max())
        if moved <= self.spec.optimize.max_abs_difference:
            return ""
        return f"a row's score moves by up to {moved:.1e} with the rows beside it"

    def _unlike(self, scores: Float32s) -> str:
        try:
            self.parity_rows.require(scores)
        except ParityFailed as error:
            return error.message
        return ""

    def _far(self, graph: OnnxGraph) -> str:
        """What an approximate graph would lose on the choosing rows, were the exact one right: by no outcome."""
        if self.choosing is None:
            return ""
        spec = self.spec
        scores = graph.score(self.choosing.table)
        exact = self.choosing.exact
        one_comes = label_type(spec).sums_to_one
        losses = expected_losses(spec.metric, exact, scores, one_comes=one_comes)
        expected = float(losses.mean())
        allowed = spec.optimize.max_metric_loss
        if allowed is not None and expected <= allowed:
            return ""
        return f"by its distance from fp32 {spec.metric} is {expected:+.4f} worse (allowed {allowed})"

    def _loss(self, scores: Float32s) -> Difference:
        lost = lost_by_row(self.spec, self.holdout, scores, self.exact)
        return loss_interval(lost, self.holdout.nights, self.spec.gates.confidence)


def lost_by_row(spec: ModelSpec, rows: LabelledRows, scores: Float32s, exact: Float32s) -> Float64s:
    """By how much the loss of each row, (n,), is more than by the exact graph's scores."""
    metric = spec.metric
    labels = rows.labels
    label = label_type(spec)
    losses = label.row_losses(metric, labels, scores)
    exact_losses = label.row_losses(metric, labels, exact)
    return losses - exact_losses


def objections(spec: ModelSpec, rows: LabelledRows, scores: Float32s, lost: Float64s) -> str:
    """What speaks against scores besides their mean: floors, and slices in which rows lose too much, ``lost`` (n,)."""
    metrics = label_type(spec).metrics(rows.labels, scores)
    faults = floors(spec, metrics)
    for column in spec.gates.slices:
        faults += judge_slices(spec, [column], rows, lost).objections
    return "; ".join(faults)


def confirm(spec: ModelSpec, rows: LabelledRows, scores: Float32s, exact: Float32s) -> tuple[Difference, str]:
    """What the chosen graph loses on judged nights, and what speaks against it there; empty where nothing does.

    What a challenger that gave these scores would be told, with the exact graph as champion.
    """
    lost = lost_by_row(spec, rows, scores, exact)
    loss = loss_interval(lost, rows.nights, spec.gates.confidence)
    allowed = spec.optimize.max_metric_loss
    if allowed is None or loss.high > allowed:
        return loss, f"{spec.metric} may be {loss.high:+.4f} worse (allowed {allowed})"
    return loss, objections(spec, rows, scores, lost)


def choose(results: Sequence[VariantResult]) -> VariantResult:
    """The fastest that may score; of those within 5 % of it an exact one, then the first. Raises ``ModelError``."""
    eligible = [result for result in results if not result.refusal]
    if not eligible:
        refusals = [f"{result.name}: {result.refusal}" for result in results]
        raise ModelError("no graph may score: " + "; ".join(refusals))
    best = max(map(_speed, eligible))
    near = [result for result in eligible if _speed(result) >= AS_FAST * best]
    exact = [result for result in near if result.exact]
    return (exact or near)[0]


def _speed(result: VariantResult) -> float:
    return result.rows_per_second or 0.0

"""May a graph score, and which of those that may is taken."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from nightshift.errors import ModelError, ParityFailed
from nightshift.modelling.gate import compare, floors, worse_slices
from nightshift.modelling.holdout import LabelledRows
from nightshift.modelling.label_types import label_type
from nightshift.modelling.metrics import Difference, row_losses
from nightshift.optimization.parity import Parity, ParityRows
from nightshift.scoring.graph import OnnxGraph
from nightshift.spec import ModelSpec

Float32s = NDArray[np.float32]
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

    def flat(self) -> dict[str, Any]:
        """One value per column."""
        found = {name: value for name, value in asdict(self).items() if name not in {"parity", "loss"}}
        parity = asdict(self.parity) if self.parity else dict.fromkeys(Parity.__dataclass_fields__)
        loss = asdict(self.loss) if self.loss else dict.fromkeys(Difference.__dataclass_fields__)
        return found | parity | {f"loss_{name}": value for name, value in loss.items()}


@dataclass(frozen=True)
class VariantEvaluator:
    """Holds graphs against the exact one, whose scores of ``holdout`` are ``exact``, (n,) or (n, k)."""

    spec: ModelSpec
    bench: ParityRows
    holdout: LabelledRows
    exact: Float32s
    shuffled: NDArray[np.int64] = field(init=False)

    def __post_init__(self) -> None:
        order = np.random.default_rng(self.spec.training.seed).permutation(self.bench.rows.num_rows)
        object.__setattr__(self, "shuffled", order)

    def judge(self, name: str, exact: bool, graph: OnnxGraph) -> VariantResult:
        """The line of one graph, before its speed. Never raises for a graph that is merely bad."""
        try:
            scores = graph.score(self.bench.rows)
            alone = graph.score(self.bench.rows.take(pa.array(self.shuffled)))
        except ModelError as error:
            return VariantResult(name, exact, error.message)
        held_out = scores[: self.holdout.table.num_rows]
        loss = self._loss(held_out)
        refusal = self._moved(scores[self.shuffled], alone)
        refusal = refusal or (self._unlike(scores) if exact else self._worse(held_out, loss))
        return VariantResult(name, exact, refusal, self.bench.compare(scores), loss)

    def _moved(self, scores: Float32s, again: Float32s) -> str:
        """A row's score must not depend on the rows beside it: shards are cut anew, nights are scored again."""
        moved = float(self.bench.apart(scores, again).max())
        if moved <= self.spec.optimize.max_abs_difference:
            return ""
        return f"a row's score moves by up to {moved:.1e} with the rows beside it"

    def _unlike(self, scores: Float32s) -> str:
        try:
            self.bench.require(scores)
        except ParityFailed as error:
            return error.message
        return ""

    def _worse(self, scores: Float32s, loss: Difference) -> str:
        """What a challenger that gave these scores would be told, with the exact graph as champion."""
        metric, allowed = self.spec.metric, self.spec.optimize.max_metric_loss
        if allowed is None or loss.high > allowed:
            return f"{metric} may be {loss.high:+.4f} worse (allowed {allowed})"
        mine, exact = (row_losses(metric, self.holdout.labels, found) for found in (scores, self.exact))
        against = floors(self.spec, label_type(self.spec).metrics(self.holdout.labels, scores))
        for column in self.spec.gates.slices:
            against += worse_slices(self.spec, column, self.holdout, mine, exact)
        return "; ".join(against)

    def _loss(self, scores: Float32s) -> Difference:
        metric, labels = self.spec.metric, self.holdout.labels
        return compare(
            self.spec, row_losses(metric, labels, scores), row_losses(metric, labels, self.exact), self.holdout.nights
        )


def choose(entries: Sequence[VariantResult]) -> VariantResult:
    """The fastest that may score; of those within 5 % of it an exact one, then the first. Raises ``ModelError``."""
    eligible = [entry for entry in entries if not entry.refusal]
    if not eligible:
        raise ModelError("no graph may score: " + "; ".join(f"{e.name}: {e.refusal}" for e in entries))
    best = max(entry.rows_per_second or 0.0 for entry in eligible)
    near = [entry for entry in eligible if (entry.rows_per_second or 0.0) >= AS_FAST * best]
    return next((entry for entry in near if entry.exact), near[0])

"""One variant for all fits of a recipe: chosen on the twin's nights, judged on others, and made of what scores."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nightshift.errors import CollapsedRefit, VariantRefused
from nightshift.modelling.arrays import Float32s
from nightshift.modelling.collapse import require_alive
from nightshift.modelling.folds import Fold
from nightshift.modelling.holdout import LabelledRows, Split, together
from nightshift.optimization.search import JudgedGraphs, VariantSearch, judged_graphs, search
from nightshift.optimization.variants.catalogue import FP32
from nightshift.optimization.variants.evaluator import NightsUse, VariantResult, confirm
from nightshift.progress import OnProgress, unheard
from nightshift.scoring.graph import OnnxGraph
from nightshift.spec import ModelSpec

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

AS_NEAR = 2.0
"""An approximate graph of what scores may be so many times as far from its exact one as the twin's is from its."""


@dataclass(frozen=True)
class FittedFold:
    """A fold, and the recipe fitted to it."""

    fold: Fold
    pipeline: "Pipeline"

    def rows(self, unlabelled: LabelledRows) -> Split:
        """As a search takes them."""
        return Split(
            train=self.fold.train,
            holdout=self.fold.judged,
            unlabelled=unlabelled,
        )


@dataclass(frozen=True)
class RecipeGraphs:
    """The graph that scores with its line, the graph of each fold, oldest first, and the search on the twin's nights.

    ``scores`` are those of the folds' graphs, each of the rows that judge its fold, (n,) or (n, k); ``exact`` is the
    plain export of what scores.
    """

    search: VariantSearch
    scoring: VariantResult
    body: bytes
    folds: list[bytes]
    scores: list[Float32s]
    exact: bytes

    @property
    def twin(self) -> bytes:
        """The same variant of the fit without the holdout."""
        return self.folds[-1]


def recipe_graphs(
    spec: ModelSpec,
    folds: Sequence[FittedFold],
    refit: "Pipeline",
    rows: Split,
    progress: OnProgress = unheard,
) -> RecipeGraphs:
    """The fastest variant that may score, made of every fit.

    An approximate one is chosen on the twin's nights, and stands alone before those of the other folds; where there
    are no others, the number that stood before the twin's is accounted for. One that is refused there, or comes out
    otherwise of the whole window, leaves the choice to the exact ones.
    Raises ``ParityFailed``, ``CollapsedRefit``, and ``ModelError`` when no graph may score.
    """
    *earlier, twin = folds
    use: NightsUse = "screen" if earlier else "judge"
    variants = search(spec, twin.pipeline, twin.rows(rows.unlabelled), progress, use)
    while True:
        try:
            return _made(spec, variants, folds, refit, rows)
        except VariantRefused as refusal:
            variants = variants.without_chosen(refusal.message)


def _made(
    spec: ModelSpec, variants: VariantSearch, folds: Sequence[FittedFold], refit: "Pipeline", rows: Split
) -> RecipeGraphs:
    """The chosen variant of every fit. Raises ``VariantRefused`` where one of them may not score."""
    earlier = folds[:-1]
    name = variants.chosen.name
    alone = _only(spec, name)
    graphs = []
    for fold in earlier:
        graphs.append(judged_graphs(alone, fold.pipeline, fold.rows(rows.unlabelled), use="none"))
    bodies = [graph.body(name) for graph in graphs]
    if earlier and not variants.chosen.exact:
        _require_confirmed(spec, [fold.fold for fold in earlier], graphs, bodies)
    bodies.append(variants.files[name])
    judged = together([fold.fold.judged for fold in folds])
    of_window = judged_graphs(alone, refit, Split(rows.labelled, judged, rows.unlabelled), use="none")
    body = of_window.body(name)
    scoring = of_window.result(name)
    _require_as_near(spec, variants.chosen, scoring)
    scores = [_scores(spec, graph, fold.fold.judged) for graph, fold in zip(bodies, folds, strict=True)]
    _require_same_columns(spec, bodies[-1], body)
    require_alive(spec, np.concatenate(scores), _scores(spec, body, judged))
    return RecipeGraphs(variants, scoring, body, bodies, scores, exact=of_window.files[FP32])


def _only(spec: ModelSpec, variant: str) -> ModelSpec:
    """The spec that asks for this variant alone; fp32 is always made."""
    optimize = spec.optimize
    wanted = tuple(name for name in optimize.variants if name == variant)
    alone = optimize.model_copy(update={"variants": wanted})
    return spec.model_copy(update={"optimize": alone})


def _scores(spec: ModelSpec, body: bytes, rows: LabelledRows) -> Float32s:
    graph = OnnxGraph(spec, body)
    return graph.score(rows.table)


def _require_confirmed(
    spec: ModelSpec, folds: Sequence[Fold], graphs: Sequence[JudgedGraphs], bodies: Sequence[bytes]
) -> None:
    """Raises ``VariantRefused`` when the chosen graph loses too much on nights that did not choose it."""
    scores = []
    exact = []
    for fold, graph, body in zip(folds, graphs, bodies, strict=True):
        scores.append(_scores(spec, body, fold.judged))
        exact.append(_scores(spec, graph.files[FP32], fold.judged))
    rows = together([fold.judged for fold in folds])
    fault = confirm(spec, rows, np.concatenate(scores), np.concatenate(exact))
    if fault:
        raise VariantRefused(fault)


def _require_as_near(spec: ModelSpec, twin: VariantResult, scoring: VariantResult) -> None:
    """No night is left to judge what was fitted on all: it has to be as near to its exact graph as the twin to its."""
    if twin.exact or not twin.parity or not scoring.parity:
        return
    allowed = AS_NEAR * twin.parity.mean_difference + spec.optimize.max_abs_difference
    distance = scoring.parity.mean_difference
    if distance > allowed:
        raise VariantRefused(
            f"of the whole window it is {distance:.1e} from the exact graph on average, where the twin is"
            f" {twin.parity.mean_difference:.1e} from its own"
        )


def _require_same_columns(spec: ModelSpec, twin: bytes, scoring: bytes) -> None:
    """Raises ``CollapsedRefit`` when what scores takes other columns, or knows other classes, than what was judged."""
    graphs = [OnnxGraph(spec, body) for body in (twin, scoring)]
    judged, made = [(graph.features, graph.classes) for graph in graphs]
    if made != judged:
        raise CollapsedRefit(
            f"{spec.name}: fitted on the whole window, the recipe takes {made}, and what was judged took {judged}",
            fix=f"train again: nightshift train {spec.name} NIGHT",
        )

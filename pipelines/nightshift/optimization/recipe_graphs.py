"""One variant for all fits of a recipe: chosen on training nights, judged on all others, and made of what scores."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nightshift.errors import CollapsedRefit, VariantRefused
from nightshift.modelling.arrays import Float32s
from nightshift.modelling.collapse import require_alive
from nightshift.modelling.folds import Fold
from nightshift.modelling.holdout import LabelledRows, Split, together
from nightshift.optimization.search import VariantSearch, held_graphs, search
from nightshift.optimization.variants.catalogue import FP32
from nightshift.optimization.variants.evaluator import VariantResult, confirm
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

    An approximate one is chosen by the twin's training nights, and stands alone before all judged nights: on each as
    the graph of the fold that did not see it. One that is refused there, or comes out otherwise of the whole window,
    leaves the choice to the exact ones.
    Raises ``ParityFailed``, ``CollapsedRefit``, and ``ModelError`` when no graph may score.
    """
    twin = folds[-1]
    variants = search(spec, twin.pipeline, twin.rows(rows.unlabelled), progress)
    judged = together([fold.fold.judged for fold in folds])
    while True:
        try:
            graphs = _of_folds(spec, variants, folds, rows)
            if not variants.chosen.exact:
                loss, fault = confirm(spec, judged, graphs.scores, graphs.exact_scores)
                variants = variants.judged(loss)
                _refuse(fault)
            return _made(spec, variants, graphs, refit, rows, judged)
        except VariantRefused as refusal:
            variants = variants.without_chosen(refusal.message)


@dataclass(frozen=True)
class FoldGraphs:
    """The chosen variant of each fold, oldest first; what it and the exact graphs say of the judged rows."""

    bodies: list[bytes]
    by_fold: list[Float32s]
    exact_by_fold: list[Float32s]

    @property
    def scores(self) -> Float32s:
        """Of all judged rows, (n,) or (n, k)."""
        return np.concatenate(self.by_fold)

    @property
    def exact_scores(self) -> Float32s:
        """The same of the exact graphs."""
        return np.concatenate(self.exact_by_fold)


def _of_folds(spec: ModelSpec, variants: VariantSearch, folds: Sequence[FittedFold], rows: Split) -> FoldGraphs:
    """Raises ``VariantRefused`` when the chosen variant of a fold may not score."""
    name = variants.chosen.name
    alone = _only(spec, name)
    files = []
    for fold in folds[:-1]:
        graphs = held_graphs(alone, fold.pipeline, fold.rows(rows.unlabelled))
        files.append((graphs.body(name), graphs.files[FP32]))
    files.append((variants.files[name], variants.files[FP32]))
    scores = []
    exact = []
    for fold, (body, exact_body) in zip(folds, files, strict=True):
        judged = fold.fold.judged
        scores.append(_scores(spec, body, judged))
        exact.append(_scores(spec, exact_body, judged))
    return FoldGraphs([body for body, _ in files], scores, exact)


def _refuse(fault: str) -> None:
    if fault:
        raise VariantRefused(fault)


def _made(
    spec: ModelSpec,
    variants: VariantSearch,
    graphs: FoldGraphs,
    refit: "Pipeline",
    rows: Split,
    judged: LabelledRows,
) -> RecipeGraphs:
    """The same variant of what scores. Raises ``VariantRefused``, ``CollapsedRefit``, ``ParityFailed``."""
    name = variants.chosen.name
    window = Split(
        train=rows.labelled,
        holdout=judged,
        unlabelled=rows.unlabelled,
    )
    of_window = held_graphs(_only(spec, name), refit, window)
    body = of_window.body(name)
    scoring = of_window.result(name)
    _require_as_near(spec, variants.chosen, scoring)
    _require_same_columns(spec, graphs.bodies[-1], body)
    require_alive(spec, graphs.scores, _scores(spec, body, judged))
    return RecipeGraphs(
        search=variants,
        scoring=scoring,
        body=body,
        folds=graphs.bodies,
        scores=graphs.by_fold,
        exact=of_window.files[FP32],
    )


def _only(spec: ModelSpec, variant: str) -> ModelSpec:
    """The spec that asks for this variant alone; fp32 is always made."""
    optimize = spec.optimize
    wanted = tuple(name for name in optimize.variants if name == variant)
    alone = optimize.model_copy(update={"variants": wanted})
    return spec.model_copy(update={"optimize": alone})


def _scores(spec: ModelSpec, body: bytes, rows: LabelledRows) -> Float32s:
    graph = OnnxGraph(spec, body)
    return graph.score(rows.table)


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

"""Trees chosen by the data: a few sizes are grown on some of the nights and judged on others, tree by tree."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from nightshift.authoring.calendar import days_of
from nightshift.authoring.columns import SourceFacts
from nightshift.authoring.rehearsal import as_kept
from nightshift.authoring.trees import TRIED, TreeSize, TreeTrial, written_parameters
from nightshift.errors import DataError, SpecError
from nightshift.modelling.arrays import Array, Booleans, Float64s, Floats
from nightshift.modelling.inputs import model_inputs
from nightshift.modelling.label_types import label_type
from nightshift.sources.parts import with_parts
from nightshift.spec import ModelSpec
from nightshift.stores.text_values import nulled
from nightshift.stores.types import is_text
from nightshift.training.trainers import trainer_of
from nightshift.training.training_rows import TrainingRows

if TYPE_CHECKING:
    import pandas as pd
    from sklearn.pipeline import Pipeline

FEWEST_ROWS = 400
"""Of fewer rows no trial says more than the table does."""
MOST_CLASSES = 10
"""Each class has trees of its own: with more of them, a trial takes minutes."""
FOLDS = 4
FEW_ROWS = 5_000
"""Up to here each row is judged; of more rows, those of the last half of the nights, by nights before them."""
EVERY = 20
"""So many trees are grown between two looks at the loss."""
USUAL = 10.0
"""Trees by their rate, of scikit-learn's defaults."""


@dataclass(frozen=True)
class TrialRows:
    """What a model would see of sampled rows, and how they turned out; ``nights`` are places in their order, (n,)."""

    frame: "pd.DataFrame"
    targets: Floats
    nights: Array

    def only(self, chosen: Booleans) -> "TrialRows":
        """Some of the rows."""
        return TrialRows(self.frame[chosen], self.targets[chosen], self.nights[chosen])


def try_trees(spec: ModelSpec, facts: SourceFacts) -> TreeTrial | None:
    """The size and the number of trees that did well; None where rows, nights or classes allow no trial."""
    if len(spec.label.classes) > MOST_CLASSES or label_type(spec).parts:
        return None
    rows = _rows(spec, facts)
    if rows is None or len(np.unique(rows.nights)) < FOLDS:
        return None
    losses: dict[TreeSize, Float64s] = {}
    try:
        for size in TRIED:
            losses |= _losses(spec, size, rows)
    except (DataError, SpecError):
        # What keeps a night from being learnt is for `check` and `train` to say: of one fold it may be chance.
        return None
    learnt = [is_learnt.sum() for is_learnt, _ in _folds(rows.nights)]
    return TreeTrial(_chosen(losses), round(np.mean(learnt)))


def _chosen(losses: dict[TreeSize, Float64s]) -> TreeSize:
    """Of those that chance may have put behind the best, the one that learns about as much as is usual.

    A best one of a few hundred rows would else be far too small or too large. ``losses`` are by night.
    """
    best = min(losses, key=lambda size: losses[size].sum())
    as_good = []
    for size, of_nights in losses.items():
        behind = of_nights - losses[best]
        error = np.std(behind) * np.sqrt(len(behind))
        if behind.sum() <= error:
            as_good.append(size)
    return min(as_good, key=lambda size: abs(np.log(size.rate * size.trees / USUAL)))


def _losses(spec: ModelSpec, size: TreeSize, rows: TrialRows) -> dict[TreeSize, Float64s]:
    """The loss of each night that is judged, after ``EVERY`` trees, twice as many, and so on."""
    parameters = {**spec.training.parameters, **written_parameters(size, spec.label.type)}
    training = spec.training.model_copy(update={"parameters": parameters})
    sized = spec.model_copy(update={"training": training})
    folds = []
    for is_learnt, judged in _folds(rows.nights):
        learnt = rows.only(is_learnt)
        rows_to_learn = TrainingRows(learnt.frame, learnt.targets, learnt.nights)
        pipeline = trainer_of(sized).fit(sized, rows_to_learn)
        folds.append(_fold_losses(sized, pipeline, rows.only(judged)))
    losses = np.concatenate(folds, axis=1)
    counts = range(EVERY, size.trees + 1, EVERY)
    return {replace(size, trees=trees): of_nights for trees, of_nights in zip(counts, losses, strict=True)}


def _folds(nights: Array) -> Iterator[tuple[Booleans, Booleans]]:
    """Which rows are learnt and which are judged by that: nights that follow each other, by those before them.

    Of few rows, all others are learnt, also later ones: else there would be too few.
    """
    folds = np.array_split(np.unique(nights), FOLDS)
    if len(nights) > FEW_ROWS:
        for fold in folds[FOLDS // 2 :]:
            yield nights < fold[0], np.isin(nights, fold)
        return
    for fold in folds:
        judged = np.isin(nights, fold)
        yield ~judged, judged


def _fold_losses(spec: ModelSpec, pipeline: "Pipeline", judged: TrialRows) -> Float64s:
    """By number of trees and night, (stages, nights)."""
    prepare, estimator = (step for _, step in pipeline.steps)
    matrix = prepare.transform(judged.frame)
    _, nights = np.unique(judged.nights, return_inverse=True)
    losses = []
    for scores in itertools.islice(_staged(estimator, matrix), EVERY - 1, None, EVERY):
        of_rows = label_type(spec).row_losses(spec.metric, judged.targets, _as_scores(spec, estimator, scores))
        losses.append(np.bincount(nights, weights=of_rows))
    return np.array(losses)


def _staged(estimator: Any, matrix: Array) -> Iterator[Floats]:
    if hasattr(estimator, "staged_predict_proba"):
        yield from estimator.staged_predict_proba(matrix)
    else:
        yield from estimator.staged_predict(matrix)


def _as_scores(spec: ModelSpec, estimator: Any, scores: Floats) -> Floats:
    """As ``row_losses`` takes them: numbers, P(yes), or a column for each class that the spec names."""
    if scores.ndim == 1:
        return scores
    if not spec.label.classes:
        return scores[:, 1]
    of_classes = np.zeros((len(scores), len(spec.label.classes)))
    of_classes[:, estimator.classes_.astype(np.int64)] = scores
    return of_classes


def _rows(spec: ModelSpec, facts: SourceFacts) -> TrialRows | None:
    """The sampled rows that have a label; None where they are too few, or a feature cannot be had from them."""
    if facts.counted.sample.num_rows < FEWEST_ROWS:
        return None
    [sample] = facts.counted.sample.combine_chunks().to_batches()
    kept = as_kept(spec, facts.timezone, sample)
    needed = [name for name in spec.features if spec.columns[name].of is None]
    if not set(needed) <= set(kept.schema.names):
        return None
    try:
        targets = _targets(spec, sample.column(facts.label))
    except DataError:
        return None
    frame = model_inputs(spec, with_parts(spec, pa.Table.from_batches([kept])))
    _, nights = np.unique(days_of(facts.counted.sample.column(0)), return_inverse=True)
    return TrialRows(frame, targets, nights).only(~np.isnan(targets))


def _targets(spec: ModelSpec, labels: pa.Array) -> Floats:
    label = label_type(spec)
    if is_text(labels.type):
        labels = nulled(labels.cast(pa.string()), spec.label.nulls)
    return label.as_targets(label.cast(labels, spec.name))

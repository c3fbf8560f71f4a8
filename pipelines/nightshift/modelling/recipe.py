"""A recipe, which a gate judges: what is learnt from, by what and how; and its fits."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nightshift.modelling.arrays import Floats
from nightshift.modelling.folds import Fold
from nightshift.modelling.holdout import LabelledRows, together
from nightshift.modelling.inputs import model_inputs
from nightshift.modelling.label_types import label_type
from nightshift.modelling.trainers import trainer_of
from nightshift.spec import ModelSpec

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline


def recipe_sha256(spec: ModelSpec) -> str:
    """The digest of a recipe: two trainings of one differ by their nights alone."""
    training = spec.training
    label = spec.label
    columns = {name: spec.columns[name] for name in spec.features}
    content = {
        "features": {name: [column.type, column.rounded] for name, column in columns.items()},
        "trainer": training.trainer,
        "parameters": training.parameters,
        "seed": training.seed,
        "label": [label.column, label.type, label.positive, label.negative],
        "classes": label.classes,
    }
    canonical = json.dumps(content, sort_keys=True)
    return hashlib.sha256(canonical.encode()).hexdigest()


def fit(spec: ModelSpec, rows: LabelledRows) -> "Pipeline":
    """The recipe, fitted on these rows and nothing else, preprocessing too. Raises ``SpecError``, ``DataError``."""
    trainer = trainer_of(spec)
    frame = model_inputs(spec, rows.table)
    return trainer.fit(spec, frame, rows.labels)


@dataclass(frozen=True)
class JudgedRows:
    """Rows that judge a recipe, and its scores of them, (n,) or (n, k), each by a fit that did not see its night."""

    rows: LabelledRows
    scores: Floats


def out_of_fold(spec: ModelSpec, folds: Sequence[Fold], pipelines: Sequence["Pipeline"]) -> JudgedRows:
    """The rows that judge each fold, and what its own fit says of them; oldest fold first."""
    label = label_type(spec)
    parts = []
    scores = []
    for fold, pipeline in zip(folds, pipelines, strict=True):
        judged = fold.judged
        frame = model_inputs(spec, judged.table)
        of_fold = label.predict(pipeline, frame)
        parts.append(judged)
        scores.append(of_fold)
    return JudgedRows(
        rows=together(parts),
        scores=np.concatenate(scores, dtype=np.float64),
    )

"""A recipe, which a gate judges: what is learnt from, by what and how; and its fits."""

import hashlib
import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nightshift.modelling.arrays import Floats
from nightshift.modelling.folds import Fold, newest_fold
from nightshift.modelling.holdout import LabelledRows, together
from nightshift.modelling.inputs import model_inputs
from nightshift.modelling.label_types import label_type
from nightshift.spec import ModelSpec
from nightshift.training.calibration import calibration_of
from nightshift.training.calibration.pipeline import with_calibration
from nightshift.training.networks.checkpoints import Checkpoints
from nightshift.training.trainers import trainer_of
from nightshift.training.training_rows import TrainingRows
from nightshift.training.weights import row_weights

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

log = logging.getLogger("nightshift")


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
    content |= learnt_how(spec)
    canonical = json.dumps(content, sort_keys=True)
    return hashlib.sha256(canonical.encode()).hexdigest()


def learnt_how(spec: ModelSpec) -> dict[str, object]:
    """What a spec may say of a fit, where it says it: the digests of those that do not are what they were."""
    training = spec.training
    keys = {
        "weight": training.weight,
        "recency_half_life": training.recency_half_life,
        "calibration": training.calibration,
        "quantiles": spec.label.quantiles or None,
        "sets": spec.label.set_texts,
    }
    return {name: value for name, value in keys.items() if value is not None}


def fit(spec: ModelSpec, rows: LabelledRows, checkpoints: Checkpoints | None = None) -> "Pipeline":
    """The recipe, fitted on these rows and nothing else, preprocessing too. Raises ``SpecError``, ``DataError``.

    A calibration is learnt from the last of their nights, as a fit on those before scores them.
    """
    pipeline = _fitted(spec, rows, checkpoints)
    if spec.training.calibration is None:
        return pipeline
    fold = newest_fold(spec, rows)
    if fold is None:
        log.warning("%s: too few nights or outcomes to calibrate by: scores stay as they are", spec.name)
        return pipeline
    earlier = _fitted(spec, fold.train, checkpoints)
    return _calibrated(spec, pipeline, out_of_fold(spec, [fold], [earlier]))


def _fitted(spec: ModelSpec, rows: LabelledRows, checkpoints: Checkpoints | None) -> "Pipeline":
    trainer = trainer_of(spec)
    return trainer.fit(spec, training_rows(spec, rows), checkpoints)


def _calibrated(spec: ModelSpec, pipeline: "Pipeline", judged: "JudgedRows") -> "Pipeline":
    method = spec.training.calibration
    if method is None:
        return pipeline
    label = label_type(spec)
    outcomes = label.indicators(judged.rows.labels)
    calibration = calibration_of(method, outcomes, judged.scores, sums_to_one=label.sums_to_one)
    calibrated: Pipeline = with_calibration(pipeline, calibration)
    return calibrated


def training_rows(spec: ModelSpec, rows: LabelledRows) -> TrainingRows:
    """Labelled rows as a trainer takes them."""
    return TrainingRows(
        frame=model_inputs(spec, rows.table),
        targets=rows.labels,
        nights=rows.nights,
        weights=row_weights(spec, rows),
    )


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

"""The fits of a training's folds, as files of its MLflow run: written by ``train``, read by ``optimize``."""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nightshift.contracts import FoldRef, Trained
from nightshift.errors import ModelError
from nightshift.modelling.folds import Fold
from nightshift.spec import ModelSpec
from nightshift.training.trained_file import digest_of, dumped, read_pipeline, train_anew

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

FOLDER = "folds"


def log_folds(mlflow: Any, spec: ModelSpec, folds: Sequence[Fold], pipelines: Sequence["Pipeline"]) -> list[FoldRef]:
    """Keep each fit with the run; where they lie and what they are, oldest first."""
    kept = []
    with tempfile.TemporaryDirectory(prefix="nightshift-") as place:
        for number, (fold, pipeline) in enumerate(zip(folds, pipelines, strict=True), start=1):
            body = dumped(pipeline)
            name = f"fold-{number}.skops"
            Path(place, name).write_bytes(body)
            judged = fold.judged_nights
            reference = FoldRef(
                file=f"{FOLDER}/{name}",
                sha256=digest_of(body),
                fitted_through=fold.fitted_through,
                first_judged=judged[0],
                last_judged=judged[-1],
            )
            kept.append(reference)
        mlflow.log_artifacts(place, FOLDER)
    return kept


def read_folds(mlflow: Any, spec: ModelSpec, trained: Trained) -> list["Pipeline"]:
    """The fits, each if it is the file that was written. Raises ``ModelError``."""
    pipelines = []
    with tempfile.TemporaryDirectory(prefix="nightshift-") as place:
        for fold in trained.folds:
            file = mlflow.artifacts.download_artifacts(
                run_id=trained.run_id,
                artifact_path=fold.file,
                dst_path=place,
            )
            body = Path(file).read_bytes()
            where = f"{fold.file} of MLflow's run {trained.run_id}"
            pipelines.append(read_pipeline(spec, body, fold.sha256, where))
    return pipelines


def require_folds(spec: ModelSpec, trained: Trained, folds: Sequence[Fold]) -> None:
    """Raises ``ModelError`` for a training whose folds are not those that the spec has now."""
    nights = [(fold.fitted_through, fold.judged_nights[-1]) for fold in folds]
    fitted = [(fold.fitted_through, fold.last_judged) for fold in trained.folds]
    if nights != fitted:
        raise ModelError(
            f"{spec.name}: the training in MLflow's run {trained.run_id} has {_folds(fitted)}, and model.yaml asks for"
            f" {_folds(nights)}",
            fix=train_anew(spec),
        )


def _folds(nights: Sequence[tuple[str, str]]) -> str:
    if not nights:
        return "no folds, as one of an earlier version"
    parts = []
    for fitted, judged in nights:
        parts.append(f"a fold through {fitted} judged through {judged}")
    return ", ".join(parts)

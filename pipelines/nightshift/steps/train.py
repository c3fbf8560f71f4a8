"""Fit a model on a snapshot and log everything about it to MLflow."""

import logging
import warnings
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nightshift.contracts import Registered, SnapshotRef, Trained
from nightshift.extras import require
from nightshift.modelling.card import model_card
from nightshift.modelling.figures import training_figures
from nightshift.modelling.folds import Fold, folds_of, night_of
from nightshift.modelling.holdout import LabelledRows, Split, read_split
from nightshift.modelling.inputs import model_inputs
from nightshift.modelling.label_types import label_type
from nightshift.modelling.left_out import left_out, sentence
from nightshift.modelling.outcomes import check_outcomes, learnable_classes, unknown_classes
from nightshift.modelling.recipe import JudgedRows, fit, out_of_fold, recipe_sha256
from nightshift.modelling.trained_file import TRAINED_FILE, digest_of
from nightshift.modelling.trainers import trainer_of
from nightshift.spec import ModelSpec
from nightshift.steps._fold_files import log_folds
from nightshift.steps._replay import describe
from nightshift.stores import Stores, replays
from nightshift.stores.registry import LONGEST_TAG, TRAINED_WITHOUT
from nightshift.stores.seals import Seals

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

log = logging.getLogger("nightshift")
SHOWN_ROWS = 1000
"""Of the training rows, in MLflow's page of the run's input."""
EXAMPLE_ROWS = 5
LISTS_OF_NIGHTS = {"missing", "retracted", "unreadable", "other_clock", "labels_without_row"}
"""Of a snapshot; a tag of MLflow is too short for them, and the model card has them."""


def train(spec: ModelSpec, snapshot: SnapshotRef, stores: Stores) -> Trained:
    """Fit the recipe to each fold, measure it on nights that no fit of them saw, then fit it to the whole window.

    The MLflow run holds parameters, metrics, plots, the model with its signature, the fits of the folds, the snapshot
    as input, and a model card. Classes of too few rows are left out, and said.
    Raises ``DataError`` when the labels leave nothing to learn, ``UsageError``
    without the extra ``train``.
    """
    require("train", f"training {spec.name}")
    # Without a key the version could not be sealed in the end.
    Seals.of(stores.settings)
    written, rows, folds = read_window(spec, snapshot, stores)
    replay_sha256 = replays.keep(describe(spec, stores), stores)
    label = label_type(written)
    with stores.registry.session(spec.name) as mlflow, mlflow.start_run(run_name=f"train {snapshot.as_of}") as run:
        mlflow.set_tags(_tags(spec, snapshot, stores))
        mlflow.log_params(_parameters(spec, snapshot))
        pipelines = [fit(written, fold.train) for fold in folds]
        judged = out_of_fold(written, folds, pipelines)
        threshold = label.threshold_for(judged.scores)
        spec = written.with_threshold(threshold)
        label = label_type(spec)
        mlflow.log_params(_threshold(spec))
        _warn_of_threshold(spec, label.threshold_note(judged.scores), mlflow)
        metrics = label.metrics(judged.rows.labels, judged.scores)
        labelled = rows.labelled
        without = left_out(written, model_inputs(written, labelled.table))
        _warn_of_left_out(spec, without, mlflow)
        mlflow.log_metrics({**metrics, **_counts(spec, snapshot, rows, judged)})
        _log_input(mlflow, spec, snapshot, labelled)
        _log_figures(mlflow, spec, pipelines[-1], folds[-1], judged)
        card = model_card(spec, snapshot, metrics, rows, folds, without)
        mlflow.log_text(card, "model_card.md")
        mlflow.log_dict(written.model_dump(mode="json"), "model.yaml")
        kept = log_folds(mlflow, spec, folds, pipelines)
        pipeline = fit(written, labelled)
        uri, sha256 = _log_model(mlflow, spec, pipeline, labelled)
    return Trained(
        spec.name,
        run.info.run_id,
        uri,
        snapshot,
        metrics,
        classes=list(spec.label.classes),
        threshold=threshold,
        share=written.predict.share,
        sha256=sha256,
        fitted_through=night_of(labelled.nights.max()),
        recipe_sha256=recipe_sha256(written),
        folds=kept,
        replay_sha256=replay_sha256,
    )


def read_window(spec: ModelSpec, snapshot: SnapshotRef, stores: Stores) -> tuple[ModelSpec, Split, list[Fold]]:
    """The spec with the classes that can be learnt, the snapshot's rows by it, and the folds. Raises ``DataError``."""
    rows = read_split(spec, snapshot, stores)
    folds = folds_of(spec, rows)
    twin = _as_split(rows, folds)
    check_outcomes(spec, twin)
    learnt = _of_learnable_classes(spec, twin)
    if learnt != spec:
        rows = read_split(learnt, snapshot, stores)
    return learnt, rows, folds_of(learnt, rows)


def _as_split(rows: Split, folds: list[Fold]) -> Split:
    twin = folds[-1]
    return Split(
        train=twin.train,
        holdout=twin.judged,
        unlabelled=rows.unlabelled,
    )


def _of_learnable_classes(spec: ModelSpec, rows: Split) -> ModelSpec:
    """The spec without the classes of too few rows, which are said."""
    learnable = learnable_classes(spec, rows)
    rare = [name for name in spec.label.classes if name not in learnable]
    if not rare:
        return spec
    log.warning("%s: too few rows to learn %s: left out, the others are learnt", spec.name, ", ".join(rare))
    return spec.with_classes(learnable)


def register(spec: ModelSpec, trained: Trained, stores: Stores) -> Registered:
    """Give the trained model a version. No alias names it, and without ``gate: passed`` nothing scores with it."""
    tags = {
        "gate": "pending",
        "snapshot_md5": trained.snapshot.md5,
        "trained_through": trained.snapshot.last_night,
        "fitted_through": trained.fitted_through,
        "recipe_sha256": trained.recipe_sha256,
    }
    if trained.threshold is not None:
        tags |= {"threshold": repr(trained.threshold), "share": str(trained.share)}
    version = stores.registry.register(spec.name, spec.description, trained.model_uri, trained.run_id, tags)
    return Registered(spec.name, version, trained)


def _warn_of_left_out(spec: ModelSpec, without: dict[str, str], mlflow: Any) -> None:
    """A feature that these rows say nothing of stops no training, and somebody may want to look after it."""
    for name, reason in without.items():
        log.warning("%s: trained without %s: %s", spec.name, name, reason)
    if without:
        reasons = sentence(without)
        mlflow.set_tag(TRAINED_WITHOUT, reasons[:LONGEST_TAG])


def _warn_of_threshold(spec: ModelSpec, note: str, mlflow: Any) -> None:
    """A model that says the same of every row may score, since its scores differ; its predictions help nobody."""
    if note:
        log.warning("%s: %s; set predict.costs, share or threshold in model.yaml", spec.name, note)
        mlflow.set_tag("nightshift.warning", note)


def _parameters(spec: ModelSpec, snapshot: SnapshotRef) -> dict[str, Any]:
    return {
        "trainer": spec.training.trainer,
        **spec.training.parameters,
        "seed": spec.training.seed,
        "holdout_days": spec.training.holdout_days,
        "folds": spec.training.folds,
        "features": len(spec.features),
        "label": spec.label.type,
        "as_of": snapshot.as_of,
        "first_night": snapshot.first_night,
        "last_night": snapshot.last_night,
        "nights": snapshot.nights,
        "nights_missing": len(snapshot.missing),
        "nights_retracted": len(snapshot.retracted),
        "nights_unreadable": len(snapshot.unreadable),
        "nights_of_another_clock": len(snapshot.other_clock),
        "dvc_md5": snapshot.md5,
    }


def _threshold(spec: ModelSpec) -> dict[str, Any]:
    """From where on means yes, and of which share, if that decides."""
    if not label_type(spec).has_threshold:
        return {}
    share = spec.predict.share
    threshold = {"threshold": spec.predict.decides_from}
    return threshold if share is None else {**threshold, "share": share}


def _tags(spec: ModelSpec, snapshot: SnapshotRef, stores: Stores) -> dict[str, str]:
    provenance = stores.provenance()
    return {
        **{f"nightshift.{name}": str(value) for name, value in provenance.items()},
        "nightshift.model": spec.name,
        "nightshift.as_of": snapshot.as_of,
        "dvc.md5": snapshot.md5,
    }


def _counts(spec: ModelSpec, snapshot: SnapshotRef, rows: Split, judged: JudgedRows) -> dict[str, float]:
    of_unknown_class = sum(unknown_classes(spec, rows).values())
    return {
        "rows_train": float(len(rows.labelled.labels)),
        "rows_holdout": float(len(judged.scores)),
        "rows_unlabelled": float(len(rows.unlabelled.labels) - of_unknown_class),
        "rows_of_unknown_class": float(of_unknown_class),
        "labels_without_row": float(sum(snapshot.labels_without_row.values())),
    }


def _log_input(mlflow: Any, spec: ModelSpec, snapshot: SnapshotRef, rows: LabelledRows) -> None:
    facts = asdict(snapshot).items()
    tags = {name: str(value) for name, value in facts if name not in LISTS_OF_NIGHTS}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dataset = mlflow.data.from_pandas(
            rows.table.slice(0, SHOWN_ROWS).to_pandas(),
            name=f"{spec.name} {snapshot.first_night} to {snapshot.last_night}",
            digest=snapshot.md5[:32],
            targets=spec.label.column,
        )
        mlflow.log_input(dataset, context="training", tags=tags)


def _log_figures(mlflow: Any, spec: ModelSpec, twin: "Pipeline", fold: Fold, judged: JudgedRows) -> None:
    """Of all judged rows; what a feature is worth, of the twin on the nights that it did not see."""
    label = label_type(spec)
    unseen = fold.judged
    of_twin = len(unseen.labels)
    scores = judged.scores[-of_twin:]
    figures = training_figures(spec, twin, unseen, scores)
    figures |= label.figures(judged.rows.labels, judged.scores)
    for name, figure in figures.items():
        file = f"plots/{name}.png"
        mlflow.log_figure(figure, file)


class _NotedFlavour:
    """MLflow's flavour of scikit-learn, which notes the digest of the file before it leaves this process."""

    __name__ = "mlflow.sklearn"

    def __init__(self) -> None:
        self.sha256 = ""

    def save_model(self, path: str, **settings: Any) -> None:
        """As MLflow calls it, with a folder of this process's own."""
        import mlflow.sklearn

        mlflow.sklearn.save_model(path=path, **settings)
        body = Path(path, TRAINED_FILE).read_bytes()
        self.sha256 = digest_of(body)


def _log_model(mlflow: Any, spec: ModelSpec, pipeline: "Pipeline", rows: LabelledRows) -> tuple[str, str]:
    """The address of the model in MLflow, and the digest of its file."""
    from mlflow.models import infer_signature

    example = model_inputs(spec, rows.table.slice(0, EXAMPLE_ROWS))
    predict_method = label_type(spec).predict_method
    flavour = _NotedFlavour()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        signature = infer_signature(example, getattr(pipeline, predict_method)(example))
        logged = mlflow.models.Model.log(
            artifact_path=None,
            name="model",
            flavor=flavour,
            sk_model=pipeline,
            signature=signature,
            pyfunc_predict_fn=predict_method,
            serialization_format="skops",
            skops_trusted_types=list(trainer_of(spec).trusted),
            pip_requirements=["scikit-learn", "skops"],
        )
    return str(logged.model_uri), flavour.sha256

"""Fit a model on a snapshot and log everything about it to MLflow."""

import logging
import warnings
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nightshift.concurrency import beside
from nightshift.contracts import Registered, Searched, SnapshotRef, Trained
from nightshift.extras import require
from nightshift.modelling.figures import training_figures
from nightshift.modelling.folds import Fold, folds_of, night_of
from nightshift.modelling.holdout import LabelledRows, Split, read_split
from nightshift.modelling.inputs import model_inputs
from nightshift.modelling.label_types import label_type
from nightshift.modelling.outcomes import check_outcomes, learnable_classes
from nightshift.spec import ModelSpec
from nightshift.spec.search import as_chosen
from nightshift.steps._costs import logged
from nightshift.steps._fold_files import log_folds
from nightshift.steps._judged_log import log_figures, log_judged
from nightshift.steps._replay import describe
from nightshift.steps._searched import show_search
from nightshift.stores import Stores, replays
from nightshift.stores.checkpoints import LakeCheckpoints
from nightshift.stores.seals import Seals
from nightshift.training.recipe import JudgedRows, fit, learnt_how, out_of_fold, recipe_sha256
from nightshift.training.trained_file import TRAINED_FILE, digest_of, trusted_types
from nightshift.training.trainers import trainer_of

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

log = logging.getLogger("nightshift")
EXAMPLE_ROWS = 5


def train(spec: ModelSpec, snapshot: SnapshotRef, stores: Stores, searched: Searched | None = None) -> Trained:
    """Fit the recipe to each fold, measure it on nights that no fit of them saw, then fit it to the whole window.

    The MLflow run holds parameters, metrics, plots, the model with its signature, the fits of the folds, the snapshot
    as input, and a model card. Classes of too few rows are left out, and said. ``searched`` is the recipe where a
    search chose it.
    Raises ``DataError`` when the labels leave nothing to learn, ``UsageError``
    without the extra ``train``.
    """
    _require_all(spec, stores)
    chosen = as_chosen(spec, searched)
    written, rows, folds = read_window(chosen, snapshot, stores)
    replay_sha256 = replays.keep(describe(chosen, stores), stores)
    checkpoints = LakeCheckpoints(spec.name, stores)
    session = stores.registry.session(spec.name)
    with session as mlflow, _run(mlflow, chosen, snapshot, stores) as run, logged(mlflow) as cost:
        mlflow.log_params(_parameters(chosen, snapshot))
        show_search(mlflow, chosen, searched, stores)
        cost.stage("folds")
        pipelines = [fit(written, fold.train, checkpoints) for fold in folds]
        judged = out_of_fold(written, folds, pipelines)
        threshold = label_type(written).threshold_for(judged.rows.labels, judged.scores)
        decided = written.with_threshold(threshold)
        _log_threshold(mlflow, decided, judged)
        cost.stage("fitting")
        pipeline = fit(written, rows.labelled, checkpoints)
        cost.stage("judging")
        unseen = folds[-1].judged
        figures = training_figures(decided, pipelines[-1], unseen, judged.rows.labels, judged.scores)
        with beside() as give:
            give(partial(log_figures, stores.registry.client, run.info.run_id, figures))
            # Before the first metric: MLflow would ask for the history of each that it finds.
            uri, sha256 = _log_model(mlflow, decided, pipeline, rows.labelled)
            metrics = log_judged(mlflow, decided, snapshot, rows, folds, judged, searched, uri.removeprefix("models:/"))
            mlflow.log_dict(written.model_dump(mode="json"), "model.yaml")
            kept = log_folds(mlflow, decided, folds, pipelines)
    checkpoints.clear()
    of_run = Trained(spec.name, run.info.run_id, uri, snapshot, metrics, sha256=sha256, folds=kept)
    of_recipe = _with_recipe(of_run, written, threshold, rows)
    return replace(of_recipe, replay_sha256=replay_sha256, searched=searched)


def _with_recipe(trained: Trained, written: ModelSpec, threshold: float | None, rows: Split) -> Trained:
    """With what was fitted, and from where on it means yes."""
    return replace(
        trained,
        classes=list(written.label.classes),
        threshold=threshold,
        share=written.predict.share,
        threshold_rule=written.predict.learnt_by,
        fitted_through=night_of(rows.labelled.nights.max()),
        recipe_sha256=recipe_sha256(written),
    )


def _require_all(spec: ModelSpec, stores: Stores) -> None:
    """What a training needs besides data."""
    require("train", f"training {spec.name}")
    # Without a key the version could not be sealed in the end.
    Seals.of(stores.settings)


def _run(mlflow: Any, spec: ModelSpec, snapshot: SnapshotRef, stores: Stores) -> Any:
    tags = _tags(spec, snapshot, stores)
    name = f"train {snapshot.as_of}"
    return mlflow.start_run(run_name=name, tags=tags)


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
        tags |= {"threshold": repr(trained.threshold), "threshold_rule": trained.threshold_rule}
    version = stores.registry.register(spec.name, spec.description, trained.model_uri, trained.run_id, tags)
    return Registered(spec.name, version, trained)


def _log_threshold(mlflow: Any, spec: ModelSpec, judged: JudgedRows) -> None:
    """From where on means yes, if that decides.

    A model that says the same of every row may score, since its scores differ; its predictions help nobody.
    """
    mlflow.log_params(_threshold(spec))
    note = label_type(spec).threshold_note(judged.scores)
    if note:
        log.warning("%s: %s; set predict.costs, share or threshold in model.yaml", spec.name, note)
        mlflow.set_tag("nightshift.warning", note)


def _parameters(spec: ModelSpec, snapshot: SnapshotRef) -> dict[str, Any]:
    return {
        "trainer": spec.training.trainer,
        **spec.training.parameters,
        **learnt_how(spec),
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
            skops_trusted_types=list(trusted_types(spec)),
            pip_requirements=list(trainer_of(spec).packages),
        )
    return str(logged.model_uri), flavour.sha256

"""Fit a model on a snapshot and log everything about it to MLflow."""

import warnings
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from nightshift.contracts import Registered, SnapshotRef, Trained
from nightshift.extras import require
from nightshift.modelling.card import model_card
from nightshift.modelling.holdout import LabelledRows, Split, read_split
from nightshift.modelling.inputs import model_inputs
from nightshift.modelling.label_types import label_type
from nightshift.modelling.outcomes import check_outcomes
from nightshift.modelling.plots import training_plots
from nightshift.modelling.trainers import fit
from nightshift.spec import ModelSpec
from nightshift.stores import Stores

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline


TRUSTED = [
    "numpy.dtype",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
    "sklearn.neural_network._stochastic_optimizers.SGDOptimizer",
]
"""What skops may construct besides scikit-learn's public types; nothing here is ever pickled."""


def train(spec: ModelSpec, snapshot: SnapshotRef, stores: Stores) -> Trained:
    """Fit on all but the last nights of the snapshot, measure on those.

    The MLflow run holds parameters, metrics, plots, the model with its signature, the snapshot as
    input, and a model card. Raises ``DataError`` when the labels leave nothing to learn, ``UsageError``
    without the extra ``train``.
    """
    require("train", f"training {spec.name}")
    rows, task = read_split(spec, snapshot, stores), label_type(spec)
    check_outcomes(spec, rows)
    with stores.registry.session(spec.name) as mlflow, mlflow.start_run(run_name=f"train {snapshot.as_of}") as run:
        mlflow.set_tags(_tags(spec, snapshot, stores))
        mlflow.log_params(_parameters(spec, snapshot))
        pipeline = fit(spec, model_inputs(spec, rows.train.table), rows.train.labels)
        scores = task.predict(pipeline, model_inputs(spec, rows.holdout.table))
        metrics = task.metrics(rows.holdout.labels, scores)
        mlflow.log_metrics({**metrics, **_counts(rows)})
        _log_input(mlflow, spec, snapshot, rows.train)
        for name, figure in training_plots(spec, pipeline, rows.holdout, scores).items():
            mlflow.log_figure(figure, f"plots/{name}.png")
        mlflow.log_text(model_card(spec, snapshot, metrics, rows), "model_card.md")
        mlflow.log_dict(spec.model_dump(mode="json"), "model.yaml")
        uri = _log_model(mlflow, spec, pipeline, rows.train)
        return Trained(spec.name, run.info.run_id, uri, snapshot, metrics)


def register(spec: ModelSpec, trained: Trained, stores: Stores) -> Registered:
    """Give the trained model a version. No alias names it, and without ``gate: passed`` nothing scores with it."""
    facts = {
        "gate": "pending",
        "snapshot_md5": trained.snapshot.md5,
        "trained_through": trained.snapshot.last_night,
    }
    version = stores.registry.register(spec.name, spec.description, trained.model_uri, trained.run_id, facts)
    return Registered(spec.name, version, trained)


def _parameters(spec: ModelSpec, snapshot: SnapshotRef) -> dict[str, Any]:
    return {
        "trainer": spec.training.trainer,
        **spec.training.parameters,
        "seed": spec.training.seed,
        "holdout_days": spec.training.holdout_days,
        "features": len(spec.features),
        "label": spec.label.type,
        **({"threshold": spec.predict.threshold} if spec.label.type == "binary" else {}),
        "as_of": snapshot.as_of,
        "first_night": snapshot.first_night,
        "last_night": snapshot.last_night,
        "nights": snapshot.nights,
        "nights_missing": len(snapshot.missing),
        "dvc_md5": snapshot.md5,
    }


def _tags(spec: ModelSpec, snapshot: SnapshotRef, stores: Stores) -> dict[str, str]:
    provenance = {f"nightshift.{name}": str(value) for name, value in stores.provenance().items()}
    return {**provenance, "nightshift.model": spec.name, "nightshift.as_of": snapshot.as_of, "dvc.md5": snapshot.md5}


def _counts(rows: Split) -> dict[str, float]:
    return {
        "rows_train": float(len(rows.train.labels)),
        "rows_holdout": float(len(rows.holdout.labels)),
        "rows_unlabelled": float(len(rows.unlabelled.labels)),
    }


def _log_input(mlflow: Any, spec: ModelSpec, snapshot: SnapshotRef, rows: LabelledRows) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        frame = rows.table.slice(0, 1000).to_pandas()
        dataset = mlflow.data.from_pandas(
            frame, name=f"{spec.name} {snapshot.first_night} to {snapshot.last_night}", digest=snapshot.md5[:32],
            targets=spec.label.column,
        )  # fmt: skip
        facts = {name: str(value) for name, value in asdict(snapshot).items() if name != "missing"}
        mlflow.log_input(dataset, context="training", tags=facts)


def _log_model(mlflow: Any, spec: ModelSpec, pipeline: "Pipeline", rows: LabelledRows) -> str:
    from mlflow.models import infer_signature

    example = model_inputs(spec, rows.table.slice(0, 5))
    predict = "predict" if spec.label.type == "regression" else "predict_proba"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        signature = infer_signature(example, getattr(pipeline, predict)(example))
        logged = mlflow.sklearn.log_model(
            pipeline,
            name="model",
            signature=signature,
            pyfunc_predict_fn=predict,
            serialization_format="skops",
            skops_trusted_types=TRUSTED,
            pip_requirements=["scikit-learn", "skops"],
        )
    return str(logged.model_uri)

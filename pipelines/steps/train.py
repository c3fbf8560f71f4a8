"""Fit a model on a snapshot and log everything about it to MLflow."""

import warnings
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from pipelines.contracts import Registered, SnapshotRef, Trained
from pipelines.errors import DataError
from pipelines.spec import ModelSpec
from pipelines.steps.estimators import build, model_inputs
from pipelines.steps.holdout import Rows, Split, read_split
from pipelines.steps.metrics import all_metrics
from pipelines.steps.plots import training_plots
from pipelines.stores import Stores

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
    input, and a model card. Raises ``DataError`` when there is only one class to learn.
    """
    rows = read_split(spec, snapshot, stores)
    _check_classes(spec, rows)
    with stores.registry.session(spec.name) as mlflow, mlflow.start_run(run_name=f"train {snapshot.as_of}") as run:
        mlflow.set_tags(_tags(spec, snapshot, stores))
        mlflow.log_params(_parameters(spec, snapshot))
        pipeline = build(spec).fit(model_inputs(spec, rows.train.table), rows.train.labels)
        scores = pipeline.predict_proba(model_inputs(spec, rows.holdout.table))[:, 1]
        metrics = all_metrics(rows.holdout.labels, scores, spec.predict.threshold)
        mlflow.log_metrics({**metrics, **_counts(rows)})
        _log_input(mlflow, spec, snapshot, rows.train)
        for name, figure in training_plots(spec, pipeline, rows.holdout, scores).items():
            mlflow.log_figure(figure, f"plots/{name}.png")
        mlflow.log_text(_model_card(spec, snapshot, metrics, rows), "model_card.md")
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


def _check_classes(spec: ModelSpec, rows: Split) -> None:
    for name, part in (("training", rows.train), ("holdout", rows.holdout)):
        if len(part.labels) == 0 or part.labels.min() == part.labels.max():
            raise DataError(
                f"{spec.name}: the {name} nights have {len(part.labels)} labelled rows of a single class",
                fix="widen training.window_days, or look at the labels",
            )


def _parameters(spec: ModelSpec, snapshot: SnapshotRef) -> dict[str, Any]:
    return {
        "trainer": spec.training.trainer,
        **spec.training.parameters,
        "seed": spec.training.seed,
        "holdout_days": spec.training.holdout_days,
        "features": len(spec.features),
        "threshold": spec.predict.threshold,
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


def _log_input(mlflow: Any, spec: ModelSpec, snapshot: SnapshotRef, rows: Rows) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        frame = rows.table.slice(0, 1000).to_pandas()
        dataset = mlflow.data.from_pandas(
            frame, name=f"{spec.name} {snapshot.first_night} to {snapshot.last_night}", digest=snapshot.md5[:32],
            targets=spec.label.column,
        )  # fmt: skip
        facts = {name: str(value) for name, value in asdict(snapshot).items() if name != "missing"}
        mlflow.log_input(dataset, context="training", tags=facts)


def _log_model(mlflow: Any, spec: ModelSpec, pipeline: "Pipeline", rows: Rows) -> str:
    from mlflow.models import infer_signature

    example = model_inputs(spec, rows.table.slice(0, 5))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        signature = infer_signature(example, pipeline.predict_proba(example))
        logged = mlflow.sklearn.log_model(
            pipeline,
            name="model",
            signature=signature,
            pyfunc_predict_fn="predict_proba",
            serialization_format="skops",
            skops_trusted_types=TRUSTED,
            pip_requirements=["scikit-learn", "skops"],
        )
    return str(logged.model_uri)


def _model_card(spec: ModelSpec, snapshot: SnapshotRef, metrics: dict[str, float], rows: Split) -> str:
    table = "\n".join(f"| {name} | {value:.4f} |" for name, value in sorted(metrics.items()))
    missing = f" Nights without data: {', '.join(snapshot.missing)}." if snapshot.missing else ""
    return f"""# {spec.name}

{spec.description}

- **Predicts** `{spec.label.column}` (known {spec.label.delay_days} days later), as `{spec.predict.score}` in [0, 1];
  `{spec.predict.prediction}` is true from {spec.predict.threshold}.
- **Learnt from** {len(rows.train.labels):,} rows, {snapshot.first_night} to {snapshot.last_night},
  less the last {spec.training.holdout_days} nights. DVC `{snapshot.md5}`.{missing}
- **Measured on** the {len(rows.holdout.labels):,} rows of those last nights. {len(rows.unlabelled.labels):,} rows
  never had an outcome and were used for neither.
- **Features** {", ".join(f"`{name}`" for name in spec.features)}.
- **Trainer** {spec.training.trainer} {spec.training.parameters}, seed {spec.training.seed}.
- **Owner** {spec.owner}. Scores come from the ONNX graph of this version only.

| metric on the holdout | value |
|---|---|
{table}
"""

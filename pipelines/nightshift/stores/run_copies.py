"""A training's run as files and facts, and the same in another MLflow: one is read before the other is spoken to."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from nightshift.stores.registry import TAG, Registry

if TYPE_CHECKING:
    from nightshift.contracts import Trained

ARTIFACTS = "artifacts"
MODEL = "model"
WHOLE = f"{TAG}copied_model"
"""The address of a run's model, once all of it is there."""


@dataclass(frozen=True)
class CopiedRun:
    """What a run was told of, and where its artifacts and its model lie on this machine."""

    parameters: dict[str, str]
    metrics: dict[str, float]
    tags: dict[str, str]
    artifacts: Path
    model: Path


@dataclass(frozen=True)
class RunThere:
    """A run that was made of a copy, and the address of its model."""

    run_id: str
    model_uri: str


def download(registry: Registry, experiment: str, trained: Trained, folder: Path) -> CopiedRun:
    """Bring a run and its model into a folder. Raises ``ModelError``, ``RegistryUnavailable``."""
    with registry.session(experiment) as mlflow:
        run = registry.client.get_run(trained.run_id)
        model_id = trained.model_uri.removeprefix("models:/")
        logged = registry.client.get_logged_model(model_id)
        download = mlflow.artifacts.download_artifacts
        artifacts = download(run_id=trained.run_id, dst_path=_made(folder, ARTIFACTS))
        model = download(artifact_uri=logged.artifact_location, dst_path=_made(folder, MODEL))
    return CopiedRun(
        parameters=dict(run.data.params),
        metrics=dict(run.data.metrics),
        tags=_ours(run.data.tags),
        artifacts=Path(artifacts),
        model=Path(model),
    )


def upload(registry: Registry, experiment: str, copied: CopiedRun, name: str, tags: dict[str, str]) -> RunThere:
    """Make a run of a copy, with more tags. Raises ``ModelError``, ``RegistryUnavailable``."""
    client = registry.client
    with registry.session(experiment) as mlflow, mlflow.start_run(run_name=name) as run:
        mlflow.set_tags({**copied.tags, **tags})
        mlflow.log_params(copied.parameters)
        mlflow.log_metrics(copied.metrics)
        mlflow.log_artifacts(str(copied.artifacts))
        logged = client.create_logged_model(
            run.info.experiment_id,
            name=MODEL,
            source_run_id=run.info.run_id,
        )
        client.log_model_artifacts(logged.model_id, str(copied.model))
        client.finalize_logged_model(logged.model_id, "READY")
        model_uri = f"models:/{logged.model_id}"
        mlflow.set_tag(WHOLE, model_uri)
    return RunThere(run.info.run_id, model_uri)


def uploaded(registry: Registry, experiment: str, tag: str, value: str) -> RunThere | None:
    """The oldest run that was made of a copy and has a tag; None where none is whole. Raises as ``upload``."""
    query = f"tags.`{tag}` = '{value}'"
    oldest_first = ["attributes.start_time ASC"]
    with registry.session(experiment) as mlflow:
        experiment_id = mlflow.get_experiment_by_name(experiment).experiment_id
        runs = registry.client.search_runs([experiment_id], query, order_by=oldest_first)
    for run in runs:
        model_uri = run.data.tags.get(WHOLE)
        if model_uri:
            return RunThere(run.info.run_id, model_uri)
    return None


def _made(folder: Path, name: str) -> str:
    place = folder / name
    place.mkdir()
    return str(place)


def _ours(tags: dict[str, str]) -> dict[str, str]:
    """Without what MLflow says of the machine that trained."""
    ours = {}
    for name, value in tags.items():
        if not name.startswith("mlflow."):
            ours[name] = value
    return ours

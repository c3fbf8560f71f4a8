"""The families of Dags: each makes the Dag ``<model>.<verb>`` of every model.

To add one, write ``orchestration/<verb>.py`` with its factory and its tasks, and name the factory here.
"""

from collections.abc import Callable, Mapping

from airflow.sdk import DAG, get_parsing_context

from nightshift.orchestration.ingest import ingest_dag
from nightshift.orchestration.maintain import maintain_dag
from nightshift.orchestration.monitor import monitor_dag
from nightshift.orchestration.predict import predict_dag
from nightshift.orchestration.retract import retract_dag
from nightshift.orchestration.rollback import rollback_dag
from nightshift.orchestration.train import retrain_dag, train_dag
from nightshift.orchestration.validate import validate_dag
from nightshift.settings import settings
from nightshift.spec import ModelSpec, load_spec, spec_files

FAMILIES: dict[str, Callable[[ModelSpec], DAG]] = {
    "ingest": ingest_dag,
    "validate": validate_dag,
    "predict": predict_dag,
    "monitor": monitor_dag,
    "train": train_dag,
    "retrain": retrain_dag,
    "rollback": rollback_dag,
    "retract": retract_dag,
    "maintain": maintain_dag,
}


def project_dags(families: Mapping[str, Callable[[ModelSpec], DAG]] = FAMILIES) -> list[DAG]:
    """The Dags of all models of the project; when Airflow reads the file to run one task, only the Dag of it.

    Airflow itself collects every Dag that is made while it reads a Dag file, so that the file needs only the call.
    Raises ``SpecError`` for a model.yaml that is wrong.
    """
    wanted = get_parsing_context().dag_id
    dags = []
    for spec in _specs(wanted):
        for verb, family in families.items():
            if wanted in {None, f"{spec.name}.{verb}"}:
                dags.append(family(spec))
    return dags


def _specs(wanted: str | None) -> list[ModelSpec]:
    """Those that the wanted Dag is made of; another model's mistake does not stop its tasks."""
    paths = spec_files(settings().models)
    if wanted is not None:
        model, _, _ = wanted.partition(".")
        paths = [path for path in paths if path.parent.name == model]
    return [load_spec(path) for path in paths]

"""The families of Dags: each makes the Dag ``<model>.<verb>`` of every model.

To add one, write ``orchestration/<verb>.py`` with its factory and its tasks, and name the factory here.
"""

import logging
from collections.abc import Callable, Mapping

from airflow.sdk import DAG, get_parsing_context

from nightshift.errors import SpecError
from nightshift.orchestration.ingest import ingest_dag
from nightshift.orchestration.maintain import maintain_dag
from nightshift.orchestration.monitor import monitor_dag
from nightshift.orchestration.predict import predict_dag
from nightshift.orchestration.retract import retract_dag
from nightshift.orchestration.rollback import rollback_dag
from nightshift.orchestration.train import retrain_dag, train_dag
from nightshift.orchestration.validate import validate_dag
from nightshift.settings import settings
from nightshift.spec import ModelSpec, load_good_specs

LOG = logging.getLogger("nightshift")
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
    A model.yaml that is wrong costs the Dags of its own model: the others are made, and ``require_specs`` says what is
    wrong. Raises ``SpecError`` where none could be made, and for the one Dag that a task is of.
    """
    wanted = get_parsing_context().dag_id
    specs, errors = _specs(wanted)
    if errors and not specs:
        raise _all_of(errors)
    for error in errors:
        LOG.error("%s", error)
    dags = []
    for spec in specs:
        for verb, family in families.items():
            if wanted in {None, f"{spec.name}.{verb}"}:
                dags.append(family(spec))
    return dags


def require_specs() -> None:
    """Raises ``SpecError`` for every model.yaml that is wrong: an import error of the Dag file that calls it.

    Such a file makes no Dag: Airflow takes all Dags of a file with an import error for stale, and stops them.
    """
    _, errors = _specs(None)
    if errors:
        raise _all_of(errors)


def _specs(wanted: str | None) -> tuple[list[ModelSpec], list[SpecError]]:
    """Those that the wanted Dag is made of, all for None, and what is wrong with others of these."""
    model = None if wanted is None else wanted.partition(".")[0]
    specs, errors = load_good_specs(settings().models, only=model)
    return specs, list(errors.values())


def _all_of(errors: list[SpecError]) -> SpecError:
    """One error that says what each of them says."""
    if len(errors) == 1:
        return errors[0]
    messages = [error.message for error in errors]
    text = "\n".join(messages)
    return SpecError(text, fix="correct them, then `nightshift check`")

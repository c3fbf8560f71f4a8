"""Airflow Dags of every model's life: train, retrain, rollback."""

from pipelines.orchestration.training import retrain_dag, rollback_dag, train_dag
from pipelines.settings import settings
from pipelines.spec import load_specs

for spec in load_specs(settings().models):
    for family in (train_dag, retrain_dag, rollback_dag):
        dag = family(spec)
        globals()[dag.dag_id] = dag

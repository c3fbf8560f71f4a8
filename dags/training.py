"""Airflow Dags of every model's life: train, retrain, rollback."""

from nightshift.orchestration.training import retrain_dag, rollback_dag, train_dag
from nightshift.settings import settings
from nightshift.spec import load_specs

for spec in load_specs(settings().models):
    for family in (train_dag, retrain_dag, rollback_dag):
        dag = family(spec)
        globals()[dag.dag_id] = dag

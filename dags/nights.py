"""Airflow Dags of every model's nights: ingest > validate > predict > monitor, by partition."""

from nightshift.orchestration.nights import ingest_dag, monitor_dag, predict_dag, validate_dag
from nightshift.settings import settings
from nightshift.spec import load_specs

for spec in load_specs(settings().models):
    for family in (ingest_dag, validate_dag, predict_dag, monitor_dag):
        dag = family(spec)
        globals()[dag.dag_id] = dag

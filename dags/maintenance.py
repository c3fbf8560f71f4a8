"""Airflow Dags that keep every model's lake tidy: maintain, every week."""

from nightshift.orchestration.maintenance import maintain_dag
from nightshift.settings import settings
from nightshift.spec import load_specs

for spec in load_specs(settings().models):
    dag = maintain_dag(spec)
    globals()[dag.dag_id] = dag

"""Airflow Dags of every model in models/. Airflow collects each Dag that is made while it reads this file."""

from nightshift.orchestration.families import project_dags

dags = project_dags()

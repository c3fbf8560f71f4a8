"""How steps become Airflow Dags: assets, Dag factories, task adapters. The only place that imports airflow."""

"""The steps of a night and of a training: plain typed functions that run with or without Airflow."""

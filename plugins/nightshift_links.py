"""Airflow's plugin: links to MLflow and to the night reports, and the pages at /nightshift."""

from nightshift.orchestration.web.plugin import NightshiftLinks

__all__ = ["NightshiftLinks"]

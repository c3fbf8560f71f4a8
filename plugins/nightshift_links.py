"""Airflow plugin: links to MLflow and to the night reports, and the pages at /nightshift."""

from typing import ClassVar

from airflow.plugins_manager import AirflowPlugin

from pipelines.orchestration import links


class NightshiftLinks(AirflowPlugin):
    """Data only: what it names lives in ``pipelines.orchestration``."""

    name = "nightshift_links"
    external_views: ClassVar = links.views()
    fastapi_apps: ClassVar = [links.APP]
    operator_extra_links: ClassVar = [links.MlflowRun(), links.DataDocs()]

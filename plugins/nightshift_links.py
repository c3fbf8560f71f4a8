"""Airflow plugin: links to MLflow and to the night reports, and the pages at /nightshift."""

from typing import ClassVar

from airflow.plugins_manager import AirflowPlugin

from nightshift.orchestration.web import links


class NightshiftLinks(AirflowPlugin):
    """Data only: what it names lives in ``nightshift.orchestration``."""

    name = "nightshift_links"
    external_views: ClassVar = links.views()
    fastapi_apps: ClassVar = [links.APP]
    operator_extra_links: ClassVar = [links.MlflowRun(), links.DataDocs()]

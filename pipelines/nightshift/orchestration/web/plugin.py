"""The Airflow plugin: links to MLflow and to the night reports, and the pages at /nightshift.

Airflow takes the plugins that it finds in a project's plugins folder: a file there that imports this class.
"""

from typing import ClassVar

from airflow.plugins_manager import AirflowPlugin

from nightshift.orchestration.web import links


class NightshiftLinks(AirflowPlugin):
    """Data only: what it names lives in ``links``."""

    name = "nightshift_links"
    external_views: ClassVar = links.views()
    fastapi_apps: ClassVar = [links.APP]
    operator_extra_links: ClassVar = [links.MlflowRun(), links.DataDocs()]

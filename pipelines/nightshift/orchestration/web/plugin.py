"""The Airflow plugin: links to MLflow and to the night reports, the pages at /nightshift, and slow guesses at login.

Airflow takes the plugins that it finds in a project's plugins folder: a file there that imports this class.
"""

from typing import ClassVar

from airflow.plugins_manager import AirflowPlugin

from nightshift.logins import SlowedLogins
from nightshift.orchestration.deadlines import NightPublishedBy
from nightshift.orchestration.web import links
from nightshift.orchestration.web.login import attempt


class NightshiftLinks(AirflowPlugin):
    """Data only: what it names lives in ``links``."""

    name = "nightshift_links"
    external_views: ClassVar = links.views()
    fastapi_apps: ClassVar = [links.APP]
    fastapi_root_middlewares: ClassVar = [
        {"name": "nightshift_logins", "middleware": SlowedLogins, "args": [], "kwargs": {"attempt": attempt}}
    ]
    deadline_references: ClassVar = [NightPublishedBy]
    operator_extra_links: ClassVar = [links.MlflowRun(), links.DataDocs()]

"""What Nightshift adds to Airflow's own pages: views, the web app's mount, links on task instances.

Every Airflow process loads plugins, each task too: nothing here imports a web framework or a database
until the api-server asks for it.
"""

from functools import cached_property
from typing import Any, ClassVar
from urllib.parse import quote

from airflow.providers.standard.decorators.python import _PythonDecoratedOperator
from airflow.sdk import BaseOperatorLink

from nightshift.mlflow_pages import home_page
from nightshift.orchestration.tasks import MLFLOW_URL
from nightshift.orchestration.validate import DATA_DOCS
from nightshift.settings import export_env, settings

PREFIX = "nightshift"


def views() -> list[dict[str, Any]]:
    """Entries of the navigation, and the tab of a Dag run.

    MLflow and the nights open in a tab of their own: Airflow's frames let no link out of them.
    """
    nights = {"name": "Nights", "href": f"{PREFIX}/", "destination": "nav", "nav_top_level": True}
    run = {
        "name": "Night",
        "href": f"{PREFIX}/runs/{{DAG_ID}}/{{RUN_ID}}",
        "destination": "dag_run",
        "url_route": "night",
    }
    mlflow_url = settings().mlflow_url
    if not mlflow_url:
        return [nights, run]
    mlflow = {"name": "MLflow", "href": home_page(mlflow_url), "destination": "nav", "nav_top_level": True}
    return [mlflow, nights, run]


class LazyApp:
    """The web app, built at the first request that reaches it."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer one request."""
        await self._app(scope, receive, send)

    @cached_property
    def _app(self) -> Any:
        from nightshift.orchestration.web.pages import build

        export_env(settings())
        return build()


APP = {"app": LazyApp(), "url_prefix": f"/{PREFIX}", "name": "Nightshift"}


class MlflowRun(BaseOperatorLink):
    """From a task to the MLflow run that it made or used."""

    name = "MLflow run"
    operators: ClassVar = [_PythonDecoratedOperator]

    def get_link(self, operator: Any, *, ti_key: Any) -> str:
        """The URL that the task pushed; empty, and so not shown, when it pushed none."""
        return _pushed(MLFLOW_URL, operator, ti_key)


class DataDocs(BaseOperatorLink):
    """From a validation to its Data Docs."""

    name = "Data Docs"
    operators: ClassVar = [_PythonDecoratedOperator]

    def get_link(self, operator: Any, *, ti_key: Any) -> str:
        """The page that serves the lake object whose key the task pushed."""
        key = _pushed(DATA_DOCS, operator, ti_key)
        return docs_url(key) if key else ""


def docs_url(key: str) -> str:
    """A key of ``layout.data_docs`` as the web app serves it."""
    from airflow.configuration import conf

    _, _, model, night, _ = key.split("/")
    _, _, partition = night.partition("=")
    base = conf.get("api", "base_url", fallback="").rstrip("/")
    return f"{base}/{PREFIX}/validation/{quote(model)}/{quote(partition)}"


def _pushed(key: str, operator: Any, ti_key: Any) -> str:
    # Airflow asks for a plugin's links in the api-server, where the SDK's own XCom access does not work.
    from airflow.serialization.definitions.operatorlink import XComOperatorLink

    return XComOperatorLink(name=key, xcom_key=key).get_link(operator, ti_key=ti_key)

"""The pages at ``/nightshift``, served by Airflow's api-server to logged-in users; they write nothing but a cache.

The lake is read with the server's keys, so nothing of a request reaches a key before it is known to be
a model's name and a partition.
"""

from functools import cache
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity
from airflow.api_fastapi.common.db.common import SessionDep
from airflow.api_fastapi.core_api.security import GetUserDep, get_user, requires_access_dag
from airflow.models import DagRun
from fastapi import Depends, FastAPI, HTTPException, Request
from fastapi.responses import HTMLResponse
from sqlalchemy import select
from starlette.exceptions import HTTPException as AnyHTTPException

from nightshift.contracts import Dataset
from nightshift.errors import MissingPartition, NightshiftError, Unavailable, UsageError
from nightshift.pages import html
from nightshift.pages.index import read_index
from nightshift.pages.links import USUAL_VIEW, ServedLinks, nights_of
from nightshift.pages.look import look_at
from nightshift.pages.overview import MOST_WHEN_NEW, one_night
from nightshift.partitions import parse_partition
from nightshift.settings import settings
from nightshift.spec import ModelSpec, find_spec, load_good_specs
from nightshift.steps.validate import reports_of
from nightshift.stores import Stores, layout

# Data Docs name scripts and styles of a dozen other sites: none is loaded, no script runs.
POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:;"
    " base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
# What lies in the lake holds texts of the data: a sandbox also keeps it from sending the reader elsewhere.
STORED_HEADERS = {**HEADERS, "Content-Security-Policy": f"{POLICY}; sandbox allow-popups"}


def build() -> FastAPI:
    """The web app. Every route asks for a logged-in user, and who may not read a Dag not for its nights."""
    app = FastAPI(
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        dependencies=[Depends(get_user)],
    )
    options: dict[str, Any] = {"methods": ["GET"], "response_class": HTMLResponse}
    app.add_api_route("/", index, **options)
    app.add_api_route("/models/{model}", model_page, **options)
    app.add_api_route("/reports/{model}/{partition}", drift_report, **options)
    app.add_api_route("/validation/{model}/{partition}", data_docs, **options)
    app.add_api_route("/runs/{dag_id}/{run_id:path}", of_run, **options)
    app.add_exception_handler(AnyHTTPException, _refused)
    app.add_exception_handler(NightshiftError, _explained)
    return app


def index(request: Request, user: GetUserDep) -> HTMLResponse:
    """All models that the user may read, those first that need a person; and what keeps others away."""
    specs, errors = load_good_specs(settings().models)
    readable = [spec for spec in specs if _may_read(spec.name, request, user)]
    wrong = [error.message for name, error in errors.items() if _may_read(name, request, user)]
    return _answer(html.index_page(read_index(readable, _stores()), wrong, _links(request)))


def model_page(
    model: str, request: Request, user: GetUserDep, before: str = "", nights: str = USUAL_VIEW
) -> HTMLResponse:
    """A model with its newest nights, or those before one."""
    if before:
        parse_partition(before)
    spec = _readable(model, request, user)
    most = nights_of(nights)
    look = look_at(spec, _stores(), before, most, MOST_WHEN_NEW)
    page = html.model_page(look, _links(request), settings().mlflow_url, nights, before)
    return _answer(page)


def drift_report(model: str, partition: str, request: Request, user: GetUserDep) -> HTMLResponse:
    """What monitoring saw in a night."""
    spec = _spec(model, partition, request, user)
    body = _object(layout.drift_report(spec.key(Dataset.MONITORING, partition)))
    if body is None:
        raise MissingPartition(f"{model} has no drift report of {partition}", fix=f"trigger {model}.monitor for it")
    return HTMLResponse(body, headers=STORED_HEADERS)


def data_docs(model: str, partition: str, request: Request, user: GetUserDep) -> HTMLResponse:
    """How a night did against its expectations; styled here, since its own styles lie elsewhere."""
    spec = _spec(model, partition, request, user)
    body = _object(reports_of(spec, partition).html)
    if body is None:
        raise MissingPartition(
            f"{model} has no Data Docs of {partition}; of nights that a load brought, only the last has",
            fix=f"trigger {model}.validate for it",
        )
    return HTMLResponse(html.checks_page(body), headers=STORED_HEADERS)


def of_run(dag_id: str, run_id: str, request: Request, user: GetUserDep, session: SessionDep) -> HTMLResponse:
    """The night of a Dag run."""
    requires_access_dag("GET", DagAccessEntity.RUN, dag_id)(request, user)
    run = session.execute(
        select(DagRun.partition_key, DagRun.conf).where(DagRun.dag_id == dag_id, DagRun.run_id == run_id)
    ).first()
    partition = _partition_of(run) if run else None
    if partition is None:
        raise MissingPartition("this run is not of one night", fix="see all nights under Nights")
    spec = _spec(dag_id.partition(".")[0], partition, request, user)
    # Airflow shows this page in a frame, which no other site can be opened from: no links to MLflow.
    return _answer(html.night_page(one_night(spec, partition, _stores()), _links(request)))


def _partition_of(run: Any) -> str | None:
    """The key of a run, or the parameter of a training's."""
    conf = run.conf or {}
    of_training = conf.get("partition")
    return run.partition_key or of_training


def _spec(model: str, partition: str, request: Request, user: Any) -> ModelSpec:
    parse_partition(partition)
    return _readable(model, request, user)


def _readable(model: str, request: Request, user: Any) -> ModelSpec:
    spec = find_spec(settings().models, model)
    _require_access(model, request, user)
    return spec


def _may_read(model: str, request: Request, user: Any) -> bool:
    try:
        _require_access(model, request, user)
    except HTTPException:
        return False
    return True


def _require_access(model: str, request: Request, user: Any) -> None:
    """Raises ``HTTPException`` for who may not read the model's nights."""
    dag = f"{model}.monitor"
    check = requires_access_dag("GET", param_dag_id=dag)
    check(request, user)


@cache
def _stores() -> Stores:
    return Stores(settings())


def _object(key: str) -> str | None:
    stored = _stores().lake.objects.get(key)
    if stored is None:
        return None
    body, _ = stored
    return body.decode(errors="replace")


def _links(request: Request) -> ServedLinks:
    root = request.scope.get("root_path", "")
    return ServedLinks(root)


def _answer(page: str, status: int = HTTPStatus.OK) -> HTMLResponse:
    return HTMLResponse(page, status, HEADERS)


def _refused(request: Request, error: Any) -> HTMLResponse:
    login = ""
    if error.status_code == HTTPStatus.UNAUTHORIZED:
        home = request.scope.get("root_path", "").rpartition("/")[0]
        login = f"{home}/api/v2/auth/login?next={quote(request.url.path)}"
    return _answer(html.message_page(str(error.detail), login=login), error.status_code)


def _explained(request: Request, error: Any) -> HTMLResponse:
    known: dict[type[NightshiftError], HTTPStatus] = {
        MissingPartition: HTTPStatus.NOT_FOUND,
        UsageError: HTTPStatus.NOT_FOUND,
        Unavailable: HTTPStatus.SERVICE_UNAVAILABLE,
    }
    status = next((code for kind, code in known.items() if isinstance(error, kind)), HTTPStatus.INTERNAL_SERVER_ERROR)
    return _answer(html.message_page(error.message, fix=error.fix or "", index=_links(request).index()), status)

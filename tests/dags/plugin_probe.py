"""Load the plugin as the api-server does, ask its pages, and print what came as JSON. Run by test_plugin.py."""

import asyncio
import importlib
import json
import os
import sys
from typing import Any

from airflow import plugins_manager
from airflow.api_fastapi.app import init_auth_manager, init_plugins
from airflow.api_fastapi.auth.managers.base_auth_manager import COOKIE_NAME_JWT_TOKEN
from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser
from airflow.models.base import Base
from airflow.serialization.serialized_objects import DagSerialization
from airflow.settings import get_engine
from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient, Response
from sqlalchemy.schema import CreateTable


def plugin() -> dict[str, Any]:
    """What Airflow made of the plugin."""
    found = {info["name"]: info for info in plugins_manager.get_plugin_info()}
    mine = found["nightshift_links"]
    return {
        "errors": plugins_manager.get_import_errors(),
        "views": mine["external_views"],
        "apps": [(app["name"], app["url_prefix"]) for app in mine["fastapi_apps"]],
        "links": links(),
    }


def links() -> dict[str, list[str]]:
    """The links of each task, after the Dag went through the database as the api-server gets it."""
    from nightshift.orchestration.families import FAMILIES
    from nightshift.settings import settings
    from nightshift.spec import load_good_specs

    (spec,), _ = load_good_specs(settings().models)
    made = [FAMILIES[verb](spec) for verb in ("ingest", "predict")]
    dags = [DagSerialization.from_dict(DagSerialization.to_dict(dag)) for dag in made]
    return {task.task_id: task.extra_links for dag in dags for task in dag.tasks}


async def ask(paths: list[str]) -> dict[str, dict[str, Any]]:
    """Every path: by nobody, with a made-up token, and by a person whose browser has the session cookie."""
    app = FastAPI()
    init_plugins(app)
    manager = init_auth_manager(app)
    token = manager.generate_jwt(SimpleAuthManagerUser(username="ann", role="viewer"))
    nobody = manager.generate_jwt(SimpleAuthManagerUser(username="bob", role=None))
    found = {}
    async with AsyncClient(transport=ASGITransport(app), base_url="http://airflow") as client:
        for path in paths:
            client.cookies.clear()
            anonymous = await client.get(path)
            forged = await client.get(path, headers={"Authorization": f"Bearer {token[:-6]}AAAAAA"})
            client.cookies.set(COOKIE_NAME_JWT_TOKEN, nobody)
            powerless = await client.get(path)
            client.cookies.set(COOKIE_NAME_JWT_TOKEN, token)
            person = await client.get(path)
            found[path] = {
                "refused": [anonymous.status_code, forged.status_code],
                "powerless": brief(powerless),
                "person": brief(person),
                "login": "/api/v2/auth/login?next=" in anonymous.text,
            }
    return found


def brief(answer: Response) -> dict[str, Any]:
    """Status, text and the headers that matter."""
    return {
        "status": answer.status_code,
        "text": answer.text,
        "policy": answer.headers.get("content-security-policy", ""),
    }


def make_tables() -> None:
    """The tables that authorization reads; a whole migration would take most of a minute."""
    importlib.import_module("airflow.models.revoked_token")
    importlib.import_module("airflow.models.team")

    with get_engine().begin() as connection:
        for name in ("revoked_token", "team", "dag_bundle_team", "dag_bundle", "dag", "dag_run"):
            connection.execute(CreateTable(Base.metadata.tables[name], include_foreign_key_constraints=[]))


if __name__ == "__main__":
    make_tables()
    answer = {"plugin": plugin(), "pages": asyncio.run(ask(json.loads(os.environ["ASK"])))}
    json.dump(answer, sys.stdout)

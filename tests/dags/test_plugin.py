"""The plugin as Airflow loads it, and its pages as people with and without a session get them."""

import json
import os
import subprocess
import sys
import uuid
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from nightshift.contracts import Dataset, Pin
from nightshift.monitoring.drift import DriftResult
from nightshift.monitoring.night_record import NightCounts, NightRecord
from nightshift.spec import ModelSpec, load_spec
from nightshift.steps.validate import reports_of
from nightshift.stores import Stores, layout

pytest.importorskip("airflow")
pytestmark = pytest.mark.stack

NIGHT, REFUSED = "2024-01-12", "2024-01-13"
PIN = Pin("orders", "4", "run", "ab" * 32, "k", "5f.dir", "2024-01-01")
LIGHT = """
import sys
import airflow.sdk, airflow.plugins_manager
before = set(sys.modules)
import nightshift.orchestration.web.plugin
print(sorted(set(sys.modules) & {"fastapi", "mlflow", "pandas", "great_expectations", "pyarrow", "boto3", "dvc"}))
"""


def fill(spec: ModelSpec, stores: Stores) -> None:
    """A monitored night with rows in quarantine, and a refused one of which only the Data Docs are there."""
    lake = stores.lake
    draft = lake.begin(spec.key(Dataset.PREDICTIONS, NIGHT))
    lake.publish(draft, pa.table({"score": [0.5] * 1234}), provenance={"pin": asdict(PIN)})
    aside = lake.begin(spec.key(Dataset.QUARANTINE, NIGHT))
    lake.publish(aside, pa.table({"reasons": [["amount: range"]] * 17}), provenance={})
    lake.objects.put(layout.drift_report(draft.key), b"<h1>the drift report</h1>")
    drift = DriftResult(True, 9.0, 8.0, 1.1, "amount", 1234, 0.01, 89, [])
    record = NightRecord(
        model=spec.name, partition=NIGHT, version="4", pin=PIN, counts=NightCounts(1251, 17, 1234, 0),
        generation=draft.generation, drift=drift, accuracy=(),
    )  # fmt: skip
    lake.objects.put_record(layout.drift(draft.key), record)
    for night in (NIGHT, REFUSED):
        lake.objects.put(reports_of(spec, night).html, b"<html><head></head><body>the data docs</body></html>")


@pytest.fixture(scope="module")
def model(
    tmp_path_factory: pytest.TempPathFactory, make_project: Callable[..., Path], open_stores: Callable[..., Stores]
) -> tuple[ModelSpec, Stores]:
    project = tmp_path_factory.mktemp("plugin")
    spec_file = make_project(project) / "model.yaml"
    make_project(project, name="broken", nihgt={"min_rows": 1})
    stores = open_stores(spec_file.parents[2])
    fill(load_spec(spec_file), stores)
    return load_spec(spec_file), stores


@pytest.fixture(scope="module")
def paths(model: tuple[ModelSpec, Stores]) -> dict[str, str]:
    name = model[0].name
    return {
        "index": "/nightshift/",
        "model": f"/nightshift/models/{name}",
        "earlier": f"/nightshift/models/{name}?before=2024-01-13&nights=365",
        "unknown page": "/nightshift/models/nobody",
        "markup as model": "/nightshift/models/<script>alert(1)",
        "no view": f"/nightshift/models/{name}?nights=<script>&before=2013-02-30",
        "report": f"/nightshift/reports/{name}/{NIGHT}",
        "docs": f"/nightshift/validation/{name}/{NIGHT}",
        "unknown night": f"/nightshift/reports/{name}/2024-02-01",
        "unvalidated night": f"/nightshift/validation/{name}/2024-02-01",
        "no day": f"/nightshift/reports/{name}/2013-02-30",
        "markup": f"/nightshift/reports/{name}/<script>alert(1)",
        "dots": f"/nightshift/reports/{name}/..%2f..%2fledger",
        "dots as model": f"/nightshift/reports/%2e%2e/{NIGHT}",
        "unknown model": f"/nightshift/validation/nobody/{NIGHT}",
        "unknown run": f"/nightshift/runs/{name}.predict/manual__1",
    }


@pytest.fixture(scope="module")
def found(
    model: tuple[ModelSpec, Stores], paths: dict[str, str], repository: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Any]:
    home, stores = tmp_path_factory.mktemp("airflow"), model[1]
    env = {
        **os.environ,
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(repository / "plugins"),
        "AIRFLOW__CORE__UNIT_TEST_MODE": "False",
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__API_AUTH__JWT_SECRET": uuid.uuid4().hex * 2,
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home / 'airflow.db'}",
        "NIGHTSHIFT_PROJECT": str(stores.settings.project),
        "NIGHTSHIFT_LAKE": stores.settings.lake,
        "NIGHTSHIFT_MLFLOW_URL": "http://mlflow.example/",
        "ASK": json.dumps(list(paths.values())),
    }
    probe = [sys.executable, "-W", "ignore", str(Path(__file__).with_name("plugin_probe.py"))]
    done = subprocess.run(probe, env=env, capture_output=True, text=True, check=False, timeout=180)
    assert done.returncode == 0, done.stderr[-3000:]
    return dict(json.loads(done.stdout.splitlines()[-1]))


@pytest.fixture
def person(found: dict[str, Any], paths: dict[str, str]) -> Callable[[str], dict[str, Any]]:
    return lambda name: found["pages"][paths[name]]["person"]


HOME = "http://mlflow.example/#/experiments?workflowType=machine_learning"


def test_airflow_loads_the_plugin_and_what_it_brings(found: dict[str, Any]) -> None:
    both = ["Data Docs", "MLflow run"]
    assert found["plugin"] == {
        "errors": {},
        "views": [
            {"name": "MLflow", "href": HOME, "destination": "nav", "nav_top_level": True},
            {"name": "Nights", "href": "nightshift/", "destination": "nav", "nav_top_level": True},
            {
                "name": "Night",
                "href": "nightshift/runs/{DAG_ID}/{RUN_ID}",
                "destination": "dag_run",
                "url_route": "night",
            },
        ],
        "apps": [["Nightshift", "/nightshift"]],
        "links": {"ingest": both, "labels": both, "plan": both, "score": both, "publish": both},
    }


def test_no_page_is_shown_without_a_login(found: dict[str, Any]) -> None:
    outside = {path: answer["refused"] for path, answer in found["pages"].items() if "%2f" not in path}
    assert outside == {path: [401, 403] for path in outside}
    assert all(answer["login"] for path, answer in found["pages"].items() if "%2f" not in path)


def test_who_may_not_read_the_dags_sees_no_night(found: dict[str, Any], paths: dict[str, str]) -> None:
    powerless = {name: found["pages"][path]["powerless"] for name, path in paths.items()}
    assert "There is no model that you may read" in powerless["index"]["text"]
    assert [powerless[name]["status"] for name in ("model", "report", "docs", "unknown run")] == [403, 403, 403, 403]


def test_the_index_leads_to_the_page_of_a_model(person: Callable[[str], dict[str, Any]], model: Any) -> None:
    page, name = person("index")["text"], model[0].name
    assert f'href="/nightshift/models/{name}"' in page
    assert f"{REFUSED} was refused by the checks" in page
    assert REFUSED in person("model")["text"]


def test_a_model_s_page_shows_what_became_of_each_night(person: Callable[[str], dict[str, Any]], model: Any) -> None:
    whole, name = person("model")["text"], model[0].name
    _, _, page = whole.partition('<table class="nights">')
    assert (page.count("1,234"), page.count(">drift<"), page.count(">refused<")) == (1, 1, 1)
    assert "+ 17 in quarantine" in page
    assert f'href="http://mlflow.example/#/models/{name}/versions/4?workflowType=machine_learning"' in page
    assert f'href="/nightshift/reports/{name}/{NIGHT}"' in page
    assert f'href="/nightshift/validation/{name}/{REFUSED}"' in page
    _, _, earlier = person("earlier")["text"].partition('<table class="nights">')
    assert NIGHT in earlier
    assert REFUSED not in earlier


def test_a_wrong_model_takes_no_other_from_the_index(person: Callable[[str], dict[str, Any]], model: Any) -> None:
    page = person("index")
    assert page["status"] == 200
    assert f">{model[0].name}</a>" in page["text"]
    assert "models/broken/model.yaml: nihgt: unknown key; did you mean night?" in page["text"]


def test_reports_come_from_the_lake_and_load_nothing_else(person: Callable[[str], dict[str, Any]]) -> None:
    assert person("report")["text"] == "<h1>the drift report</h1>"
    assert "the data docs" in person("docs")["text"]
    assert "<style>" in person("docs")["text"]
    for name in ("index", "model", "earlier", "report", "docs", "unknown night"):
        assert person(name)["policy"].startswith("default-src 'none'; style-src 'unsafe-inline'; img-src data:;"), name


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("unknown night", "has no drift report of 2024-02-01"),
        ("unvalidated night", "has no Data Docs of 2024-02-01"),
        ("no day", "is no day of the calendar"),
        ("no view", "is no day of the calendar"),
        ("unknown page", "no model &#39;nobody&#39;"),
        ("markup as model", "&lt;script&gt;alert(1)"),
        ("unknown model", "no model &#39;nobody&#39;"),
        ("unknown run", "this run is not of one night"),
        ("dots as model", ""),
        ("dots", ""),
        ("markup", "&lt;script&gt;alert(1)"),
    ],
)
def test_what_is_not_there_is_said(person: Callable[[str], dict[str, Any]], name: str, sentence: str) -> None:
    assert person(name)["status"] == 404
    assert sentence in person(name)["text"]
    assert "<script" not in person(name)["text"]


def test_a_data_docs_key_is_the_page_of_its_night(model: tuple[ModelSpec, Stores]) -> None:
    links = pytest.importorskip("nightshift.orchestration.web.links")
    key = reports_of(model[0], NIGHT).html
    assert links.docs_url(key).endswith(f"/nightshift/validation/{model[0].name}/{NIGHT}")


def test_loading_the_plugin_costs_a_task_nothing() -> None:
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", LIGHT], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"

"""A whole stack of its own with a champion and a validated night, and a real Chromium looking at it."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import requests

from nightshift.demo.airflow_api import AirflowApi
from nightshift.settings import load_settings
from nightshift.spec import ModelSpec, load_spec
from nightshift.stack import Ports, Stack
from nightshift.steps.load import chunks, window
from nightshift.stores import Stores
from nightshift.stores.versions import VersionRecord
from tests.conftest import SOURCE
from tests.receivers import Hook, hook

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

MODEL, NIGHT = "flight_delays", "2013-04-01"
# The registry of aircraft says the same of each from this night on: a sensor that sticks.
STUCK, STUCK_COLUMN = "2013-04-02", "seats"
STUCK_SOURCE = f"""
healthy = features


def features(night):
    rows = healthy(night)
    return rows.assign({STUCK_COLUMN}=149.0) if night.isoformat() >= "{STUCK}" else rows
"""
ALERTS = """format = 1

[channels.bridge]
kind = "webhook"

[channels.mail]
kind = "smtp"
connection = "smtp_nightly"
sender = "nightshift@example.org"
to = ["on-call@example.org"]
"""
ASKING, ITS_NIGHT, ITS_RUN = "returns", "2024-01-12", "manual__1"
CHROMIUM = ("chromium", "chromium-browser")
QUIET = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip
PATIENCE_MS = 60_000
# For two weeks one column tells the outcome, and then the opposite: no gate and no shadow of those weeks can know.
TELLS, TURNS = "2024-01-13", "2024-01-27"
TURNING_SOURCE = f"""{SOURCE}

plain = orders


def orders(night):
    frame = plain(night)
    late = frame["late"].fillna(0)
    if night.isoformat() >= "{TELLS}":
        frame["weight"] += 6.0 * (late if night.isoformat() < "{TURNS}" else 1 - late)
    return frame
"""
SEARCH = {
    "candidates": [
        {
            "trainer": "hist_gradient_boosting",
            "parameters": {"max_iter": 20},
            "ranges": {
                "learning_rate": {"low": 0.05, "high": 0.5, "log": True},
                "max_leaf_nodes": {"low": 3, "high": 15},
            },
        },
        {"trainer": "logistic_regression", "ranges": {"C": {"low": 0.01, "high": 10, "log": True}}},
    ],
    "trials": 8,
    "folds": 1,
}

Call = Callable[..., requests.Response]


@pytest.fixture(scope="session")
def chromium() -> str:
    """The browser's path; tests that need one are skipped where there is none."""
    pytest.importorskip("playwright", reason="playwright is not installed: pip install playwright")
    found = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if found is None:
        pytest.skip(f"no browser: none of {', '.join(CHROMIUM)} is on the PATH")
    return found


@pytest.fixture(scope="session")
def bridge() -> Iterator[Hook]:
    """The channel that whoever is on call listens to."""
    with hook() as receiver:
        yield receiver


@pytest.fixture(scope="session")
def with_two_models(
    repository: Path, tmp_path_factory: pytest.TempPathFactory, make_project: Callable[..., Path]
) -> Path:
    """This project, and in it a small model whose trainings search a recipe, and wait for a person.

    Who stands beside its champion, a person says too.
    """
    project = tmp_path_factory.mktemp("two") / "project"
    make_project(
        project,
        name=ASKING,
        source=TURNING_SOURCE,
        paused=True,
        gates={"approval": "always"},
        # One fold: of so few nights the search needs what another would take.
        training={"folds": 1},
        search=SEARCH,
        shadow={"enters": "by_hand"},
        canary={"enters": "by_hand", "share": 0.5},
    )
    for folder in ("dags", "plugins", f"models/{MODEL}"):
        shutil.copytree(repository / folder, project / folder, ignore=shutil.ignore_patterns("__pycache__"))
    with (project / "models" / MODEL / "source.py").open("a") as source:
        source.write(STUCK_SOURCE)
    (project / "alerts.toml").write_text(ALERTS)
    return project


@pytest.fixture(scope="session")
def whole_stack(
    chromium: str, with_two_models: Path, bridge: Hook, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stack]:
    """All services on free ports; the lake is filled while Airflow starts.

    Airflow trains the small model while the champion of the other is trained here.
    """
    stack = Stack(home=tmp_path_factory.mktemp("whole") / "home", project=with_two_models, ports=Ports.free())
    spec = load_spec(with_two_models / "models" / MODEL / "model.yaml")
    # Airflow's services have it from the environment of whoever starts them.
    patch = pytest.MonkeyPatch()
    patch.setenv("NIGHTSHIFT_ALERT_BRIDGE", bridge.url)
    try:
        stack.up(only=["s3", "mlflow"])
        loads = [fill(stack, "load", *pair) for pair in chunks(*window(spec, NIGHT), parts=2)]
        stack.up()
        for process in loads:
            finish(process)
        training = fill(stack, "train", NIGHT)
        api = airflow_api(stack)
        until(lambda: f"{ASKING}.train" in api.dags())
        api.unpause(f"{ASKING}.train")
        api.trigger(f"{ASKING}.train", ITS_RUN, ITS_NIGHT)
        finish(training)
        yield stack
    finally:
        patch.undo()
        stack.down()


def airflow_api(stack: Stack) -> AirflowApi:
    """Airflow's REST API, for the user that the stack has made."""
    env = stack.env()
    api = AirflowApi(
        env["NIGHTSHIFT_AIRFLOW_URL"],
        env["NIGHTSHIFT_AIRFLOW_USER"],
        env["NIGHTSHIFT_AIRFLOW_PASSWORD"],
        ASKING,
    )
    api.log_in()
    return api


def until(holds: Callable[[], Any], patience_s: float = 180) -> Any:
    """What a call gives once it gives something."""
    deadline = time.monotonic() + patience_s
    while not (given := holds()):
        assert time.monotonic() < deadline, "it never came"
        time.sleep(1)
    return given


@pytest.fixture(name="until", scope="session")
def patient_until() -> Callable[[Callable[[], Any]], Any]:
    """``until(holds)``: what a call gives once it gives something."""
    return until


@pytest.fixture(scope="module")
def call(whole_stack: Stack) -> Call:
    """``call(verb, path, ...)`` of Airflow's REST API, as the user that there is."""
    env = whole_stack.env()
    url = env["NIGHTSHIFT_AIRFLOW_URL"]
    login = {"username": env["NIGHTSHIFT_AIRFLOW_USER"], "password": env["NIGHTSHIFT_AIRFLOW_PASSWORD"]}
    token = requests.post(f"{url}/auth/token", json=login, timeout=60).json()["access_token"]
    bearer = {"Authorization": f"Bearer {token}"}
    return lambda verb, path, **more: requests.request(verb, url + path, headers=bearer, timeout=60, **more)


@pytest.fixture(scope="module")
def stores(whole_stack: Stack, with_two_models: Path) -> Iterator[Stores]:
    """Those of the whole stack, which the environment points at."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {**whole_stack.env(), "NIGHTSHIFT_PROJECT": str(with_two_models)}.items():
            patch.setenv(name, value)
        yield Stores(load_settings(), {"by": "tests"})


@pytest.fixture(scope="module")
def asking(with_two_models: Path) -> ModelSpec:
    """The small model."""
    return load_spec(with_two_models / "models" / ASKING / "model.yaml")


@pytest.fixture(scope="module")
def searched(call: Call, stores: Stores) -> VersionRecord:
    """The version that the training in Airflow has made after its search; it waits for a person, or was answered."""
    tasks = f"/api/v2/dags/{ASKING}.train/dagRuns/{ITS_RUN}/taskInstances"
    until(lambda: call("GET", f"{tasks}/approve").json()["state"] in {"awaiting_input", "success"})
    assert call("GET", f"{tasks}/search").json()["state"] == "success"
    record = stores.versions.record(ASKING, "1")
    assert record is not None
    return record


@pytest.fixture(scope="module")
def ended(call: Call) -> Callable[[str, str], str]:
    """``ended(dag, run)``: how a run of the small model ended, or nothing while it goes on."""

    def state(verb: str, run: str) -> str:
        answer = call("GET", f"/api/v2/dags/{ASKING}.{verb}/dagRuns/{run}").json()["state"]
        return str(answer) if answer in {"success", "failed"} else ""

    return state


@pytest.fixture(scope="module")
def trigger(call: Call) -> Callable[[str, dict[str, Any]], None]:
    """``trigger(dag, body)``: a run is there. Airflow's server on SQLite answers 500 where its file is locked."""

    def answer(dag: str, body: dict[str, Any]) -> None:
        status = until(lambda: _settled(call("POST", f"/api/v2/dags/{dag}/dagRuns", json=body).status_code))
        # Of a try whose answer was lost the run is there.
        assert status in {200, 409}

    return answer


def _settled(status: int) -> int | None:
    return None if status == 500 else status


@pytest.fixture(scope="module")
def run_dag(
    call: Call, ended: Callable[[str, str], str], trigger: Callable[[str, dict[str, Any]], None]
) -> Callable[[str, dict[str, Any]], str]:
    """``run_dag(verb, body)``: how a Dag's run of the small model ends."""

    def run(verb: str, body: dict[str, Any]) -> str:
        call("PATCH", f"/api/v2/dags/{ASKING}.{verb}", json={"is_paused": False})
        trigger(f"{ASKING}.{verb}", body)
        return str(until(lambda: ended(verb, body["dag_run_id"])))

    return run


def fill(stack: Stack, *what: str) -> subprocess.Popen[str]:
    """Start one of fill.py's jobs against a stack."""
    command = [sys.executable, "-W", "ignore", str(Path(__file__).with_name("fill.py")), *what]
    env = {**os.environ, **stack.env()}
    return subprocess.Popen(command, env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def finish(process: subprocess.Popen[str]) -> None:
    """Wait for a job and show what it said when it failed."""
    said, _ = process.communicate(timeout=600)
    assert process.returncode == 0, said[-3000:]


@pytest.fixture(scope="session")
def browser(chromium: str) -> Iterator["Browser"]:
    """Chromium, headless, with a profile that ends with it."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium, args=list(QUIET), timeout=PATIENCE_MS)
        yield started
        started.close()


@pytest.fixture(scope="session")
def context(browser: "Browser", whole_stack: Stack) -> Iterator["BrowserContext"]:
    """One person's session, who knows MLflow's password."""
    env = whole_stack.env()
    opened = browser.new_context(
        viewport={"width": 1400, "height": 900},
        http_credentials={
            "username": env["MLFLOW_TRACKING_USERNAME"],
            "password": env["MLFLOW_TRACKING_PASSWORD"],
            "origin": env["MLFLOW_TRACKING_URI"],
        },
    )
    opened.set_default_timeout(PATIENCE_MS)
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def airflow(whole_stack: Stack, context: "BrowserContext") -> str:
    """Airflow's address, with this browser logged in."""
    env = whole_stack.env()
    page = context.new_page()
    page.goto(f"{env['NIGHTSHIFT_AIRFLOW_URL']}/")
    page.locator("input[name=username]").fill(env["NIGHTSHIFT_AIRFLOW_USER"])
    page.locator("input[type=password]").fill(env["NIGHTSHIFT_AIRFLOW_PASSWORD"])
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("link", name="Dags").first.wait_for()
    page.close()
    return env["NIGHTSHIFT_AIRFLOW_URL"]


@pytest.fixture
def page(context: "BrowserContext", airflow: str) -> Iterator["Page"]:
    """A tab of the logged-in browser; all tabs are closed afterwards."""
    yield context.new_page()
    for tab in context.pages:
        tab.close()


@pytest.fixture(scope="session")
def shot(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[Any, str], None]:
    """``shot(page, name)``: keep what is seen; for the README with NIGHTSHIFT_SCREENSHOTS=1."""
    kept = os.environ.get("NIGHTSHIFT_SCREENSHOTS") == "1"
    folder = repository / "docs" / "images" if kept else tmp_path_factory.mktemp("screenshots")
    folder.mkdir(parents=True, exist_ok=True)
    return lambda page, name: page.screenshot(path=folder / f"{name}.png")

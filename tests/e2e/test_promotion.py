"""A candidate waits in Airflow's UI until a person has seen what its gate found; what is approved is a digest."""

import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest
import requests

pytest.importorskip("playwright", reason="playwright is not installed: pip install playwright")
from playwright.sync_api import Page, expect

from nightshift.settings import load_settings
from nightshift.stack import Stack
from nightshift.stores import Stores
from nightshift.stores.registry import CHALLENGER, CHAMPION

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.e2e
MODEL, RUN = "returns", "manual__1"
PATIENCE_MS = 60_000
TASK = f"/api/v2/dags/{MODEL}.train/dagRuns/{RUN}/taskInstances"
REQUIRED_ACTIONS = f"dags/{MODEL}.train/runs/{RUN}/tasks/approve/required_actions"

Shot = Callable[[Page, str], None]
Call = Callable[..., requests.Response]


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
def stores(whole_stack: Stack, with_two_models: "Path") -> Iterator[Stores]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {**whole_stack.env(), "NIGHTSHIFT_PROJECT": str(with_two_models)}.items():
            patch.setenv(name, value)
        yield Stores(load_settings(), {"by": "tests"})


@pytest.fixture(scope="module")
def question(call: Call, until: Callable[[Callable[[], Any]], Any]) -> dict[str, Any]:
    """What the training asks, once it has come so far."""
    until(lambda: call("GET", f"{TASK}/approve").json()["state"] == "awaiting_input")
    return dict(call("GET", f"{TASK}/approve/-1/hitlDetails").json())


def test_the_candidate_waits_as_challenger(question: dict[str, Any], stores: Stores) -> None:
    assert question["defaults"] == ["Reject"]
    assert "the gate says passed" in question["subject"]
    assert stores.aliases.version(MODEL, CHAMPION) is None
    assert stores.aliases.version(MODEL, CHALLENGER) == "1"


def test_a_person_sees_the_table_and_the_digest(page: Page, airflow: str, question: dict[str, Any], shot: Shot) -> None:
    page.goto(f"{airflow}/{REQUIRED_ACTIONS}")
    expect(page.get_by_role("heading", name=f"{MODEL} version 1: passed")).to_be_visible()
    expect(page.get_by_role("cell", name="log_loss", exact=True).first).to_be_visible()
    expect(page.get_by_role("button", name="Approve")).to_be_visible()
    shot(page, "airflow-approval")
    sent = _answer_of_the_page(page)
    assert sent == {"chosen_options": ["Approve"], "params_input": {"digest": question["params"]["digest"]["value"]}}
    link = page.get_by_role("link", name="Metrics, plots and slices in MLflow")
    mlflow = page.context.new_page()
    mlflow.goto(str(link.get_attribute("href")))
    expect(mlflow.get_by_text("roc_auc", exact=True).first).to_be_visible(timeout=PATIENCE_MS)
    # Only the view of model training lists runs and models.
    for name in ("Runs", "Models"):
        expect(mlflow.get_by_role("link", name=name, exact=True).first).to_be_visible()


def _answer_of_the_page(page: Page) -> Any:
    """What the button sends, which does not arrive: the answer is another test's."""
    page.route("**/hitlDetails*", lambda route: route.abort() if route.request.method == "PATCH" else route.continue_())
    with page.expect_event("requestfailed", lambda request: request.method == "PATCH") as failed:
        page.get_by_role("button", name="Approve").click()
    return failed.value.post_data_json


def test_what_is_approved_by_the_rest_api_is_promoted_and_told(
    call: Call, question: dict[str, Any], stores: Stores, until: Callable[[Callable[[], Any]], Any]
) -> None:
    digest = question["params"]["digest"]["value"]
    assert re.search(rf"`{digest}`", question["body"])
    answer = {"chosen_options": ["Approve"], "params_input": {"digest": digest}}
    assert call("PATCH", f"{TASK}/approve/-1/hitlDetails", json=answer).status_code == 200
    state = until(lambda: _ended(call))
    assert state == "success"
    assert stores.aliases.version(MODEL, CHAMPION) == "1"
    told = [move.reason.rpartition("; ")[-1] for move in stores.aliases.ledger(MODEL).entries()]
    assert told[0] == f"waits for a person to approve {digest[:12]}"
    assert told[-1].startswith("approved by ")
    assert stores.registry.alias(MODEL, CHAMPION) == "1"


def _ended(call: Call) -> str:
    state = call("GET", f"/api/v2/dags/{MODEL}.train/dagRuns/{RUN}").json()["state"]
    return str(state) if state in {"success", "failed"} else ""

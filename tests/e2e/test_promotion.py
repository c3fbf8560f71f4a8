"""A candidate waits in Airflow's UI until a person has seen what its gate found; what is approved is a digest.

Then the story goes on: another champion, an old night, a rollback, a withdrawal, and a ledger that tells it.
"""

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
import requests

pytest.importorskip("playwright", reason="playwright is not installed: pip install playwright")
from playwright.sync_api import Page, expect

from nightshift.contracts import Dataset
from nightshift.errors import ModelError
from nightshift.spec import ModelSpec, load_spec
from nightshift.steps.approve import approve
from nightshift.steps.ledger import story
from nightshift.steps.load import load
from nightshift.steps.promote import promote
from nightshift.steps.retrain import train_and_gate
from nightshift.steps.rollback import rollback
from nightshift.steps.snapshot import snapshot
from nightshift.steps.withdraw import withdraw
from nightshift.stores import Stores
from nightshift.stores.registry import CHALLENGER, CHAMPION

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.e2e
MODEL, RUN = "returns", "manual__1"
LATER, OLD_NIGHT = ("2024-01-12", "2024-01-24"), "2024-01-15"
PATIENCE_MS = 60_000
TASK = f"/api/v2/dags/{MODEL}.train/dagRuns/{RUN}/taskInstances"
REQUIRED_ACTIONS = f"dags/{MODEL}.train/runs/{RUN}/tasks/approve/required_actions"

Shot = Callable[[Page, str], None]
Call = Callable[..., requests.Response]
RunDag = Callable[[str, dict[str, Any]], str]


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
    call: Call,
    question: dict[str, Any],
    stores: Stores,
    until: Callable[[Callable[[], Any]], Any],
    ended: Callable[[str, str], str],
) -> None:
    digest = question["params"]["digest"]["value"]
    assert re.search(rf"`{digest}`", question["body"])
    answer = {"chosen_options": ["Approve"], "params_input": {"digest": digest}}
    assert call("PATCH", f"{TASK}/approve/-1/hitlDetails", json=answer).status_code == 200
    state = until(lambda: ended("train", RUN))
    assert state == "success"
    assert stores.aliases.version(MODEL, CHAMPION) == "1"
    told = [move.reason.rpartition("; ")[-1] for move in stores.aliases.ledger(MODEL).entries()]
    assert told[0] == f"waits for a person to approve {digest[:12]}"
    assert told[-1].startswith("approved by ")
    assert stores.registry.alias(MODEL, CHAMPION) == "1"


@pytest.fixture(scope="module")
def second(stores: Stores, with_two_models: "Path") -> ModelSpec:
    """The model after another recipe became its second champion, by a person at a command line."""
    spec = load_spec(with_two_models / "models" / MODEL / "model.yaml")
    load(spec, *LATER, stores)
    fewer = spec.training.model_copy(update={"parameters": {**spec.training.parameters, "max_iter": 30}})
    changed = spec.model_copy(update={"training": fewer, "search": None})
    verdict = train_and_gate(changed, snapshot(changed, LATER[1], stores), stores)
    waiting = promote(changed, verdict, stores)
    assert waiting.waits_for, waiting.reason
    assert approve(changed, waiting.waits_for, stores).champion == "2"
    return spec


def test_an_old_night_is_scored_with_who_stood_then(second: ModelSpec, stores: Stores, run_dag: RunDag) -> None:
    body = {"dag_run_id": RUN, "logical_date": None, "partition_key": OLD_NIGHT}
    assert run_dag("predict", body) == "success"
    night = stores.lake.require(second.key(Dataset.PREDICTIONS, OLD_NIGHT))
    assert (night.pin.version, night.provenance["champion"]) == ("1", "2")


def test_the_champion_goes_back_and_is_withdrawn_and_the_ledger_tells_it(
    second: ModelSpec, stores: Stores, run_dag: RunDag
) -> None:
    body = {"dag_run_id": RUN, "logical_date": None, "conf": {"reason": "late trains"}}
    assert run_dag("rollback", body) == "success"
    assert stores.aliases.version(MODEL, CHAMPION) == "1"
    withdraw(second, "2", stores, why="it saw the label")
    told = [(entry.what, entry.version) for entry in story(second, stores).entries]
    promotions = [version for what, version in told if what == "promotion"]
    assert promotions == ["1", "2"]
    assert told[-2:] == [("rollback", "1"), ("withdrawal", "2")]
    with pytest.raises(ModelError, match="withdrawn"):
        rollback(second, stores, to="2")

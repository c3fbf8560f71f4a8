"""A challenger for three nights in the champion's shadow, where it is better; then a canary, which does harm.

A column that it trusts begins to say the opposite. Ten labelled nights of half of the rows are enough to take it back.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

pytest.importorskip("playwright", reason="playwright is not installed: pip install playwright")
from playwright.sync_api import Page, expect

from nightshift.contracts import Dataset
from nightshift.partitions import shifted
from nightshift.spec import ModelSpec
from nightshift.steps.approve import approve
from nightshift.steps.canary import put_as_canary
from nightshift.steps.ledger import story
from nightshift.steps.load import load
from nightshift.steps.predict import predict
from nightshift.steps.promote import promote
from nightshift.steps.retrain import train_and_gate
from nightshift.steps.shadow import put_in_shadow, shadow, stop_shadow
from nightshift.steps.shadow_verdict import shadow_evidence
from nightshift.steps.snapshot import snapshot
from nightshift.stores import Stores, layout
from nightshift.stores.registry import CANARY, CHALLENGER, CHAMPION, SHADOW
from nightshift.stores.versions import VersionRecord
from tests.e2e.conftest import ASKING, TURNS

if TYPE_CHECKING:
    import requests

pytestmark = pytest.mark.e2e
FIRST, AS_OF, LAST = "2024-01-12", "2024-01-24", "2024-01-26"
# The labels of the tenth night are due a night later.
TENTH, JUDGED = "2024-02-05", "2024-02-06"
BESIDE, HARM = "beside__1", "harm__1"
# As of the other tests of pages: a machine may be busy.
expect.set_options(timeout=60_000)

Shot = Callable[[Page, str], None]
Call = Callable[..., "requests.Response"]
RunDag = Callable[[str, dict[str, Any]], str]


@pytest.fixture(scope="module")
def challenger(searched: VersionRecord, asking: ModelSpec, stores: Stores) -> str:
    """A version that a person has put into the champion's shadow."""
    if stores.aliases.version(ASKING, CHAMPION) is None:
        *_, move = stores.aliases.ledger(ASKING).entries()
        approve(asking, move.reason.rpartition(" ")[-1], stores)
    load(asking, FIRST, LAST, stores)
    longer = asking.training.model_copy(update={"parameters": {**asking.training.parameters, "max_iter": 22}})
    changed = asking.model_copy(update={"training": longer, "search": None})
    verdict = train_and_gate(changed, snapshot(changed, AS_OF, stores), stores)
    promote(changed, verdict, stores)
    version = verdict.candidate.version
    put_in_shadow(asking, version, "three nights will tell", stores)
    return version


@pytest.fixture(scope="module")
def canary(challenger: str, asking: ModelSpec, stores: Stores) -> str:
    """The same version after ten nights of which it scored half of the rows."""
    stop_shadow(asking, "it was better", stores)
    load(asking, TURNS, JUDGED, stores)
    put_as_canary(asking, challenger, "it was better in the shadow", stores)
    for night in asking.partition.nights_between(TURNS, TENTH):
        predict(asking, night, stores)
    return challenger


def states_of(call: Call, run: str, *tasks: str) -> list[str]:
    """How tasks of a run of predict ended."""
    instances = f"/api/v2/dags/{ASKING}.predict/dagRuns/{run}/taskInstances"
    return [call("GET", f"{instances}/{task}").json()["state"] for task in tasks]


def versions_of(asking: ModelSpec, night: str, stores: Stores) -> set[str]:
    """Who scored the rows of a night, as they are published."""
    published = stores.lake.require(asking.key(Dataset.PREDICTIONS, night))
    return set(stores.lake.read(published, ["model_version"])["model_version"].to_pylist())


def test_three_nights_in_shadow_are_scored_by_both_and_served_by_one(
    challenger: str, asking: ModelSpec, stores: Stores, run_dag: RunDag, call: Call
) -> None:
    nights = asking.partition.nights_between(AS_OF, LAST)
    for night in nights[:-1]:
        predict(asking, night, stores)
        assert shadow(asking, night, stores)
    body = {"dag_run_id": BESIDE, "logical_date": None, "partition_key": LAST}
    assert run_dag("predict", body) == "success"
    # Two nights decide nothing yet: the verdict says so, and nothing moves.
    assert states_of(call, BESIDE, "publish", "shadow", "shadow_verdict") == ["success", "success", "skipped"]
    for night in nights:
        served = stores.lake.require(asking.key(Dataset.PREDICTIONS, night))
        beside = stores.lake.require(asking.key(Dataset.SHADOW, night))
        assert (served.pin.version, beside.pin.version) == ("1", challenger)
        assert served.rows == beside.rows
    aliases = (CHAMPION, CHALLENGER, SHADOW)
    assert [stores.registry.alias(ASKING, alias) for alias in aliases] == ["1", challenger, challenger]


def test_a_person_sees_how_far_they_are_apart(
    page: Page, airflow: str, challenger: str, asking: ModelSpec, stores: Stores
) -> None:
    evidence = shadow_evidence(asking, LAST, stores)
    assert evidence is not None
    # Of the last night no label is due yet.
    assert (len(evidence.nights), evidence.outcome) == (2, "open")
    page.goto(f"{airflow}/dags/{ASKING}.predict/runs/{BESIDE}")
    for task in ("shadow", "shadow_verdict"):
        expect(page.get_by_text(task, exact=True).first).to_be_visible()
    body, _ = stores.lake.objects.get(layout.shadow_night(ASKING, LAST, ".html")) or (b"", "")
    page.set_content(body.decode())
    expect(page.get_by_text(f"version {challenger} predicts otherwise").first).to_be_visible()


def test_a_canary_scores_its_share_and_the_page_says_which_nights(
    page: Page, airflow: str, canary: str, asking: ModelSpec, stores: Stores
) -> None:
    for night in asking.partition.nights_between(TURNS, TENTH):
        assert versions_of(asking, night, stores) == {"1", canary}
    assert [stores.registry.alias(ASKING, alias) for alias in (CHAMPION, CANARY)] == ["1", canary]
    rows = stores.lake.require(asking.key(Dataset.PREDICTIONS, TENTH)).rows_by_version
    assert rows is not None
    page.goto(f"{airflow}/nightshift/models/{ASKING}")
    expect(page.locator(".figures")).to_contain_text(f"canary version {canary}")
    expect(page.locator("tr", has_text=TENTH)).to_contain_text(f"{rows[canary]} rows by version {canary} as a canary")


def test_a_canary_that_does_harm_is_taken_back_by_the_run_of_a_night(
    canary: str, asking: ModelSpec, stores: Stores, run_dag: RunDag, call: Call
) -> None:
    body = {"dag_run_id": HARM, "logical_date": None, "partition_key": JUDGED}
    # The night itself is there: whoever reads it need not wait for a person.
    assert run_dag("predict", body) == "success"
    assert states_of(call, HARM, "publish", "canary_verdict") == ["success", "failed"]
    *_, entry = story(asking, stores).entries
    assert (entry.what, entry.before, entry.after) == ("canary", canary, None)
    assert "it surely loses more, and is taken back" in entry.why
    aliases = (CHAMPION, CHALLENGER, CANARY)
    assert [stores.registry.alias(ASKING, alias) for alias in aliases] == ["1", canary, None]


def test_who_was_taken_back_scores_no_row_again_and_a_person_sees_why(
    page: Page, airflow: str, canary: str, asking: ModelSpec, stores: Stores, shot: Shot
) -> None:
    # What was published stays until somebody scores it again.
    assert versions_of(asking, JUDGED, stores) == {"1", canary}
    predict(asking, JUDGED, stores)
    after = shifted(JUDGED, 1)
    load(asking, after, after, stores)
    predict(asking, after, stores)
    for night in (JUDGED, after):
        assert versions_of(asking, night, stores) == {"1"}
    page.goto(f"{airflow}/nightshift/models/{ASKING}")
    expect(page.locator(".figures")).to_contain_text("champion version 1")
    expect(page.locator(".figures")).not_to_contain_text("canary")
    told = page.locator(".story li", has_text=f"Version {canary} is no canary any more")
    expect(told).to_contain_text("it surely loses more, and is taken back")
    shot(page, "pages-taken-back")
    page.goto(f"{airflow}/dags/{ASKING}.predict/runs/{HARM}/tasks/canary_verdict")
    expect(page.get_by_test_id("header-card").get_by_test_id("state-badge")).to_have_text("Failed")
    shot(page, "airflow-taken-back")

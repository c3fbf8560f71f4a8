"""A recipe that a search chose, looked at in MLflow."""

from collections.abc import Callable
from typing import Any

import pytest

pytest.importorskip("playwright", reason="playwright is not installed: pip install playwright")
from playwright.sync_api import Page, expect

from nightshift.mlflow_pages import run_page
from nightshift.steps.search import STUDY, TRIAL
from nightshift.stores import Stores
from nightshift.stores.versions import VersionRecord
from tests.e2e.conftest import ASKING, SEARCH

pytestmark = pytest.mark.e2e
# As of the other tests of pages: a machine may be busy.
expect.set_options(timeout=60_000)
PLOTS = ("search", "search_parameters", "shap")

Shot = Callable[[Page, str], None]


@pytest.fixture(scope="module")
def trained(searched: VersionRecord, stores: Stores) -> dict[str, Any]:
    """The runs of MLflow that a training in Airflow has left: ``search`` and ``train``."""
    run = stores.registry.client.get_run(searched.run_id)
    return {"train": run, "search": stores.registry.client.get_run(run.data.tags["nightshift.search_run"])}


def test_every_trial_is_a_run_inside_the_search(
    page: Page, airflow: str, trained: dict[str, Any], stores: Stores, shot: Shot
) -> None:
    search = trained["search"].info
    with stores.registry.session(ASKING) as mlflow:
        of_search = f"tags.`mlflow.parentRunId` = '{search.run_id}'"
        trials = mlflow.search_runs(filter_string=of_search, output_format="list")
    assert sorted(int(trial.data.tags[TRIAL]) for trial in trials) == list(range(SEARCH["trials"]))
    assert STUDY in trained["search"].data.tags
    _open(page, stores, trained["search"])
    for number in (0, SEARCH["trials"] - 1):
        expect(page.get_by_text(f"trial {number}", exact=True).first).to_be_visible()
    expect(page.get_by_text("All trials: search.md and plots").first).to_be_visible()
    shot(page, "mlflow-search")


def test_the_training_shows_the_search_and_what_was_learnt(
    page: Page, airflow: str, trained: dict[str, Any], stores: Stores
) -> None:
    _open(page, stores, trained["train"])
    expect(page.get_by_text("nightshift.search_trial").first).to_be_visible()
    page.goto(page.url.replace("?", "/artifacts?"))
    page.get_by_text("plots", exact=True).first.click()
    for plot in PLOTS:
        page.get_by_text(f"{plot}.png", exact=True).first.click()
        expect(page.locator(f"img[alt='plots/{plot}.png']")).to_be_visible()


def _open(page: Page, stores: Stores, run: Any) -> None:
    page.goto(run_page(stores.settings.mlflow_url, run.info.experiment_id, run.info.run_id))
    expect(page.get_by_text("nightshift.model", exact=True).first).to_be_visible()
    # An assistant that covers a third of the page, until somebody has closed it.
    close = page.get_by_role("button", name="Close")
    if close.count():
        close.first.click()

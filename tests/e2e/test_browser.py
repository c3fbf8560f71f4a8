"""What a person sees: a night triggered from the form, its run in MLflow, its pages."""

import re
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

pytest.importorskip("playwright", reason="playwright is not installed: pip install playwright")
from playwright.sync_api import Page, expect

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext

pytestmark = pytest.mark.e2e

MODEL, NIGHT = "flight_delays", "2013-04-01"
RUN_MS = 120_000
MONITOR_S = 120

expect.set_options(timeout=60_000)

Shot = Callable[[Page, str], None]


def open_form(page: Page, airflow: str, verb: str, key: str) -> Any:
    """The trigger form of a Dag, with a partition key filled in."""
    page.goto(f"{airflow}/dags/{MODEL}.{verb}")
    page.get_by_role("button", name="Trigger").first.click()
    form = page.get_by_role("dialog")
    form.get_by_role("button", name="Advanced Options").click()
    form.locator("input[name=partitionKey]").fill(key)
    return form


def run_night(page: Page, airflow: str, verb: str, before: Callable[[], None] = lambda: None) -> str:
    """Trigger a Dag for the night, see it succeed, and give the run's address."""
    form = open_form(page, airflow, verb, NIGHT)
    before()
    form.get_by_test_id("trigger-dag-submit").click()
    page.wait_for_url(re.compile(r"/runs/"))
    state = page.get_by_test_id("header-card").get_by_test_id("state-badge")
    expect(state).to_have_text(re.compile("Success|Failed"), timeout=RUN_MS)
    expect(state).to_have_text("Success")
    return page.url.partition("?")[0].rstrip("/")


@pytest.fixture(scope="module")
def run(context: "BrowserContext", airflow: str, shot: Shot) -> str:
    """A run of predict, triggered from the form."""
    page = context.new_page()
    address = run_night(page, airflow, "predict", before=lambda: shot(page, "airflow-trigger"))
    page.close()
    return address


@pytest.mark.parametrize(
    ("key", "sentence"), [("../x", "'../x' does not match format"), ("2013-02-30", "day is out of range for month")]
)
def test_a_bad_partition_key_is_refused_in_the_form(page: Page, airflow: str, key: str, sentence: str) -> None:
    form = open_form(page, airflow, "predict", key)
    form.get_by_test_id("trigger-dag-submit").click()
    expect(form.get_by_text(f"Partition key '{key}' is invalid")).to_contain_text(sentence)
    assert "/runs/" not in page.url


def test_a_night_is_scored_from_the_trigger_form(page: Page, run: str, shot: Shot) -> None:
    page.goto(run)
    for task in ("plan", "score", "publish"):
        expect(page.get_by_text(task).first).to_be_visible()
    expect(page.get_by_text(NIGHT).first).to_be_visible()
    shot(page, "airflow-run")


def test_the_task_leads_to_metrics_and_plots_in_mlflow(page: Page, run: str, shot: Shot) -> None:
    page.goto(f"{run}/tasks/plan/details")
    with page.context.expect_page() as opened:
        page.get_by_role("link", name="MLflow run").click()
    mlflow = opened.value
    for metric in ("roc_auc", "log_loss", "brier"):
        expect(mlflow.get_by_text(metric, exact=True).first).to_be_visible()
    mlflow.get_by_role("button", name="Close").first.click()  # an assistant that covers a third of the page
    shot(mlflow, "mlflow-run")
    mlflow.goto(mlflow.url.replace("?", "/artifacts?"))
    mlflow.get_by_text("plots", exact=True).first.click()
    mlflow.get_by_text("roc.png", exact=True).first.click()
    expect(mlflow.locator("img[alt='plots/roc.png']")).to_be_visible()
    shot(mlflow, "mlflow-plots")


def test_a_task_that_pushed_no_link_shows_none(page: Page, run: str) -> None:
    page.goto(f"{run}/tasks/publish/details")
    expect(page.get_by_text("Extra Links")).to_be_visible()
    assert page.get_by_role("link", name="MLflow run").count() == 0


def test_the_index_leads_to_a_model_and_its_night_to_the_drift_report(
    page: Page, airflow: str, run: str, shot: Shot
) -> None:
    line, deadline = page.locator("tr", has_text=NIGHT), time.monotonic() + MONITOR_S
    page.goto(f"{airflow}/nightshift/")
    expect(page.locator("article", has_text=MODEL)).to_contain_text("version 1")
    page.get_by_role("link", name=MODEL, exact=True).click()
    expect(line).to_contain_text("published")
    while not line.get_by_role("link", name="drift report").count() and time.monotonic() < deadline:
        page.wait_for_timeout(2_000)
        page.reload()
    expect(page.locator("svg a.column title").filter(has_text=NIGHT)).to_have_count(1)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    line.get_by_role("link", name="drift report").click()
    expect(page.locator("h1")).to_be_visible()
    assert page.url.endswith(f"/nightshift/reports/{MODEL}/{NIGHT}")
    shot(page, "night-quiet")


def test_the_run_has_a_tab_with_its_night(page: Page, run: str) -> None:
    page.goto(f"{run}/plugin/night")
    frame = page.frame_locator("iframe[title=Night]")
    expect(frame.locator("tr", has_text=NIGHT)).to_contain_text("published")


def test_a_validation_leads_to_its_data_docs(page: Page, airflow: str, shot: Shot) -> None:
    validated = run_night(page, airflow, "validate")
    page.goto(f"{validated}/tasks/validate/details")
    page.get_by_role("link", name="Data Docs").click()
    expect(page.get_by_role("heading", name="Expectation Validation Result")).to_be_visible()
    assert page.url.endswith(f"/nightshift/validation/{MODEL}/{NIGHT}")
    shot(page, "data-docs")


def test_without_a_login_the_pages_ask_for_one(browser: "Browser", airflow: str) -> None:
    stranger = browser.new_context()
    page = stranger.new_page()
    answer = page.goto(f"{airflow}/nightshift/")
    assert answer is not None
    assert answer.status == 401
    page.get_by_role("link", name="Log in to Airflow").click()
    expect(page.locator("input[type=password]")).to_be_visible()
    stranger.close()

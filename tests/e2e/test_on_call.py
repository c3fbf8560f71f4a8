"""A sensor sticks at night, and somebody is woken: from the alert to the report, the run, and the version in MLflow."""

import email
import json
import time
from collections.abc import Callable, Iterator
from email import policy
from typing import TYPE_CHECKING, Any

import pytest

pytest.importorskip("playwright", reason="playwright is not installed: pip install playwright")
from playwright.sync_api import Page, expect

from nightshift.settings import settings
from nightshift.steps.alerts import try_channels
from nightshift.stores import Stores
from tests.e2e.conftest import MODEL, STUCK, STUCK_COLUMN
from tests.receivers import Hook, Post, post_office

if TYPE_CHECKING:
    import requests

pytestmark = pytest.mark.e2e
STUCK_RUN = "stuck__1"
# What a screen shows before anybody scrolls.
FIRST_SCREEN = 900
MAIL = {"width": 1100, "height": 220}
PATIENCE_S = 300
# As of the other tests of pages: a machine may be busy.
expect.set_options(timeout=60_000)

Shot = Callable[[Page, str], None]
Call = Callable[..., "requests.Response"]


@pytest.fixture(scope="module")
def mailbox(call: Call, until: Callable[..., Any]) -> Iterator[Post]:
    """Of who is on call, at a server that a connection of Airflow names."""
    with post_office() as (post, url):
        plain = {"disable_ssl": True, "disable_tls": True}
        host, _, port = url.removeprefix("smtp://").partition(":")
        connection = {"connection_id": "smtp_nightly", "conn_type": "smtp", "host": host, "port": int(port)}
        wanted = {**connection, "extra": json.dumps(plain)}
        # As of a run: 500 where the file of SQLite is locked, 409 where the answer of a try was lost.
        until(lambda: call("POST", "/api/v2/connections", json=wanted).status_code in {201, 409})
        yield post


@pytest.fixture(scope="module")
def alert(
    airflow: str, trigger: Callable[..., None], until: Callable[..., Any], bridge: Hook, mailbox: Post, stores: Stores
) -> dict[str, Any]:
    """What the channel was told of the night, whose Dags go one after the other by themselves."""
    trigger(f"{MODEL}.ingest", {"dag_run_id": STUCK_RUN, "logical_date": None, "partition_key": STUCK})
    return until(lambda: next(iter(_told(bridge)), None), PATIENCE_S)


def _told(bridge: Hook) -> list[dict[str, Any]]:
    return [alert for alert in bridge.said if alert["event"] != "test"]


@pytest.fixture
def walk() -> Iterator[list[str]]:
    """The clicks of a walk, printed with its seconds: ``pytest -s``."""
    clicks: list[str] = []
    started = time.monotonic()
    yield clicks
    print(f"\n{len(clicks)} clicks in {time.monotonic() - started:.1f} s: {', '.join(clicks)}")


def test_a_test_gets_through_to_the_channel(bridge: Hook, stores: Stores) -> None:
    assert try_channels(settings(), "bridge") == {"bridge": ""}
    assert bridge.said[-1]["event"] == "test"


def test_one_alert_says_which_sensor_and_what_to_do(alert: dict[str, Any], bridge: Hook) -> None:
    assert (alert["event"], alert["kind"], alert["severity"]) == ("opened", "drift", "page")
    assert (alert["models"], alert["night"]) == ([MODEL], STUCK)
    assert STUCK_COLUMN in alert["title"]
    assert alert["next_command"].startswith(f"nightshift acknowledge {MODEL} {MODEL}-1-drift-{STUCK}")
    assert alert["runbook"].endswith("#alert-an-alarm-of-monitoring")
    assert len(_told(bridge)) == 1


def test_the_mail_of_an_airflow_connection_says_the_same(
    page: Page, alert: dict[str, Any], mailbox: Post, until: Callable[..., Any], shot: Shot
) -> None:
    until(lambda: mailbox.mails)
    ((to, content),) = mailbox.mails
    mail = email.message_from_bytes(content, policy=policy.default)
    assert to == ["on-call@example.org"]
    assert mail["X-Nightshift-Id"] == alert["send_id"]
    assert alert["title"] in mail["Subject"]
    body = mail.get_body(("html",))
    assert body is not None
    page.set_viewport_size(MAIL)
    page.set_content(f"<style>pre {{ white-space: pre-wrap; font-size: 15px }}</style>{body.get_content()}")
    expect(page.get_by_text(alert["links"]["page"])).to_be_visible()
    shot(page, "on-call-alert")


def test_the_alert_leads_to_the_cause_the_run_and_the_version(
    page: Page, alert: dict[str, Any], walk: list[str], shot: Shot
) -> None:
    page.goto(alert["links"]["page"])
    walk.append("the alert's page")
    expect(page.locator("h1")).to_contain_text(f"drift in {STUCK_COLUMN}")
    # The cause is read without a scroll: which column, and its bars beside the reference's.
    card = page.locator(".charts .card", has_text=STUCK_COLUMN).first
    expect(card).to_be_visible()
    assert card.bounding_box()["y"] < FIRST_SCREEN
    shot(page, "on-call-report")
    page.get_by_role("link", name="the run ").click()
    walk.append("the run")
    page.get_by_test_id("header-card").get_by_text("Success").first.wait_for()
    assert f"/dags/{MODEL}.predict/runs/" in page.url
    page.goto(f"{page.url.partition('?')[0].rstrip('/')}/tasks/plan/details")
    walk.append("the task plan")
    with page.context.expect_page() as opened:
        page.get_by_role("link", name="MLflow run").click()
    walk.append("MLflow run")
    expect(opened.value.get_by_text("nightshift.model", exact=True).first).to_be_visible()


def test_the_version_is_one_click_from_the_report(page: Page, alert: dict[str, Any]) -> None:
    page.goto(alert["links"]["page"])
    page.get_by_role("link", name="version 1", exact=True).click()
    expect(page.get_by_text("Source run").or_(page.get_by_text("Source Run")).first).to_be_visible()


def test_index_and_page_show_the_open_alarm(page: Page, airflow: str, alert: dict[str, Any], shot: Shot) -> None:
    page.goto(f"{airflow}/nightshift/")
    expect(page.locator("article", has_text=MODEL)).to_contain_text("drift")
    page.get_by_role("link", name=MODEL, exact=True).click()
    expect(page.locator("tr", has_text=STUCK)).to_contain_text("published")
    expect(page.locator("svg a.column title").filter(has_text=STUCK)).to_have_count(1)
    shot(page, "on-call-page")

"""The end of the demo, from findings alone."""

import io

import pytest
from rich.console import Console

from nightshift.contracts import Decision
from nightshift.demo.findings import Findings, NightSummary, RetrainOutcome, Version
from nightshift.demo.summary import show, verdict
from nightshift.steps.episodes import EpisodeFacts

CHAMPION = Version("1", "2013-03-30", {"roc_auc": 0.71234, "log_loss": 0.4567, "gate_mean": 0.1})
CHALLENGER = Version("2", "2013-04-18", {"roc_auc": 0.7, "log_loss": 0.5})
QUIET = NightSummary("2013-04-01", "1", 900, False, 1.25, 4.0, "dest", 0.41, 0.042)
UNCOMPARED = NightSummary("2013-04-02", "1", 700, False, 0.0, 0.0, "")
STORMY = NightSummary("2013-04-20", "1", 800, True, 9.5, 4.0, "precip_24h", None, None)
DECISION = Decision("flight_delays", "2013-04-20", True, "2 of the last 3 nights drifted", "retrain__x")

ENV = {
    "NIGHTSHIFT_LAKE": "s3://lake",
    "NIGHTSHIFT_AIRFLOW_URL": "http://127.0.0.1:8080",
    "NIGHTSHIFT_AIRFLOW_USER": "admin",
    "NIGHTSHIFT_AIRFLOW_PASSWORD": "secret",
    "MLFLOW_TRACKING_URI": "http://127.0.0.1:5000",
    "MLFLOW_TRACKING_USERNAME": "admin",
    "MLFLOW_TRACKING_PASSWORD": "hidden",
    "AWS_ENDPOINT_URL": "http://127.0.0.1:8333",
}


def rendered(decision=DECISION, outcome=None, width=80, nights=(QUIET, STORMY), episodes=()):
    out = io.StringIO()
    findings = Findings(CHAMPION, list(nights), decision, outcome, episodes)
    show(Console(file=out, width=width), findings, "flight_delays", ENV)
    return out.getvalue()


def row(text, night):
    return next(line.split() for line in text.splitlines() if line.strip().startswith(night))


def test_champion_and_totals():
    text = rendered()
    assert "version 1, trained through 2013-03-30; judged nights: roc_auc 0.7123, log_loss 0.4567" in text
    assert "2 nights, 1700 flights" in text


def test_one_row_a_night_within_80_columns_with_losses_only_where_labels_arrived():
    text = rendered()
    assert row(text, "2013-04-01") == ["2013-04-01", "900", "v1", "quiet", "0.31x", "dest", "0.410", "0.042"]
    assert row(text, "2013-04-20") == ["2013-04-20", "800", "v1", "drift", "2.38x", "precip_24h", "no", "labels", "-"]


def test_a_night_without_an_alarm_line_has_no_multiple_of_it():
    text = rendered(nights=[UNCOMPARED])
    assert row(text, "2013-04-02") == ["2013-04-02", "700", "v1", "quiet", "-", "no", "labels", "-"]


@pytest.mark.parametrize(("promoted", "words"), [(True, "became the champion"), (False, "was not promoted")])
def test_what_started_the_retrain_and_what_it_led_to(promoted, words):
    text = rendered(outcome=RetrainOutcome(CHALLENGER, promoted, "log_loss -0.01: inconclusive"))
    assert "started a retrain at 2013-04-20, because\n2 of the last 3 nights drifted" in text
    assert f"version 2 {words}: log_loss -0.01: inconclusive" in text


def test_each_alarm_is_told_once_with_its_first_night():
    facts = ("e", "1", "drift", "2013-04-20", "2013-04-23", 4)
    closed = EpisodeFacts(*facts, closed="2013-04-26", silenced="", retrain="")
    still_open = EpisodeFacts(*facts, closed=None, silenced="", retrain="")
    text = rendered(episodes=[closed, still_open])
    assert "2 alarms, each told once" in text
    assert "drift of version 1 since 2013-04-20, closed 2013-04-26" in text
    assert "drift of version 1 since 2013-04-20, open" in text
    assert "Nobody was woken" in rendered()


def test_no_retrain_is_said():
    assert "No retrain" in rendered(decision=None)


def test_a_retrain_that_moved_nothing_points_to_its_run():
    assert "no move of an alias" in rendered(outcome=None)


def test_the_snippet_is_never_wrapped():
    lines = rendered(width=40).splitlines()
    at = lines.index('eval "$(.venv/bin/nightshift env)"')
    assert lines[at + 1 : at + 3] == [
        ".venv/bin/python -c 'import pandas as pd",
        'print(pd.read_parquet("s3://lake/predictions/flight_delays/"))\'',
    ]


@pytest.mark.parametrize(
    ("drifted", "lost", "words"),
    [(False, False, "quiet"), (True, False, "drift"), (False, True, "worse"), (True, True, "drift + worse")],
)
def test_verdicts(drifted, lost, words):
    assert verdict(NightSummary("2013-04-01", "1", 1, drifted, 0, 0, "x", lost=lost)) == words


def test_the_addresses_come_with_user_and_password():
    text = rendered(width=40)
    assert "http://127.0.0.1:8080  user admin, password secret" in text
    assert "http://127.0.0.1:5000" in text
    assert "http://127.0.0.1:8333" in text

"""What a retraction judges again, of nights that pooled the one that is taken back."""

import socket
from types import SimpleNamespace

import pytest

from nightshift.contracts import Dataset
from nightshift.settings import Settings
from nightshift.steps import retire as retiring
from nightshift.steps import retract as retracting
from nightshift.steps._later_nights import LaterNights
from nightshift.stores import Stores

NIGHT = "2024-03-01"


@pytest.fixture
def judged(monkeypatch):
    """The nights after which others were judged again; each time one was."""
    nights = []
    record = SimpleNamespace(partition="2024-03-02")

    def judge_later(spec, partition, stores):
        nights.append(partition)
        return LaterNights(records=[record])

    monkeypatch.setattr(retracting, "judge_later", judge_later)
    monkeypatch.setattr(retracting, "take_back", lambda *_: [])
    monkeypatch.setattr(retracting, "_last_champion", lambda *_: {})
    monkeypatch.setattr(retracting, "_forget", lambda *_: None)
    monkeypatch.setattr("nightshift.stores.lake.Lake.require_column", lambda *_: None)
    return nights


def stores_with(mlflow_uri=None):
    settings = Settings(project=".", home=".", endpoint="http://localhost:1", mlflow_uri=mlflow_uri)
    return Stores(settings, {"by": "ann"})


def closed_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@pytest.mark.parametrize("is_configured", [False, True])
def test_an_mlflow_that_is_down_or_not_configured_is_a_warning(spec, judged, caplog, monkeypatch, is_configured):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    uri = f"http://127.0.0.1:{closed_port()}" if is_configured else None
    retracted = retracting.retract(spec, NIGHT, stores_with(uri))
    assert retracted.partition == NIGHT
    assert judged == [NIGHT]
    assert "MLflow shows 2024-03-02 as they were judged before" in caplog.text


@pytest.mark.parametrize("dataset", [Dataset.LABELS, Dataset.SHADOW])
def test_what_no_drift_pools_judges_nothing_again(spec, judged, dataset):
    retracting.retract(spec, NIGHT, stores_with(), dataset=dataset)
    assert judged == []


def test_a_model_that_is_retired_judges_no_night_again(spec, judged, monkeypatch):
    left = {Dataset.RAW: [NIGHT, "2024-03-02"], Dataset.LABELS: []}
    monkeypatch.setattr(retiring, "_put_away", lambda *_: retiring.Path("model.yaml.retired"))
    monkeypatch.setattr(retiring, "nights_left", lambda *_: left)
    monkeypatch.setattr(retiring, "maintain", lambda *_: SimpleNamespace(collected=0))
    retired = retiring.retire(spec, stores_with(), why="a test")
    assert retired.nights == 2
    assert judged == []

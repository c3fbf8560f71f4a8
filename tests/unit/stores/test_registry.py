"""Who logs in to MLflow: each server gets its own login, and no other's."""

import os
from pathlib import Path

import pytest

from nightshift.settings import Settings
from nightshift.stores.registry import CLIENT_ENV, LOGIN, TOKEN, Registry

OTHER = "http://127.0.0.1:2"


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put back after the test: to connect writes there."""
    for name in (*LOGIN, TOKEN, *CLIENT_ENV):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)


def registry(**values: str) -> Registry:
    settings = {"project": Path(), "home": Path(), "mlflow_uri": OTHER, **values}
    return Registry(Settings.model_validate(settings))


def test_the_token_of_one_server_does_not_go_to_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(TOKEN, "of this process")
    registry().connect()
    assert TOKEN not in os.environ


def test_a_server_gets_the_token_that_its_settings_have(monkeypatch: pytest.MonkeyPatch) -> None:
    own = registry(MLFLOW_TRACKING_TOKEN="its own")
    registry(mlflow_user="ann", mlflow_password="of ann").connect()
    assert (os.environ.get(TOKEN), os.environ[LOGIN[0]]) == (None, "ann")
    own.connect()
    assert (os.environ[TOKEN], os.environ.get(LOGIN[0])) == ("its own", None)

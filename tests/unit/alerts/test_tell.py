"""What people hear of nights: one alert for what is one, nothing of what is old or muted, and the end of each."""

import datetime as dt
import subprocess
import sys

import pytest

from nightshift.alerts import clock
from nightshift.contracts import Dataset
from nightshift.errors import (
    ExpectationsFailed,
    LakeUnavailable,
    ModelError,
    RegistryUnavailable,
    SourceMissing,
    SourceUnavailable,
)
from nightshift.monitoring.silences import Silence, silences
from nightshift.spec import find_spec
from nightshift.steps.alerts import open_alerts, try_channels
from nightshift.steps.tell import TaskEnd, tell, tell_failure, tell_late, tell_success
from nightshift.stores import layout
from tests.careless import answer

FIVE = ("a", "b", "c", "d", "e")
NIGHT, NEXT = "2024-03-01", "2024-03-02"
DATABASE = {"rows_from": {"sql": "SELECT 1 WHERE :night > '1'", "url_variable": "SHOP_URL"}}
AWAY = SourceUnavailable("the database of SHOP_URL does not answer", fix="see whether it is up")


def ended(model, task="ingest.ingest", night=NIGHT, error=None, **more):
    return TaskEnd(model, task, night, error, **more)


def events(oncall):
    return [(said["event"], said["kind"]) for said in oncall.said]


def come_in(stores, model, night, dataset=Dataset.RAW):
    """Let a night be in the lake, as far as a listing of it goes."""
    spec = find_spec(stores.settings.models, model)
    stores.lake.objects.put(layout.manifest(spec.key(dataset, night)), b"{}")


def test_a_source_that_is_down_for_five_models_is_one_alert_that_names_them_and_its_end_is_one(world, oncall):
    stores = world(*FIVE, **DATABASE)
    for model in FIVE:
        tell_failure(ended(model, error=AWAY), stores)
    (opened,) = oncall.said
    assert opened["title"] == "the database of SHOP_URL does not answer"
    assert sorted([*opened["models"], *opened["reach"]]) == sorted(FIVE)
    assert opened["night"] == NIGHT
    assert opened["evidence"] == "SourceUnavailable: the database of SHOP_URL does not answer"
    assert opened["next_command"] == "see whether it is up"
    assert opened["runbook"] == "docs/runbook.md#alert-an-outage"
    for model in FIVE:
        assert len(oncall.bodies) == 1
        tell_success(ended(model, night=NEXT), stores)
    assert events(oncall) == [("opened", "outage"), ("recovered", "outage")]
    assert oncall.said[1]["models"] == list(FIVE)
    assert open_alerts(stores) == []


def test_files_that_are_gone_are_one_alert_for_all_that_read_them_and_another_for_other_files(world, oncall):
    stores = world("a", "b", rows_from={"files": "s3://shop/*.csv"})
    world("c", rows_from={"files": "s3://ship/*.csv"})
    for model in ("a", "b", "c"):
        tell_failure(ended(model, error=SourceMissing("no file")), stores)
    assert [said["models"] for said in oncall.said] == [["a"], ["c"]]
    assert oncall.said[0]["reach"] == ["b"]


def test_what_is_wrong_with_a_night_is_its_model_s_own_and_mlflow_is_everybody_s(world, oncall):
    stores = world("a", "b")
    for model in ("a", "b"):
        tell_failure(ended(model, "validate.validate", error=ExpectationsFailed("too few rows")), stores)
        tell_failure(ended(model, "predict.plan", error=ModelError("withdrawn")), stores)
        tell_failure(ended(model, "predict.plan", error=RegistryUnavailable("MLflow does not answer")), stores)
    assert [(said["kind"], said["models"]) for said in oncall.said] == [
        ("refused", ["a"]),
        ("failed", ["a"]),
        ("outage", ["a"]),
        ("refused", ["b"]),
        ("failed", ["b"]),
    ]


def test_while_the_lake_is_away_each_machine_tells_once_under_the_same_id_and_says_when_it_is_back(
    world, oncall, store
):
    machines = [world(*FIVE, home="one"), world(home="two")]
    error = LakeUnavailable("S3 does not answer", fix="nightshift status")
    store.hand = lambda environ, start, _: answer(environ, start, "403 Forbidden", "Gone")
    for stores in machines:
        for model in FIVE:
            tell_failure(ended(model, error=error), stores)
    assert events(oncall) == [("opened", "outage")] * 2
    assert len({said["id"] for said in oncall.said}) == 1
    assert {tuple(said["reach"]) for said in oncall.said} == {FIVE[1:]}
    store.hand = lambda environ, start, inner: inner(environ, start)
    for stores in machines:
        for model in FIVE:
            tell_success(ended(model), stores)
    assert events(oncall)[2:] == [("recovered", "outage")] * 2


def test_another_alert_while_the_lake_cannot_take_it_is_told_from_this_machine(world, oncall, store, caplog):
    stores = world("a")
    store.hand = lambda environ, start, _: answer(environ, start, "403 Forbidden", "Gone")
    for _ in range(2):
        tell_failure(ended("a", "predict.plan", error=ModelError("withdrawn")), stores)
    assert events(oncall) == [("opened", "failed")]
    assert "is kept on this machine's disk" in caplog.text


def test_a_backfill_of_old_nights_wakes_nobody(world, oncall):
    stores = world("a")
    come_in(stores, "a", NEXT)
    for night in ("2024-01-05", NIGHT):
        tell_failure(ended("a", "validate.validate", night, ExpectationsFailed("too few rows")), stores)
    assert oncall.bodies == []
    tell_failure(ended("a", "validate.validate", NEXT, ExpectationsFailed("too few rows")), stores)
    assert events(oncall) == [("opened", "refused")]


def test_a_muted_model_wakes_nobody_until_the_night_that_was_said(world, oncall):
    stores = world("a")
    said = Silence(model="a", by="me", why="it moves", origin={}, since=NIGHT, until=NIGHT)
    ledger = silences("a", stores)
    assert ledger.append(ledger.head(), said)
    tell_failure(ended("a", error=SourceMissing("no file")), stores)
    assert oncall.bodies == []
    tell_failure(ended("a", night=NEXT, error=SourceMissing("no file")), stores)
    assert events(oncall) == [("opened", "refused")]


def test_a_training_that_fails_wakes_nobody_and_is_told(world, oncall):
    tell_failure(ended("a", "retrain.train", error=ModelError("no")), world("a"))
    assert [(said["severity"], said["kind"]) for said in oncall.said] == [("notice", "failed")]


def test_an_error_that_is_none_of_ours_is_told_by_its_name_alone(world, oncall):
    tell_failure(ended("a", "predict.score", words="MemoryError; the task's log says more"), world("a"))
    (said,) = oncall.said
    assert said["evidence"] == "MemoryError; the task's log says more"
    assert said["next_command"] == f"nightshift explain a {NIGHT}"


def test_a_model_whose_yaml_is_wrong_is_told_too(world, oncall):
    stores = world("a")
    (stores.settings.models / "a" / "model.yaml").write_text("name: 7\n")
    tell_failure(ended("a", error=ModelError("no")), stores)
    assert events(oncall) == [("opened", "failed")]


def test_without_a_channel_nothing_is_asked_of_any_store(world, oncall, store):
    stores = world("a")
    (stores.settings.project / "alerts.toml").unlink()
    store.hand = lambda *_: pytest.fail("the store was asked")
    tell_failure(ended("a", error=AWAY), stores)
    tell_success(ended("a"), stores)
    assert tell_late("a", stores) is None
    assert tell([], stores) == []
    assert oncall.bodies == []


@pytest.fixture
def six_o_clock(monkeypatch):
    """Of the second of March, a minute after six."""
    moment = dt.datetime(2024, 3, 2, 6, 1, tzinfo=dt.UTC)
    monkeypatch.setattr("nightshift.steps._late.clock.now", lambda: moment)


BY_SIX = {"night": {"published_by": "06:00"}}


@pytest.mark.usefixtures("six_o_clock")
def test_nights_that_are_late_together_are_one_alert_and_over_once_all_are_published(world, oncall):
    stores = world("a", "b", **BY_SIX)
    world("early", night={"published_by": "05:00"})
    world("unheard")
    for model in ("a", "b", "early", "unheard"):
        come_in(stores, model, NIGHT, Dataset.PREDICTIONS)
    for model in ("a", "b", "a", "unheard"):
        tell_late(model, stores)
    (opened,) = oncall.said
    assert (opened["kind"], opened["models"], opened["night"]) == ("late", ["a", "b"], NEXT)
    assert opened["title"] == f"a {NEXT}: the night is not published, and 1 more are not"
    assert opened["evidence"] == f"it was due at {NEXT} 06:00 UTC, night.published_by of model.yaml"
    assert tell_late("early", stores).hits[0].model == "early"
    for model in ("a", "b"):
        tell_success(ended(model, "predict.publish", NEXT), stores)
    assert events(oncall) == [("opened", "late"), ("opened", "late"), ("recovered", "late")]


@pytest.mark.usefixtures("six_o_clock")
def test_a_night_that_people_know_to_have_failed_is_not_told_again_as_late(world, oncall):
    stores = world("a", **BY_SIX)
    come_in(stores, "a", NIGHT, Dataset.PREDICTIONS)
    tell_failure(ended("a", night=NEXT, error=SourceMissing("no file")), stores)
    assert tell_late("a", stores) is None
    assert events(oncall) == [("opened", "refused")]


@pytest.mark.usefixtures("six_o_clock")
@pytest.mark.parametrize("more", ["published", "never", "planned", "paused"])
def test_no_night_is_late_that_is_published_planned_or_of_a_model_that_is_set_up(world, oncall, more):
    changes = {"planned": {"drift": {"planned": [{"from": NEXT, "why": "Easter"}]}}, "paused": {"paused": True}}
    stores = world("a", **BY_SIX, **changes.get(more, {}))
    if more != "never":
        come_in(stores, "a", NIGHT, Dataset.PREDICTIONS)
    if more == "published":
        come_in(stores, "a", NEXT, Dataset.PREDICTIONS)
    assert tell_late("a", stores) is None
    assert oncall.bodies == []


@pytest.mark.usefixtures("six_o_clock")
def test_a_clock_outside_of_airflow_tells_what_is_late_and_when_it_is_there(world, oncall):
    stores = world("a", **BY_SIX)
    spec = find_spec(stores.settings.models, "a")
    come_in(stores, "a", NIGHT, Dataset.PREDICTIONS)
    for _ in range(2):
        tell([spec], stores)
    come_in(stores, "a", NEXT, Dataset.PREDICTIONS)
    for _ in range(2):
        tell([spec], stores)
    assert events(oncall) == [("opened", "late"), ("recovered", "late")]


@pytest.mark.usefixtures("six_o_clock")
def test_who_looks_for_late_nights_lists_each_model_once(world, oncall, monkeypatch):
    stores = world(*FIVE, **BY_SIX)
    specs = [find_spec(stores.settings.models, model) for model in FIVE]
    for model in FIVE:
        come_in(stores, model, NIGHT, Dataset.PREDICTIONS)
    listed = []
    lake = type(stores.lake)
    ever_published = lake.ever_published
    monkeypatch.setattr(lake, "ever_published", lambda *asked: listed.append(asked[2]) or ever_published(*asked))
    tell(specs, stores)
    assert listed == list(FIVE)
    assert [sorted(said["models"]) for said in oncall.said] == [list(FIVE)]
    # Each deadline that is missed at the same time asks for its own model alone.
    listed.clear()
    tell_late("b", stores)
    assert listed == ["b"]


def test_what_comes_by_after_each_task_loads_nothing_that_judges():
    heavy = "scipy sklearn pandas mlflow onnxruntime great_expectations apprise"
    code = f"import sys, nightshift.steps.tell; print(sys.modules.keys() & set('{heavy}'.split()))"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "set()"


def test_each_channel_is_tried_and_says_what_came_of_it(world, oncall):
    stores = world("a")
    settings = stores.settings
    file = settings.project / "alerts.toml"
    file.write_text(file.read_text() + '[channels.unset]\nkind = "apprise"\n')
    assert try_channels(settings) == {"oncall": "", "unset": "NIGHTSHIFT_ALERT_UNSET is not set: its address"}
    assert try_channels(settings, "oncall") == {"oncall": ""}
    assert [said["event"] for said in oncall.said] == ["test", "test"]
    assert oncall.said[0]["runbook"] == "docs/runbook.md#alert-a-channel-that-fails"


def test_the_clock_has_a_zone():
    assert clock.now().utcoffset() == dt.timedelta()

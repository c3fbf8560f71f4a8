"""Nights judged once more are judged as they were, night for night, and nothing is written."""

from dataclasses import replace

import pytest
from typer.testing import CliRunner

from nightshift.cli.main import app
from nightshift.contracts import Dataset
from nightshift.errors import DataError, UnreadableRecord, UsageError
from nightshift.monitoring.backtest.page import render
from nightshift.monitoring.night_record import read_night_record
from nightshift.spec import load_spec
from nightshift.steps import _past_nights
from nightshift.steps.backtest import backtest
from nightshift.steps.govern import govern, started_retrains
from nightshift.steps.monitor import monitor
from tests.integration.test_monitoring import NIGHTS, World

pytestmark = pytest.mark.stack

STORM = NIGHTS[5:8]
LAST = NIGHTS[-1]


@pytest.fixture(scope="module")
def world(make_project, open_stores, tmp_path_factory):
    """Ten nights that were watched as they came: quiet ones, a storm of three, quiet ones again."""
    folder = make_project(tmp_path_factory.mktemp("backtest"), retrain={"min_new_nights": 3, "of": 3})
    world = World(load_spec(folder / "model.yaml"), open_stores(folder.parents[1]))
    for night in NIGHTS:
        world.add(night, shift=30.0 if night in STORM else 0.0, wrong=night == NIGHTS[3])
        report = monitor(world.spec, night, world.stores)
        govern(world.spec, report, world.stores)
    return world


@pytest.fixture(scope="module")
def whole(world):
    """All nights, judged by the policy of the spec."""
    return backtest(world.spec, NIGHTS[0], LAST, world.stores)


def objects_of(world):
    return {item.key: item.etag for item in world.stores.lake.objects.listing("")}


def test_its_alarms_equal_those_that_were_raised_night_for_night(world, whole):
    assert [night.night for night in whole.nights] == NIGHTS
    for night in whole.nights:
        record = read_night_record(world.spec, night.night, world.stores)
        assert night.drifted == record.drift.drifted
        assert night.ratio == record.drift.ratio
        assert night.lost == [accuracy.night for accuracy in record.accuracy if accuracy.lost]
        assert not night.differs
    started = set(started_retrains(world.spec.name, world.stores).head().nights)
    assert {night.night for night in whole.nights if night.retrain} == started
    assert len(started) == 1


def test_a_range_in_the_middle_is_judged_by_what_came_before_it_and_by_nothing_later(world, whole):
    before = objects_of(world)
    part = backtest(world.spec, NIGHTS[4], NIGHTS[6], world.stores, faults=False)
    assert list(part.nights) == list(whole.nights)[4:7]
    assert objects_of(world) == before
    (drift,) = [episode for episode in part.episodes if episode.detector == "drift"]
    assert (drift.first_night, drift.last_night, drift.closed) == (STORM[0], NIGHTS[6], None)


def test_another_policy_is_tried_and_says_so(world, whole):
    tried = backtest(world.spec, NIGHTS[0], LAST, world.stores, once_per_nights=2, retrain_nights=3, faults=False)
    assert (whole.policy.is_of_spec, tried.policy.is_of_spec) == (True, False)
    assert tried.policy.once_per_nights == 2
    assert [share.asked for share in tried.shares] == [0.5, 0.5]
    for then, now in zip(whole.nights, tried.nights, strict=True):
        assert now.ratio >= then.ratio
    with pytest.raises(UsageError, match="can never be reached"):
        backtest(world.spec, NIGHTS[0], LAST, world.stores, retrain_nights=9)


def test_gross_faults_are_seen_on_their_first_night(whole):
    by_name = {trials.fault: trials for trials in whole.faults}
    assert {"stuck at one value", "x 1.8 + 32", "30 % null", "+0.25 sd"} <= set(by_name)
    for name in ("stuck at one value", "x 1.8 + 32"):
        assert by_name[name].first_night == by_name[name].trials > 0


def test_the_page_has_every_night_and_its_episodes(whole):
    page = render(whole)
    for night in NIGHTS:
        assert night in page
    assert "<script" not in page
    assert f"10 nights from {NIGHTS[0]} to {LAST}" in page


@pytest.mark.parametrize(
    ("first", "last", "sentence"),
    [
        (NIGHTS[3], NIGHTS[1], "ends before it begins"),
        ("2023-01-01", "2023-02-01", "has no scored night from 2023-01-01 to 2023-02-01; scored are 10 from"),
        ("yesterday", LAST, "is not a date"),
        (NIGHTS[0], "2024-02-30", "no day of the calendar"),
    ],
)
def test_a_range_of_no_night_is_a_mistake_with_a_fix(world, first, last, sentence):
    with pytest.raises(UsageError, match=sentence) as error:
        backtest(world.spec, first, last, world.stores)
    assert error.value.fix


def test_a_night_that_cannot_be_judged_says_why_and_costs_no_other(stores, spec):
    other = World(spec, stores)
    other.add(NIGHTS[0])
    other.add(NIGHTS[1], pin=replace(other.pin, version="2", sha256="cd" * 32))
    with pytest.raises(DataError, match=r"none of 1 nights can be judged, the first for this: .* has no profile"):
        backtest(spec, NIGHTS[1], NIGHTS[1], stores)
    judged = backtest(spec, NIGHTS[0], NIGHTS[1], stores)
    assert [bool(night.why_not) for night in judged.nights] == [False, True]
    assert judged.nights[0].raised is None
    assert "has no profile" in render(judged)


def test_damaged_labels_and_a_decision_that_cannot_be_made_cost_their_own_nights(stores, spec, monkeypatch):
    other = World(spec, stores)
    for night in NIGHTS[:3]:
        other.add(night)
    # They arrive with the night after it.
    (labels,) = stores.lake.require(spec.key(Dataset.LABELS, NIGHTS[1])).files
    stores.lake.objects.put(labels.key, b"no Parquet")
    whole_gather = _past_nights.gather

    def gather(spec, record, retrains, stores):
        if record.partition == NIGHTS[1]:
            raise UnreadableRecord("what was said about alarms is damaged")
        return whole_gather(spec, record, retrains, stores)

    monkeypatch.setattr(_past_nights, "gather", gather)
    first, second, third = backtest(spec, NIGHTS[0], NIGHTS[2], stores, faults=False).nights
    assert first.why_not == ""
    assert second.why_not == "what was said about alarms is damaged"
    assert labels.key in third.why_not


def test_the_verb_prints_a_table_and_writes_a_page(world, monkeypatch, tmp_path):
    monkeypatch.setattr("nightshift.cli.backtest.open_model", lambda _: (world.spec, world.stores))
    page = tmp_path / "pages" / "orders.html"
    words = ["backtest", world.spec.name, "--from", STORM[0], "--to", STORM[-1], "--no-faults", "--out", str(page)]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    assert f"3 nights from {STORM[0]} to {STORM[-1]}" in done.output
    assert done.output.splitlines()[-1] == f"next: nightshift explain {world.spec.name} {STORM[0]}"
    assert STORM[1] in page.read_text()

"""Episodes as people see and silence them, and what became of retrains; on a lake in memory."""

import json

import pytest
from typer.testing import CliRunner

from nightshift.cli import alarms
from nightshift.contracts import Dataset
from nightshift.errors import UsageError
from nightshift.monitoring.accuracy import standing_record
from nightshift.monitoring.changes import changes_by
from nightshift.monitoring.history import read_history
from nightshift.monitoring.night_record import read_night_record
from nightshift.monitoring.silences import silences
from nightshift.monitoring.verdicts import watch_drift
from nightshift.partitions import following, last_nights, shifted
from nightshift.spec import ModelSpec
from nightshift.steps.acknowledge import acknowledge
from nightshift.steps.conclude import conclude
from nightshift.steps.episodes import episodes
from nightshift.steps.govern import govern, read_decisions, replayed, started_retrains
from nightshift.steps.mute import mute
from nightshift.stores import layout
from nightshift.stores.registry import CHALLENGER, CHAMPION
from tests.conftest import SMALL
from tests.unit.steps.governed_lake import MemoryWorld

NIGHTS = following("2024-03-01", 20)
PLANNED = [{"from": NIGHTS[5], "to": NIGHTS[6], "why": "the source moves"}]


def make(**changes) -> ModelSpec:
    retrain = {"nights": 2, "cooldown_days": 4, "min_new_nights": 1, **changes.pop("retrain", {})}
    return ModelSpec.model_validate({"name": "orders", **SMALL, "retrain": retrain, **changes})


@pytest.fixture(autouse=True)
def trusted(monkeypatch):
    monkeypatch.setattr("nightshift.s3.trust.require", lambda _: None)


def world_of(spec):
    world = MemoryWorld(spec)
    world.label(*last_nights(30, "2024-02-29"))
    return world


@pytest.fixture
def world():
    return world_of(make())


def test_nights_without_rows_are_not_quiet_and_close_no_episode(world):
    assert words(nights(world, "AA______AA")) == "-R--------"
    (facts,) = episodes(world.spec, world.stores)
    assert (facts.nights, facts.closed) == (4, None)
    assert changes(world, NIGHTS[4]) == []
    assert changes(world, NIGHTS[9]) == [("updated", 4, "")]


def drift_key(world, night):
    return layout.drift(world.spec.key(Dataset.MONITORING, night))


def accuracy_key(world, night):
    return layout.accuracy(world.spec.name, night)


def nights(world, story, first=0):
    """``A`` drifts, ``q`` is quiet, ``_`` has no rows to judge; the decision about each night."""
    verdicts = {"A": True, "q": False, "_": None}
    decisions = []
    for night, word in zip(NIGHTS[first:], story, strict=False):
        world.score(night, world.aliases.champion)
        report = world.monitor(night, verdicts[word])
        decisions.append(govern(world.spec, report, world.stores))
    return decisions


def words(decisions):
    return "".join("R" if decision.retrain else "-" for decision in decisions)


def test_an_episode_is_listed_with_its_retrain_and_closed_by_quiet_nights(world):
    nights(world, "qAAq")
    (facts,) = episodes(world.spec, world.stores)
    assert (facts.episode, facts.closed, facts.nights) == (f"orders-1-drift-{NIGHTS[1]}", None, 2)
    assert facts.retrain == f"retrain__orders-1-drift-{NIGHTS[1]}"
    nights(world, "qq", first=4)
    (facts,) = episodes(world.spec, world.stores)
    assert facts.closed == NIGHTS[5]


def test_a_cause_starts_one_retrain_however_long_it_lasts(world):
    assert words(nights(world, "A" * 15)) == "-R-------------"


def test_an_acknowledged_episode_starts_nothing_and_the_next_one_does(world):
    nights(world, "A")
    (facts,) = episodes(world.spec, world.stores)
    said = acknowledge(world.spec, facts.episode, world.stores, why="the new shop")
    decisions = nights(world, "AA", first=1)
    assert words(decisions) == "--"
    assert decisions[1].reason.endswith(f"since {NIGHTS[0]} is acknowledged by {said.by}: the new shop")
    assert acknowledge(world.spec, facts.episode, world.stores, why="again") == said
    assert words(nights(world, "qqqAA", first=3)) == "----R"


def test_a_mute_ends_by_a_night_and_a_later_one_stands_over_it(world):
    nights(world, "q")
    mute(world.spec, NIGHTS[4], world.stores, why="a migration")
    decisions = nights(world, "AAAAA", first=1)
    assert words(decisions) == "----R"
    assert f"muted until {NIGHTS[4]} by " in decisions[1].reason
    mute(world.spec, NIGHTS[19], world.stores, why="for long")
    mute(world.spec, NIGHTS[0], world.stores, why="no longer")
    assert words(nights(world, "qqqqqAA", first=6)) == "------R"


def test_a_silence_needs_a_reason_a_date_and_an_episode(world):
    for wrong in (
        lambda: mute(world.spec, "tomorrow", world.stores, why="x"),
        lambda: mute(world.spec, NIGHTS[0], world.stores, why=" "),
        lambda: acknowledge(world.spec, "orders-1-drift-2024-03-01", world.stores, why="x"),
        lambda: acknowledge(world.spec, "x", world.stores, why=""),
    ):
        with pytest.raises(UsageError):
            wrong()
    assert silences(world.spec.name, world.stores).entries() == []


def test_planned_nights_alarm_nobody_and_are_no_history():
    world = world_of(make(drift={**SMALL["drift"], "planned": PLANNED}))
    decisions = nights(world, "qqqqAAAqA")
    assert words(decisions) == "--------R"
    assert f"({NIGHTS[4]}, {NIGHTS[8]})" in decisions[8].reason
    assert [facts.nights for facts in episodes(world.spec, world.stores)] == [2]


def test_an_episode_of_a_version_that_scores_no_more_has_ended(world):
    nights(world, "AA")
    world.aliases.champion = "2"
    nights(world, "qA", first=2)
    replaced, current = episodes(world.spec, world.stores)
    assert (replaced.closed, replaced.state) == (None, f"ended: version 2 scores since {NIGHTS[2]}")
    assert (current.version, current.state) == ("2", "open")
    world.aliases.champion = "1"
    nights(world, "q", first=4)
    assert [facts.state for facts in episodes(world.spec, world.stores)] == [
        "open",
        f"ended: version 1 scores since {NIGHTS[4]}",
    ]


def test_what_is_listed_after_a_rollback_is_what_the_governor_knows(world):
    """Fourteen nights of another version end an alarm for both; they open nothing, and replace nobody."""
    nights(world, "A")
    world.aliases.champion = "2"
    nights(world, "q" * 16, first=1)
    world.aliases.champion = "1"
    nights(world, "A", first=17)
    watched = watch_drift(world.spec, "1", world.stores).episodes(NIGHTS[17])
    listed = episodes(world.spec, world.stores)
    assert [facts.first_night for facts in listed] == [NIGHTS[0], NIGHTS[17]]
    assert watched[-1].id_of(world.spec.name) == listed[-1].episode
    assert [facts.closed for facts in listed] == [NIGHTS[14], None]
    assert [facts.state for facts in listed] == [f"closed {NIGHTS[14]}", "open"]


@pytest.mark.parametrize(("order", "first"), [([0, 1, 2], 1), ([1, 2, 0], 2), ([2, 1, 0], 2), ([2, 0, 1], 1)])
def test_a_cause_is_not_lost_in_whichever_order_nights_arrive(world, order, first):
    """Two looked back alone, and the third was decided already."""
    started = []
    for number in order:
        night = NIGHTS[number]
        world.score(night, "1")
        decision = govern(world.spec, world.monitor(night, number < 2 or first == 2), world.stores)
        if decision.retrain:
            started.append(decision.partition)
    assert len(started) == 1
    assert len(started_retrains(world.spec.name, world.stores).head().runs) == 1


def test_a_late_night_that_makes_two_of_one_alarm_lets_the_night_after_it_start_the_retrain(world):
    assert words(nights(world, "A", first=2)) == "-"
    (late,) = nights(world, "A", first=1)
    assert (late.retrain, late.partition) == (True, NIGHTS[2])
    assert late.run_id == f"retrain__orders-1-drift-{NIGHTS[1]}"


def test_a_night_that_was_judged_again_with_one_is_decided_again_however_far_after_it(world):
    assert words(nights(world, "q" * 11)) == "-" * 11
    for night in NIGHTS[9:11]:
        world.monitor(night, True)
    report = world.monitor(NIGHTS[0], False)
    assert not govern(world.spec, report, world.stores).retrain
    report.judged_again.extend(NIGHTS[9:11])
    assert govern(world.spec, report, world.stores).partition == NIGHTS[10]


def ends(world, decision, alias=None):
    if alias:
        world.aliases.move(alias, "2", decision.run_id)
    return conclude(world.spec, decision.run_id, world.stores)


def test_how_a_retrain_ended_is_written_back(world):
    decision = nights(world, "AA")[1]
    assert ends(world, decision, CHALLENGER).outcome == "not_promoted"
    assert ends(world, decision, CHAMPION).outcome == "promoted"
    assert ends(world, decision).outcome == "promoted"
    log = started_retrains(world.spec.name, world.stores)
    assert len(log.entries()) == 3
    assert log.head().run(decision.run_id).outcome == "promoted"
    assert conclude(world.spec, "manual__1", world.stores) is None


def test_a_failed_retrain_frees_its_cooldown_and_one_that_was_refused_does_not(world):
    decision = nights(world, "AA")[1]
    assert ends(world, decision).outcome == "failed"
    again = nights(world, "A", first=2)[0]
    assert (again.retrain, again.run_id) == (True, f"{decision.run_id}__2")
    ends(world, again, CHALLENGER)
    assert words(nights(world, "AAAA", first=3)) == "----"


def test_a_night_whose_retrain_failed_may_start_it_again(world):
    decision = nights(world, "AA")[1]
    ends(world, decision)
    report = world.monitor(NIGHTS[1], True)
    assert govern(world.spec, report, world.stores).run_id == f"{decision.run_id}__2"


def test_after_challengers_in_a_row_that_were_refused_a_person_decides():
    world = world_of(make(retrain={"give_up_after": 2, "cooldown_days": 1}))
    for first in (0, 5):
        ends(world, nights(world, "AAqqq", first=first)[1], CHALLENGER)
    refused = nights(world, "AA", first=10)[1]
    assert "2 challengers in a row did not take over from version 1" in refused.reason
    world.aliases.champion = "2"
    assert words(nights(world, "AA", first=12)) == "-R"


def test_a_retrain_that_airflow_does_not_have_is_handed_out_again(world):
    """Whoever decided it was lost before the trigger: the log says so, and no run is there."""
    decision = nights(world, "AA")[1]
    world.score(NIGHTS[2], "1")
    report = world.monitor(NIGHTS[2], True)
    assert govern(world.spec, report, world.stores, {}.get) == decision
    running = {decision.run_id: "running"}
    assert not govern(world.spec, report, world.stores, running.get).retrain


def test_the_end_of_a_run_that_nobody_wrote_down_is_found_by_the_next_night(world):
    decision = nights(world, "AA")[1]
    world.score(NIGHTS[2], "1")
    report = world.monitor(NIGHTS[2], True)
    again = govern(world.spec, report, world.stores, {decision.run_id: "failed"}.get)
    assert again.run_id == f"{decision.run_id}__2"


def test_every_decision_is_replayed_from_its_evidence(world):
    ends(world, nights(world, "qAAAq")[2], CHALLENGER)
    mute(world.spec, NIGHTS[9], world.stores, why="a migration")
    nights(world, "AAAAqAqqqqAA", first=5)
    records = list(read_decisions(world.spec, world.stores))
    assert len(records) == 17
    assert [replayed(record) for record in records] == [record.decision for record in records]


@pytest.mark.parametrize("key", [drift_key, accuracy_key])
def test_a_damaged_record_costs_its_own_night_and_no_other(world, caplog, key):
    nights(world, "qqqA")
    world.monitor(NIGHTS[3], True, {NIGHTS[2]: False})
    world.objects.put(key(world, NIGHTS[2]), b"{")
    assert words(nights(world, "A", first=4)) == "R"
    assert changes(world, NIGHTS[4]) == [("updated", 2, "")]
    assert f"{NIGHTS[2]} says nothing of other nights" in caplog.text


def test_a_night_is_held_against_those_before_it_whose_records_are_whole(world, caplog):
    nights(world, "qqqq")
    world.objects.put(drift_key(world, NIGHTS[1]), b"{")
    pin = read_night_record(world.spec, NIGHTS[3], world.stores).pin
    history = read_history(world.spec, NIGHTS[4], pin, world.stores)
    assert [night.partition for night in history] == [NIGHTS[0], NIGHTS[2], NIGHTS[3]]
    assert f"-> nightshift monitor orders {NIGHTS[1]}" in caplog.text


def changes(world, night):
    told = changes_by(world.spec, night, "1", world.is_drifted(night), [], world.stores)
    return [(each.change, each.nights, each.silenced) for each in told]


def test_a_labelled_night_that_is_judged_again_tells_its_alarm_only_where_its_verdict_is_another_one(world):
    world.score(NIGHTS[0], "1")
    told = []
    before = None
    for run, lost in zip(NIGHTS[1:7], [True, True, True, False, True, None], strict=True):
        world.score(run, "1")
        world.monitor(run, False, {NIGHTS[0]: lost})
        record = standing_record(world.spec, NIGHTS[0], world.stores).after(before)
        for _ in range(2):
            changes = changes_by(world.spec, run, "1", False, [record], world.stores)
            told.append([each.change for each in changes])
            record = record.after(record)
        before = record
    assert told == [["opened"], ["opened"], [], [], [], [], [], [], ["opened"], ["opened"], [], []]
    other = before.model_copy(update={"version": "2", "measured_by": NIGHTS[8]})
    assert other.after(before).is_news


def test_an_alarm_is_told_at_its_opening_and_at_its_end(world):
    nights(world, "AqAqqq")
    assert [changes(world, night) for night in NIGHTS[:7]] == [
        [("opened", 1, "")],
        [],
        [("updated", 2, "")],
        [],
        [],
        [("closed", 2, "")],
        [],
    ]
    mute(world.spec, shifted(NIGHTS[5], 1), world.stores, why="known")
    ((_, _, silenced),) = changes(world, NIGHTS[5])
    assert silenced.startswith("muted until")


def test_people_see_and_silence_alarms_on_the_command_line(world, monkeypatch):
    nights(world, "qAAq")
    monkeypatch.setattr(alarms, "open_model", lambda _: (world.spec, world.stores))
    episode = f"orders-1-drift-{NIGHTS[1]}"

    def printed(*words):
        done = CliRunner().invoke(alarms.app, words)
        assert done.exit_code == 0, done.output
        return done.output

    assert printed("episodes", "orders").startswith(f"{episode}  2 nights to {NIGHTS[2]}  open  retrain__{episode}")
    assert episode in printed("acknowledge", "orders", episode, "--why", "known")
    assert NIGHTS[9] in printed("mute", "orders", "--until", NIGHTS[9], "--why", "a move")
    (facts,) = json.loads(printed("episodes", "orders", "--json"))["episodes"]
    assert (facts["episode"], facts["silenced"].partition(" by ")[0]) == (episode, "acknowledged")

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nightshift.monitoring.episodes import Episode
from nightshift.steps.govern import Causes, decide

NIGHTS = ("2024-03-08", "2024-03-09", "2024-03-10")
LABELLED = ("2024-03-07", "2024-03-08", "2024-03-09")
QUIET = Causes(
    partition="2024-03-10",
    version="3",
    drifted=dict.fromkeys(NIGHTS, False),
    lost=dict.fromkeys(LABELLED, False),
    started=[],
    trained_through="2024-02-20",
    new_nights=18,
)
DRIFTED = replace(QUIET, drifted=dict(zip(NIGHTS, (False, True, True), strict=True)))


@pytest.fixture
def governed(change, spec):
    return change(spec, retrain={"nights": 2, "of": 3, "cooldown_days": 7, "min_new_nights": 7})


def test_a_quiet_night_says_what_was_missing(governed):
    decision = decide(governed, QUIET)
    assert not decision.retrain
    assert decision.reason == (
        "0 of the last 3 nights drifted, 2 needed; 0 of the last 3 labelled nights lost accuracy, 2 needed"
    )
    assert decision.run_id == f"retrain__{governed.name}__2024-03-10"


def test_enough_drifted_nights_start_a_retrain(governed):
    decision = decide(governed, DRIFTED)
    assert decision.retrain
    assert decision.reason == "2 of the last 3 nights drifted (2024-03-09, 2024-03-10), 2 needed"


def test_enough_lost_nights_start_a_retrain(governed):
    lost = replace(QUIET, lost=dict.fromkeys(LABELLED, True))
    assert decide(governed, lost).retrain
    assert "3 of the last 3 labelled nights lost accuracy" in decide(governed, lost).reason


def test_a_night_of_a_version_that_is_no_champion_any_more_starts_nothing(governed):
    decision = decide(governed, replace(DRIFTED, champion="4"))
    assert not decision.retrain
    assert "suppressed: version 3 scored it, and version 4 is champion" in decision.reason
    assert decide(governed, replace(DRIFTED, champion="3")).retrain


def test_one_alarm_of_each_kind_is_not_two(governed):
    mixed = replace(QUIET, drifted={**QUIET.drifted, NIGHTS[2]: True}, lost={**QUIET.lost, LABELLED[2]: True})
    assert not decide(governed, mixed).retrain


def test_nights_that_are_not_known_are_said_and_do_not_count(governed):
    decision = decide(governed, replace(DRIFTED, drifted={NIGHTS[0]: None, NIGHTS[1]: None, NIGHTS[2]: True}))
    assert not decision.retrain
    assert "1 of the last 3 nights drifted (2024-03-10), 2 not known, 2 needed" in decision.reason


@pytest.mark.parametrize("started", ["2024-03-03", "2024-03-09", "2024-03-12"])
def test_a_retrain_within_the_cooldown_suppresses(governed, started):
    decision = decide(governed, replace(DRIFTED, started=[started]))
    assert not decision.retrain
    assert f"suppressed: {started} started a retrain, within the cooldown of 7 days" in decision.reason


def test_a_retrain_before_the_cooldown_does_not(governed):
    assert decide(governed, replace(DRIFTED, started=["2024-03-02"])).retrain


def test_without_new_labels_a_training_would_learn_nothing(governed):
    decision = decide(governed, replace(DRIFTED, new_nights=6))
    assert not decision.retrain
    assert decision.reason.endswith("suppressed: 6 labelled nights after 2024-02-20, 7 needed")


@given(
    st.lists(st.sampled_from([True, False, None]), min_size=3, max_size=3),
    st.lists(st.sampled_from([True, False, None]), min_size=3, max_size=3),
    st.booleans(),
    st.integers(0, 20),
)
@settings(deadline=None)
def test_a_retrain_always_has_enough_alarms_and_nothing_against_it(drifted, lost, cooling, new):
    from nightshift.spec import Retrain

    evidence = replace(
        QUIET,
        drifted=dict(zip(NIGHTS, drifted, strict=True)),
        lost=dict(zip(LABELLED, lost, strict=True)),
        started=["2024-03-08"] if cooling else [],
        new_nights=new,
    )
    spec = type("Spec", (), {"name": "orders", "retrain": Retrain()})()
    decision = decide(spec, evidence)
    expected = max(drifted.count(True), lost.count(True)) >= 2 and not cooling and new >= 7
    assert decision.retrain is expected
    assert decision == decide(spec, evidence)
    assert ("suppressed" in decision.reason) == (max(drifted.count(True), lost.count(True)) >= 2 and not expected)


DRIFT = Episode("3", "drift", "2024-03-09", "2024-03-10", nights=2)
IN_EPISODE = replace(DRIFTED, episodes={"drift": DRIFT})


def test_the_run_of_a_retrain_is_named_by_its_cause(governed):
    """Whichever night says yes, it says the same run, so that one cause can never have two."""
    assert decide(governed, IN_EPISODE).run_id == f"retrain__{governed.name}-3-drift-2024-03-09"
    later = replace(IN_EPISODE, partition="2024-03-11")
    assert decide(governed, later).run_id == decide(governed, IN_EPISODE).run_id
    # From before there were episodes the nights say which.
    assert decide(governed, DRIFTED).run_id == decide(governed, IN_EPISODE).run_id


@pytest.mark.parametrize(
    ("evidence", "why"),
    [
        ({"answered": {"drift": "retrain__x"}}, "what drifted since 2024-03-09 has had its retrain, retrain__x"),
        ({"silenced": {"drift": "acknowledged by ann: known"}}, "since 2024-03-09 is acknowledged by ann: known"),
        ({"silenced": {"drift": "muted until 2024-04-01 by ann: move"}}, "is muted until 2024-04-01 by ann: move"),
        ({"planned": "Easter"}, "2024-03-10 is planned: Easter"),
        ({"rejected": 5}, "5 challengers in a row did not take over from version 3, retrain.give_up_after is 5"),
        ({"failed": {"drift": 5}}, "5 retrains for what drifted since 2024-03-09 failed, retrain.give_up_after is 5"),
        ({"tried_through": "2024-03-08", "new_nights": 1}, "1 labelled nights after 2024-03-08, 7 needed"),
    ],
)
def test_what_speaks_against_a_retrain_is_said(governed, evidence, why):
    decision = decide(governed, replace(IN_EPISODE, **evidence))
    assert not decision.retrain
    assert decision.reason.endswith(why)


def test_a_month_has_a_budget(change, governed):
    month = change(governed, retrain={"per_month": 2})
    assert decide(month, replace(IN_EPISODE, this_month=1)).retrain
    assert (
        "suppressed: 2 retrains of 2024-03, retrain.per_month is 2"
        in decide(month, replace(IN_EPISODE, this_month=2)).reason
    )


def test_a_failed_retrain_is_started_again_under_another_name(governed):
    again = decide(governed, replace(IN_EPISODE, failed={"drift": 1}))
    assert again.retrain
    assert again.run_id.endswith("-3-drift-2024-03-09__2")


def test_one_cause_that_may_start_a_retrain_is_enough(governed):
    lost = replace(
        IN_EPISODE,
        lost=dict.fromkeys(LABELLED, True),
        episodes={"drift": DRIFT, "accuracy": Episode("3", "accuracy", LABELLED[0], LABELLED[2], nights=3)},
        answered={"drift": "retrain__x"},
    )
    decision = decide(governed, lost)
    assert decision.retrain
    assert decision.run_id.endswith(f"-3-accuracy-{LABELLED[0]}")


def test_alarms_of_an_episode_that_is_over_start_nothing(governed):
    over = replace(DRIFTED, episodes={})
    assert not decide(governed, over).retrain
    assert "0 of the last 3 nights drifted" in decide(governed, over).reason


@pytest.mark.parametrize(
    ("policy", "window"),
    [({}, 3), ({"nights": 1}, 3), ({"nights": 5}, 5), ({"of": 7}, 7)],
)
def test_of_is_among_how_many_nights_alarms_are_counted(policy, window):
    from nightshift.spec import Retrain

    assert Retrain(**policy).window == window

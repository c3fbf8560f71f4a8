from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

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

"""The governor as a state machine: whatever becomes of nights, workers and retrains, its promises hold.

Nights are scored again, monitored again, come late and out of order; a worker is lost at any write, or before the
trigger; retrains are promoted, are not, fail, and are heard of or not; a person promotes in between. A quick run here;
GOVERNOR_STORIES=1500 tells as many stories.
"""

import os

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from nightshift.contracts import Dataset
from nightshift.monitoring import causes, policy
from nightshift.monitoring.episodes import NightVerdict, episodes_of
from nightshift.monitoring.retrains import StartedRetrains
from nightshift.monitoring.verdicts import accuracy_verdict, drift_verdict
from nightshift.orchestration.runs import state_of_run
from nightshift.partitions import days_between, following, last_nights, shifted
from nightshift.spec import ModelSpec
from nightshift.spec.night import Partition
from nightshift.steps import govern as governor
from nightshift.steps.conclude import conclude
from nightshift.steps.govern import DecisionRecord, govern, read_decisions, replayed, started_retrains
from nightshift.stores import layout
from nightshift.stores.registry import CHALLENGER, CHAMPION
from tests.conftest import SMALL
from tests.unit.steps.governed_lake import MemoryWorld, WorkerLost

NIGHTS = following("2024-03-01", 10)
COOLDOWN, NEW, GIVE_UP, WINDOW, NEEDED = 4, 2, 3, 3, 2
RETRAIN = {
    "nights": NEEDED,
    "of": WINDOW,
    "cooldown_days": COOLDOWN,
    "min_new_nights": NEW,
    "give_up_after": GIVE_UP,
}
SPEC = ModelSpec.model_validate({"name": "orders", **SMALL, "retrain": RETRAIN})
RETRAINS = f"{SPEC.name}.retrain"
STORIES = int(os.environ.get("GOVERNOR_STORIES", "40"))
# Writes are counted before and after: a worker may be lost at either.
OFTEN = st.sampled_from([True, True, False])
LOST_AT = st.one_of(st.none(), st.none(), st.integers(0, 9))


class Airflow:
    """Its answers to a task: of a run that is not there it counts none, and has no state but an error."""

    def __init__(self):
        self.runs = {}

    def get_dr_count(self, dag_id, logical_dates=None, run_ids=None, states=None):
        assert dag_id == RETRAINS
        return len([run_id for run_id in run_ids if run_id in self.runs])

    def get_dagrun_state(self, dag_id, run_id):
        assert dag_id == RETRAINS
        if run_id not in self.runs:
            raise LookupError(f"Dag run with run_id {run_id} was not found")
        return self.runs[run_id]

    def state_of(self, run_id):
        return state_of_run(self, RETRAINS, run_id)


class Stories(RuleBasedStateMachine):
    """What happens to a model, and what must be true of its governor."""

    def __init__(self):
        super().__init__()
        self.world = MemoryWorld(SPEC)
        self.world.label(*last_nights(30, "2024-02-29"))
        self.airflow = Airflow()
        self.versions = 1
        self.replayed = {}
        self.puts = 0

    # What happens.

    @rule(
        night=st.sampled_from(NIGHTS),
        drifted=OFTEN,
        lost=st.booleans(),
        lost_at=LOST_AT,
        tried_again=st.booleans(),
        triggers=st.booleans(),
    )
    def a_night_arrives(self, night, drifted, lost, lost_at, tried_again, triggers):
        self.world.score(night, self.world.aliases.champion)
        self._monitored(night, drifted, lost, lost_at, tried_again, triggers)

    @precondition(lambda self: self.world.lake.nights[Dataset.PREDICTIONS])
    @rule(
        data=st.data(),
        drifted=OFTEN,
        lost=st.booleans(),
        lost_at=LOST_AT,
        tried_again=st.booleans(),
    )
    def a_night_is_monitored_again(self, data, drifted, lost, lost_at, tried_again):
        night = data.draw(st.sampled_from(sorted(self.world.lake.nights[Dataset.PREDICTIONS])))
        self._monitored(night, drifted, lost, lost_at, tried_again, triggers=True)

    @precondition(lambda self: self.versions > 1)
    @rule(night=st.sampled_from(NIGHTS), drifted=st.booleans())
    def a_former_champion_scores_a_night(self, night, drifted):
        self.world.score(night, "1")
        self._monitored(night, drifted, False, None, False, triggers=True)

    @rule(night=st.sampled_from(NIGHTS))
    def a_night_is_scored_and_not_monitored(self, night):
        self.world.score(night, self.world.aliases.champion)

    @precondition(lambda self: "running" in self.airflow.runs.values())
    @rule(
        data=st.data(),
        outcome=st.sampled_from(["promoted", "not_promoted", "failed", "failed"]),
        heard=st.booleans(),
    )
    def a_retrain_ends(self, data, outcome, heard):
        running = [run_id for run_id, state in self.airflow.runs.items() if state == "running"]
        run_id = data.draw(st.sampled_from(running))
        started = self._log().run(run_id)
        if outcome == "promoted" and started and started.version == self.world.aliases.champion:
            self._promote()
            self.world.aliases.move(CHAMPION, self.world.aliases.champion, run_id)
        elif outcome == "not_promoted":
            self.world.aliases.move(CHALLENGER, "99", run_id)
        self.airflow.runs[run_id] = "failed" if outcome == "failed" else "success"
        if heard:
            conclude(SPEC, run_id, self.world.stores)

    @rule(does=st.sampled_from([False, False, False, False, True]))
    def a_person_promotes(self, does):
        if does:
            self._promote()

    def _promote(self):
        self.versions += 1
        self.world.aliases.champion = str(self.versions)

    def _monitored(self, night, drifted, lost, lost_at, tried_again, triggers):
        report = self.world.monitor(night, drifted, {shifted(night, -1): lost})
        before = self._log()
        decision = None
        try:
            self.world.objects.writes_left = lost_at
            decision = self._task(report)
        except WorkerLost:
            decision = self._task(report) if tried_again else None
        finally:
            self.world.objects.writes_left = None
        if decision and decision.retrain and triggers:
            # Airflow has one run of an id, however often it is triggered.
            self.airflow.runs.setdefault(decision.run_id, "running")
        self._only_good_starts(before)
        if decision:
            self._no_cause_is_lost(report)

    def _task(self, report):
        try:
            return govern(SPEC, report, self.world.stores, self.airflow.state_of)
        finally:
            self.world.objects.writes_left = None

    # What must be true.

    @invariant()
    def the_same_evidence_is_the_same_decision(self):
        for key in self.world.objects.keys(layout.decisions(SPEC.name)):
            body, etag = self.world.objects.get(key)
            if self.replayed.get(key) != etag:
                record = DecisionRecord.from_json(body, key)
                assert replayed(record) == record.decision
                self.replayed[key] = etag

    @invariant()
    def a_start_is_never_forgotten(self):
        if self.puts == self.world.objects.puts:
            return
        self.puts = self.world.objects.puts
        log = self._log()
        entries = started_retrains(SPEC.name, self.world.stores).entries()
        assert len(log.runs) == len([entry for entry in entries if not entry.ended])
        for run_id in self.airflow.runs:
            assert log.run(run_id), f"{run_id} runs, and no log says so"

    def _only_good_starts(self, before):
        runs = self._log().runs
        assert [each.run_id for each in runs[: len(before.runs)]] == [each.run_id for each in before.runs]
        for number in range(len(before.runs), len(runs)):
            started = runs[number]
            assert started.version == self.world.aliases.champion, "it is for the champion alone"
            for other in runs[:number]:
                if other.outcome != "failed":
                    days = abs(days_between(started.night, other.night))
                    assert days > COOLDOWN, f"{started.night} and {other.night} are within the cooldown"
                    answers = [other.is_for(cause) for cause in started.causes]
                    assert not any(answers), f"{other.run_id} was started for the same cause as {started.run_id}"

    def _no_cause_is_lost(self, report):
        decided = {record.partition for record in read_decisions(SPEC, self.world.stores)}
        for night in sorted(decided):
            if report.partition <= night < shifted(report.partition, WINDOW):
                for detector in ("drift", "accuracy"):
                    assert self._is_seen_to(night, detector), f"{detector} of {night} starts nothing"

    def _is_seen_to(self, night, detector):
        """Too few alarms, or a retrain for them, or a good reason why there is none."""
        version = self.world.aliases.champion
        if not self._scored_by(night, version):
            return True
        last = night if detector == "drift" else shifted(night, -1)
        verdicts = self._verdicts(detector, version, last)
        lately = [each.alarm for each in verdicts if each.night > shifted(last, -WINDOW)]
        if lately.count(True) < NEEDED:
            return True
        (*_, episode) = episodes_of(verdicts)
        log = self._log()
        if log.rejected(version) >= GIVE_UP:
            return True
        own = [started for started in log.runs if started.is_for(episode)]
        if [started.outcome for started in own].count("failed") >= GIVE_UP:
            return True
        for started in log.runs:
            if started.outcome == "failed":
                continue
            nothing_new = started.version == version and started.night > shifted(night, -NEW)
            cools = abs(days_between(started.night, night)) <= COOLDOWN
            if started in own or cools or nothing_new:
                return True
        return False

    def _scored_by(self, night, version):
        return drift_verdict(SPEC, night, version, self.world.stores) is not None

    def _verdicts(self, detector, version, last):
        read = drift_verdict if detector == "drift" else accuracy_verdict
        verdicts = []
        for night in NIGHTS:
            if night <= last:
                alarm = read(SPEC, night, version, self.world.stores)
                verdicts.append(NightVerdict(night, version, detector, alarm))
        return verdicts

    def _log(self):
        return started_retrains(SPEC.name, self.world.stores).head()


def tell(stories, *phases):
    run_state_machine_as_test(
        Stories,
        settings=settings(
            max_examples=stories,
            stateful_step_count=30,
            derandomize=True,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
            phases=phases or tuple(Phase),
        ),
    )


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr("nightshift.s3.trust.require", lambda _: None)
    # A night a day, without asking cron each time.
    monkeypatch.setattr(Partition, "nights_before", lambda _, night, count: last_nights(count, shifted(night, -1)))


def test_no_story_breaks_a_promise_of_the_governor():
    tell(STORIES)


def by_decisions_alone(spec, partition, retrains, stores):
    """The governor of before: what was started is in the nights' decisions, which are written anew."""
    nights = [record.partition for record in read_decisions(spec, stores) if record.retrain]
    return [night for night in nights if 0 < abs(days_between(night, partition)) <= COOLDOWN]


def nothing(*_):
    return {}


def no_later_nights(*_):
    return []


def all_runs(log):
    return list(log.runs)


OF_BEFORE = {
    "forgets what it started": [
        (causes, "_started", by_decisions_alone),
        (causes, "_answered", nothing),
        (governor, "_require_vouched", nothing),
        (StartedRetrains, "nights", property(nothing)),
    ],
    "acts for former champions": [(policy, "_of_another_version", no_later_nights)],
    "never looks at later nights": [(governor, "_later_nights", no_later_nights)],
    "lets a failed retrain hold the cooldown": [(StartedRetrains, "standing", property(all_runs))],
    "starts two for one cause": [(causes, "_answered", nothing)],
    "has no cooldown": [(policy, "_cooldown", no_later_nights)],
}
BROKEN = "forgotten|champion alone|starts nothing|within the cooldown|same cause"


@pytest.mark.parametrize("fault", OF_BEFORE)
def test_the_stories_find_a_governor_that(monkeypatch, fault):
    for owner, name, faulty in OF_BEFORE[fault]:
        monkeypatch.setattr(owner, name, faulty)
    with pytest.raises(AssertionError, match=BROKEN):
        tell(300, Phase.generate)

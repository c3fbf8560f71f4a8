"""What becomes of a failed try: which exceptions are worth another, after which delay, and until when."""

import datetime as dt
import logging
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
import requests
from airflow.sdk import RetryAction
from airflow.sdk.exceptions import AirflowRuntimeError, AirflowTaskTimeout, ErrorType
from airflow.sdk.execution_time.comms import ErrorResponse

from nightshift.orchestration import retries
from nightshift.orchestration.guard import Interrupted, Refused
from nightshift.orchestration.retries import DEATHS, RETRIES, OnlyOutages, require_workers_that_live

START = dt.datetime(2024, 1, 2, tzinfo=dt.UTC)
OUTAGE = Interrupted("LakeUnavailable: S3 does not answer")


def of_airflow(status: int | None) -> AirflowRuntimeError:
    return AirflowRuntimeError(ErrorResponse(error=ErrorType.API_SERVER_ERROR, detail={"status_code": status}))


@dataclass
class Task:
    """A task under a clock of its own: each try takes ``seconds``; its policy is asked as Airflow asks it."""

    policy: OnlyOutages
    kept: dict[str, Any] = field(default_factory=dict)
    now: dt.datetime = START
    tries: int = 0
    max_tries: int = RETRIES

    @property
    def context(self) -> dict[str, Any]:
        ti = SimpleNamespace(start_date=self.now, try_number=self.tries, max_tries=self.max_tries)
        return {"ti": ti, "task_state_store": SimpleNamespace(get=self.kept.get, set=self.kept.__setitem__)}

    def fail(self, exception: BaseException, seconds: float = 1) -> float | None:
        """How long the next try has to wait, or None when there is none."""
        self.tries += 1
        context = self.context
        self.now += dt.timedelta(seconds=seconds)
        decision = self.policy.evaluate(exception, self.tries, self.max_tries, context)
        if decision.action is not RetryAction.RETRY:
            return None
        self.now += decision.retry_delay
        return decision.retry_delay.total_seconds()

    def waits(self, exception: BaseException, seconds: float = 1) -> list[float]:
        """The delays until the policy gives up."""
        return list(iter(lambda: self.fail(exception, seconds), None))

    def clear(self) -> None:
        self.max_tries = self.tries + RETRIES


@pytest.fixture
def task(monkeypatch: pytest.MonkeyPatch) -> Task:
    found = Task(OnlyOutages(15))

    class Clock(dt.datetime):
        @classmethod
        def now(cls, tz: dt.tzinfo | None = None) -> dt.datetime:
            return found.now

    monkeypatch.setattr(retries.dt, "datetime", Clock)
    return found


@pytest.mark.parametrize(
    "exception",
    [
        OUTAGE,
        AirflowTaskTimeout("Timeout"),
        ConnectionResetError(),
        TimeoutError(),
        requests.exceptions.ReadTimeout(),
        requests.exceptions.ConnectionError(),
        of_airflow(None),
        of_airflow(503),
    ],
    ids=lambda exception: type(exception).__name__,
)
def test_an_outage_or_a_time_limit_is_worth_another_try(task: Task, exception: BaseException) -> None:
    assert task.fail(exception) == 15


@pytest.mark.parametrize(
    "exception",
    [Refused(1), KeyError("x"), SystemExit(1), ValueError(), of_airflow(404)],
    ids=lambda exception: type(exception).__name__,
)
def test_a_mistake_or_a_fault_fails_at_once(task: Task, exception: BaseException) -> None:
    assert task.fail(exception) is None
    assert task.kept == {}


def test_five_minutes_without_a_store_pass_by_themselves(task: Task) -> None:
    while task.now - START < dt.timedelta(seconds=300):
        assert task.fail(OUTAGE) is not None
    assert task.tries == 5
    assert task.now - START < dt.timedelta(seconds=300 + 120)


@pytest.mark.parametrize("seconds", [0.5, 5, 60, 250, 290])
def test_a_store_that_stays_away_is_given_up_within_half_an_hour(task: Task, seconds: float) -> None:
    waits = task.waits(OUTAGE, seconds)
    assert waits[:4] == [15, 30, 60, 120]
    assert set(waits[4:]) <= {120}
    lasted = task.now - START
    assert dt.timedelta(minutes=20) < lasted <= dt.timedelta(minutes=30)
    assert task.tries + DEATHS < RETRIES


def test_the_last_error_is_one_line_that_says_for_how_long(task: Task, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        task.waits(OUTAGE)
    assert [record.message for record in caplog.records] == [
        "given up after 17 tries in 28 minutes: LakeUnavailable: S3 does not answer;"
        " see `nightshift status`, then clear this task"
    ]


@pytest.mark.parametrize(("minutes", "tries"), [(15, 2), (60, 2)])
def test_a_time_limit_longer_than_all_patience_is_tried_twice(task: Task, minutes: int, tries: int) -> None:
    task.waits(AirflowTaskTimeout("Timeout"), seconds=60 * minutes)
    assert task.tries == tries


def test_a_cleared_task_has_all_its_patience_again(task: Task) -> None:
    before = task.waits(OUTAGE)
    task.now += dt.timedelta(days=3)
    task.clear()
    assert task.waits(OUTAGE) == before


def test_all_waiting_goes_by_one_setting(task: Task) -> None:
    task.policy = OnlyOutages(0.1)
    waits = task.waits(OUTAGE, seconds=0)
    assert waits[:5] == [0.1, 0.2, 0.4, 0.8, 0.8]
    assert task.now - START <= dt.timedelta(seconds=12)


def test_without_airflow_s_state_of_the_task_it_is_tried_again(task: Task) -> None:
    def away(*_: object) -> None:
        raise of_airflow(None)

    context = {**task.context, "task_state_store": SimpleNamespace(get=away, set=away)}
    decision = task.policy.evaluate(OUTAGE, 1, RETRIES, context)
    assert decision.action is RetryAction.RETRY


def test_a_worker_that_dies_every_time_is_given_up_and_outages_are_no_deaths(
    task: Task, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(12):
        task.fail(OUTAGE)
        require_workers_that_live(task.context)
    task.tries += DEATHS + 1
    require_workers_that_live(task.context)
    task.tries += 1
    with pytest.raises(Refused):
        require_workers_that_live(task.context)
    assert "the worker of this task died 6 times" in caplog.text
    task.clear()
    require_workers_that_live(task.context)

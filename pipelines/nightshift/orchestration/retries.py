"""When a task that failed is tried again, and for how long.

Another try is worth it after an outage, a time limit that ran out, or a worker that died; what is wrong fails at
once. The delay after a failure doubles from ``NIGHTSHIFT_RETRY_SECONDS`` to eight times that, and no try begins that
would, as long as the last one, end later than 120 times that after the beginning of the first: 15 seconds, 2 minutes
and 30 minutes; or 8 times that, of what nobody waits for. Airflow counts tries and knows no such limit, so the
beginning is kept in Airflow's state of the task (docs/decisions/0015-retries.md).
"""

import datetime as dt
import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from airflow.sdk import ExceptionRetryPolicy, RetryAction, RetryRule
from airflow.sdk.definitions.retry_policy import RetryDecision
from airflow.sdk.exceptions import AirflowRuntimeError, AirflowTaskTimeout

from nightshift.orchestration.guard import TIMED_OUT, Interrupted, Refused

log = logging.getLogger("nightshift")

# More than fit into the time, which alone should end the retries: 18, and the workers that may die.
RETRIES = 24
DEATHS = 5
LONGEST_DELAY = 8
PATIENCE = 120
LITTLE_PATIENCE = 8
STATE = "nightshift_failures"
OUTAGES = [
    Interrupted,
    AirflowTaskTimeout,
    ConnectionError,
    TimeoutError,
    "requests.exceptions.ConnectionError",
    "requests.exceptions.Timeout",
]
RULES = [
    RetryRule(exception=OUTAGES, action=RetryAction.RETRY),
    RetryRule(exception=Refused, action=RetryAction.FAIL, reason="the same input would be refused again"),
]


@dataclass(frozen=True)
class Failures:
    """The failures of a task that came to the policy, since it was last cleared.

    ``max_tries`` is Airflow's, which changes when a task is cleared.
    """

    max_tries: int
    first_began: str
    count: int = 0

    @property
    def waited(self) -> dt.timedelta:
        """The time since the first of them began."""
        return dt.datetime.now(dt.UTC) - dt.datetime.fromisoformat(self.first_began)


class OnlyOutages(ExceptionRetryPolicy):
    """Try again after an outage, until patience ends; fail at once after anything else."""

    def __init__(self, first_delay: float, patience: int = PATIENCE) -> None:
        # A fault of ours fails the same way again. A worker that died has no exception, and is retried.
        super().__init__(RULES, default=RetryAction.FAIL)
        self._first_delay = dt.timedelta(seconds=first_delay)
        self._patience = patience

    @property
    def longest_delay(self) -> dt.timedelta:
        """The longest time between two tries."""
        return LONGEST_DELAY * self._first_delay

    @property
    def patience(self) -> dt.timedelta:
        """The time from the beginning of the first failed try to the end of the last."""
        return self._patience * self._first_delay

    def delay(self, failures: int) -> dt.timedelta:
        """The time after so many failures."""
        return self._first_delay * min(2 ** (failures - 1), LONGEST_DELAY)

    def evaluate(
        self, exception: BaseException, try_number: int, max_tries: int, context: Any | None = None
    ) -> RetryDecision:
        """What becomes of a failed try."""
        decision = super().evaluate(exception, try_number, max_tries, context)
        worth_it = decision.action is RetryAction.RETRY or is_outage_of_airflow(exception)
        if context is None or not worth_it:
            return decision
        try:
            failures = _remember(context)
        except AirflowRuntimeError as error:
            return RetryDecision.retry(self.longest_delay, f"Airflow's API did not answer: {error}")
        return self._decide(exception, failures, began=context["ti"].start_date)

    def _decide(self, exception: BaseException, failures: Failures, began: dt.datetime) -> RetryDecision:
        delay = self.delay(failures.count)
        took = dt.datetime.now(dt.UTC) - began
        # The first failure is always tried again: a time limit that ran out may be longer than all patience.
        if failures.count > 1 and failures.waited + delay + took > self.patience:
            log.error(
                "given up after %d tries in %s: %s; see `nightshift status`, then clear this task",
                failures.count,
                _in_words(failures.waited),
                reason_of(exception),
            )
            return RetryDecision.fail()
        return RetryDecision.retry(delay, f"failure {failures.count}, worth another try: {reason_of(exception)}")


def reason_of(exception: BaseException) -> str:
    """An exception in one line."""
    if isinstance(exception, Interrupted):
        return exception.reason
    if isinstance(exception, AirflowTaskTimeout):
        return TIMED_OUT
    return f"{type(exception).__name__}: {exception}"


def is_outage_of_airflow(exception: BaseException) -> bool:
    """Whether Airflow's API did not answer, or not well; what it refuses, it would refuse again."""
    if not isinstance(exception, AirflowRuntimeError):
        return False
    detail = exception.error.detail or {}
    status = detail.get("status_code")
    return status is None or status >= 500


def require_workers_that_live(context: Mapping[str, Any]) -> None:
    """End a task whose workers die again and again, as for want of memory: no exception tells the policy of it."""
    ti = context["ti"]
    tries = ti.try_number - (ti.max_tries - RETRIES)
    if tries <= DEATHS + 1:
        return
    deaths = tries - 1 - _failures(context).count
    if deaths > DEATHS:
        log.error("given up: the worker of this task died %d times; see its memory, then clear this task", deaths)
        raise Refused(1)


def _remember(context: Mapping[str, Any]) -> Failures:
    """Count the failure of this try."""
    failures = _failures(context)
    failures = replace(failures, count=failures.count + 1)
    context["task_state_store"].set(STATE, asdict(failures))
    return failures


def _failures(context: Mapping[str, Any]) -> Failures:
    ti = context["ti"]
    kept = context["task_state_store"].get(STATE)
    if kept and kept["max_tries"] == ti.max_tries:
        return Failures(**kept)
    return Failures(ti.max_tries, first_began=ti.start_date.isoformat())


def _in_words(time: dt.timedelta) -> str:
    minutes = time.total_seconds() / 60
    return f"{minutes:.0f} minutes" if minutes >= 2 else f"{time.total_seconds():.0f} seconds"

"""Nightshift's errors at the border to Airflow: one clear message in the log, no traceback.

A person's mistake or a refused night ends the task with ``Refused``, an outage with ``Interrupted``;
both are ``SystemExit``, which Airflow logs without a traceback, and the retry policy tells them apart.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from airflow.sdk.exceptions import AirflowSkipException, AirflowTaskTimeout

from nightshift.errors import NightshiftError, NoSourceData, Superseded, Unavailable

log = logging.getLogger("nightshift")
TIMED_OUT = "the task ran into its time limit: something that it waited for did not answer"


class Refused(SystemExit):
    """Trying again would end the same. ``error`` is what was wrong, for who is told of it."""

    def __init__(self, code: int, error: NightshiftError | None = None) -> None:
        super().__init__(code)
        self.error = error


class Interrupted(SystemExit):
    """A store did not answer; worth another try. ``reason`` is the ``error`` in words."""

    def __init__(self, reason: str, error: NightshiftError | None = None) -> None:
        super().__init__(1)
        self.reason = reason
        self.error = error


@contextmanager
def explained() -> Iterator[None]:
    """Say what is wrong and end the task: skipped, failed for good, or to be retried."""
    try:
        yield
    except (NoSourceData, Superseded) as notice:
        raise AirflowSkipException(str(notice)) from None
    except Unavailable as error:
        # No error yet: it becomes one when the retries give up.
        log.warning("%s: %s", type(error).__name__, error)
        raise Interrupted(f"{type(error).__name__}: {error.message}", error) from None
    except AirflowTaskTimeout:
        log.warning("%s", TIMED_OUT)
        raise Interrupted(TIMED_OUT) from None
    except NightshiftError as error:
        log.error("%s: %s", type(error).__name__, error)
        raise Refused(1, error) from None

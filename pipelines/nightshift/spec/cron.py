"""When something is to run: cron strings as Airflow reads them, looked at before Airflow does."""

import datetime as dt
import re
from typing import Annotated

from pydantic import AfterValidator

FIELDS = 5
EVERY_DAY = re.compile(r"([0-9]|[1-5][0-9]) ([0-9]|1[0-9]|2[0-3]) \* \* \*")
"""Most of them; they are told without a library."""
QUARTERLY = "0 0 1 */3 *"
ANY_DAY = dt.datetime(2024, 1, 1, tzinfo=dt.UTC)


def written_out(text: str) -> str:
    """The same without Airflow's own word, which the library does not know."""
    return QUARTERLY if text == "@quarterly" else text


def _checked(text: str) -> str:
    if EVERY_DAY.fullmatch(text):
        return text
    from croniter import CroniterError, croniter

    try:
        schedule = croniter(written_out(text), ANY_DAY)
        schedule.get_next()
    except (CroniterError, ValueError) as error:
        raise ValueError(f"got {text!r}, allowed: cron, as 0 2 * * * for every day at 02:00; {error}") from error
    if len(schedule.expanded) != FIELDS:
        raise ValueError(f"got {text!r}, allowed: cron of {FIELDS} fields: minute, hour, day, month, day of the week")
    return text


Cron = Annotated[str, AfterValidator(_checked)]

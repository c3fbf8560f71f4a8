"""How often there is a night: each day, on some days of the week, once a week or once a month."""

import datetime as dt
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass

DAY = dt.timedelta(days=1)
FEWEST_NIGHTS = 4
"""With fewer it is chance that all of them are one day of the week or of the month."""
FEWEST_OF_SOME_DAYS = 10
MOSTLY = 2 / 3
"""Of the days of the week that have nights at all, so many have one: others are seldom by themselves."""
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
IN_A_ROW = 3


@dataclass(frozen=True)
class Cadence:
    """The schedule, in words what was seen, and how many days lie between two nights, mostly, at most.

    ``cooldown_days`` and ``new_nights`` are what a governor should wait for.
    """

    schedule: str = "0 2 * * *"
    seen: str = ""
    step_days: int = 1
    cooldown_days: int = 7
    new_nights: int = 7


def cadence_of(nights: Collection[dt.date]) -> Cadence:
    """What all nights have in common; every day where that may be chance."""
    if len(nights) < FEWEST_NIGHTS:
        return Cadence()
    return _monthly(nights) or _weekly(nights) or Cadence()


def _monthly(nights: Collection[dt.date]) -> Cadence | None:
    days = {night.day for night in nights}
    if all((night + DAY).day == 1 for night in nights):
        day = "L"
        which = "the last day"
    elif len(days) == 1:
        day = str(*days)
        which = f"day {day}"
    else:
        return None
    return Cadence(
        schedule=f"0 2 {day} * *",
        seen=f"each of the {len(nights)} nights is {which} of its month",
        step_days=31,
        cooldown_days=31,
        new_nights=2,
    )


def _weekly(nights: Collection[dt.date]) -> Cadence | None:
    days = sorted({night.isoweekday() for night in nights})
    if len(days) == 1:
        [day] = days
        return Cadence(
            schedule=f"0 2 * * {_cron(days)}",
            seen=f"each of the {len(nights)} nights is a {WEEKDAYS[day - 1]}",
            step_days=7,
            new_nights=4,
        )
    if len(nights) < FEWEST_OF_SOME_DAYS or len(days) == len(WEEKDAYS) or not _are_mostly_there(nights):
        return None
    names = [WEEKDAYS[day - 1] for day in days]
    gaps = [(later - day) % 7 for day, later in zip(days, [*days[1:], days[0]], strict=True)]
    return Cadence(
        schedule=f"0 2 * * {_cron(days)}",
        seen=f"none of the {len(nights)} nights is another day than {', '.join(names)}",
        step_days=max(gaps),
    )


def _are_mostly_there(nights: Collection[dt.date]) -> bool:
    """Whether each day of the week that has a night has one in most weeks."""
    first = min(nights)
    there = Counter(night.isoweekday() for night in nights)
    possible = Counter((first + days * DAY).isoweekday() for days in range((max(nights) - first).days + 1))
    return all(there[day] >= MOSTLY * possible[day] for day in there)


def _cron(days: list[int]) -> str:
    """Days of the week as cron has them, whose Sunday is 0."""
    first, *_ = days
    *_, last = days
    is_a_row = len(days) >= IN_A_ROW and last - first == len(days) - 1
    if is_a_row and last < len(WEEKDAYS):
        return f"{first}-{last}"
    return ",".join(str(day % 7) for day in days)

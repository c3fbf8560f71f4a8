"""How long a training window, and how many nights held out, by the nights and rows that there are."""

import datetime as dt
from collections import Counter

from nightshift.authoring.cadence import cadence_of

LONGEST_WINDOW = 90
ENOUGH_ROWS = 100_000
"""With fewer rows a window is longer: then each more night is worth more than that it is old."""
ENOUGH_NIGHTS = 24
"""Of weeks and months a window holds so many, of which some can be held out."""
MOST_DAYS = 730
LONGEST_HOLDOUT = 14
WINDOW_COMMENT = (
    f"days of the calendar: of the data at most {LONGEST_WINDOW}, or what {ENOUGH_ROWS:,} rows in {ENOUGH_NIGHTS}"
    " nights take"
)


def window(nights: Counter[dt.date]) -> tuple[int, int]:
    """Days of a training window and of its holdout that the nights allow: a fifth of the nights is held out."""
    first = min(nights)
    last = max(nights)
    span = (last - first).days + 1
    enough = (last - _first_of_enough(nights)).days + 1
    longest = min(span, max(LONGEST_WINDOW, enough))
    # A training on a day between two nights sees as many as on a night.
    slack = cadence_of(nights).step_days - 1
    window_days = max(2, longest + slack)
    nights_inside = [night for night in nights if (last - night).days < window_days]
    a_fifth = round(len(nights_inside) / 5)
    most = min(LONGEST_HOLDOUT, window_days - 1)
    holdout_days = max(1, min(most, a_fifth))
    return window_days, holdout_days


def _first_of_enough(nights: Counter[dt.date]) -> dt.date:
    """The night back to which there are nights and rows enough, or all that two years have."""
    first = last = max(nights)
    rows = 0
    for count, night in enumerate(sorted(nights, reverse=True)):
        is_enough = rows >= ENOUGH_ROWS and count >= ENOUGH_NIGHTS
        if is_enough or (last - night).days >= MOST_DAYS:
            break
        rows += nights[night]
        first = night
    return first


def held_out_rows(nights: Counter[dt.date]) -> int:
    """Rows of the nights that the first training holds out."""
    _, holdout_days = window(nights)
    last = sorted(nights)[-holdout_days:]
    return sum(nights[night] for night in last)

"""By when a night is to be published, and which nights that can be said of.

The wall clock is the point here, and only here: a night is late by it. Which night is meant goes by the schedule: the
newest one whose time has come. Nights before it are old, and no backfill of them is late.
"""

import datetime as dt
import zoneinfo

from nightshift.partitions import parse_partition, shifted
from nightshift.spec.cron import written_out
from nightshift.spec.night import Partition


def due_at(partition: Partition, published_by: str, night: str) -> dt.datetime:
    """When a night is due: at that time of day, for the first time after the schedule's run of it."""
    from croniter import croniter

    zone = zoneinfo.ZoneInfo(partition.timezone)
    midnight = dt.datetime.combine(parse_partition(night), dt.time())
    # By a clock without a zone, as the schedule counts nights.
    moments = croniter(written_out(partition.schedule), midnight - dt.timedelta(seconds=1))
    run: dt.datetime = moments.get_next(dt.datetime)
    hour, minute = (int(word) for word in published_by.split(":"))
    due = run.replace(hour=hour, minute=minute, second=0)
    if due <= run:
        due += dt.timedelta(days=1)
    return due.replace(tzinfo=zone)


def newest_due(partition: Partition, published_by: str, now: dt.datetime) -> str | None:
    """The newest night of the schedule that should be published by now; None before the first."""
    today = now.astimezone(zoneinfo.ZoneInfo(partition.timezone)).date().isoformat()
    for night in reversed(partition.nights_before(shifted(today, 1), 3)):
        if night >= partition.start.isoformat() and due_at(partition, published_by, night) <= now:
            return night
    return None


def deadline_of(partition: Partition, published_by: str, night: str, now: dt.datetime) -> dt.datetime | None:
    """When a night whose run begins now is due; None for an old one, which nobody waits for."""
    newest = newest_due(partition, published_by, now)
    if newest is not None and night < newest:
        return None
    return due_at(partition, published_by, night)

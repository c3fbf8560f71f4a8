"""What one night is, and what is expected of it as a whole."""

import datetime as dt
import zoneinfo
from collections.abc import Iterator
from functools import cache
from itertools import takewhile
from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from nightshift.partitions import parse_partition, shifted
from nightshift.spec.base import Action, Frozen, Name
from nightshift.spec.cron import Cron, written_out
from nightshift.spec.reserved import MONITORED


class Partition(Frozen):
    """What one night is."""

    column: Name = Field(description="Hive partition column; the date of the night")
    timezone: str = Field("UTC", description="time zone of the schedule")
    schedule: Cron = Field("0 2 * * *", description="cron of the nightly run, in that time zone")
    start: dt.date = Field(description="first night there can be")

    def nights_before(self, night: str, count: int) -> list[str]:
        """So many nights by the schedule before one, oldest first."""
        nights: list[str] = []
        for day in self._backwards(night):
            if len(nights) == count:
                break
            nights.append(day)
        return nights[::-1]

    def nights_between(self, first: str, last: str) -> list[str]:
        """The nights by the schedule from first to last, both included."""
        nights = takewhile(lambda day: day >= first, self._backwards(shifted(last, 1)))
        return sorted(nights)

    def next_run(self, night: str) -> dt.datetime:
        """When the schedule begins the first night after one, in its time zone."""
        from croniter import croniter

        zone = zoneinfo.ZoneInfo(self.timezone)
        end = dt.datetime.combine(parse_partition(shifted(night, 1)), dt.time(), zone)
        # What it is given is none of its answers.
        moment: dt.datetime = croniter(written_out(self.schedule), end - dt.timedelta(seconds=1)).get_next(dt.datetime)
        return moment

    def _backwards(self, night: str) -> Iterator[str]:
        """The nights before one, the newest first: the days on which the schedule has a run, each once."""
        from croniter import CroniterBadDateError, croniter

        midnight = dt.datetime.combine(parse_partition(night), dt.time())
        # By a clock without a zone: which days there are does not depend on the hour that spring leaves out.
        moments = croniter(written_out(self.schedule), midnight)
        before = night
        while True:
            try:
                moment = moments.get_prev(dt.datetime)
            except CroniterBadDateError:
                return
            day = moment.date().isoformat()
            if day != before:
                yield day
            before = day

    @field_validator("column")
    @classmethod
    def _is_no_column_of_monitoring(cls, name: str) -> str:
        if name in MONITORED:
            raise ValueError(
                f"{name} is a column of monitoring/, which lies under it: call it night, say source.column: {name}"
                " where the source has it, and move the nights that are there by nightshift migrate"
            )
        return name

    @model_validator(mode="after")
    def _timezone_exists(self) -> Self:
        if self.timezone not in _timezones():
            raise ValueError(f"timezone: got {self.timezone!r}, allowed: names like America/New_York or UTC")
        return self


@cache
def _timezones() -> frozenset[str]:
    """Those that there are: a walk through hundreds of files, once for all models that a process reads."""
    return frozenset(zoneinfo.available_timezones())


class Compare(Frozen):
    """Two columns of a row; rows where either is null pass."""

    left: Name = Field(description="a column")
    relation: Literal["<", "<=", "==", ">=", ">"] = Field(description="how left is to right")
    right: Name = Field(description="another column")
    on_breach: Action = Field("refuse", description="refuse the night or drop the row")


class Reference(Frozen):
    """Every value of a column is one of a list kept elsewhere; null passes."""

    column: Name = Field(description="whose values are looked up")
    file: str = Field(description="Parquet or CSV: beside model.yaml or below it, or s3://bucket/key", min_length=1)
    key: str = Field(description="the column of that file that holds the allowed values", min_length=1)
    on_breach: Action = Field("refuse", description="refuse the night or drop the row")


class History(Frozen):
    """The number of rows beside that of the nights before; fewer nights than half of ``nights`` say nothing."""

    nights: int = Field(7, ge=1, description="how many published nights before this one count")
    min_share: float = Field(0.5, ge=0, description="of their median number of rows")
    max_share: float = Field(2.0, gt=0, description="of their median number of rows")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.min_share > self.max_share:
            raise ValueError(f"min_share {self.min_share} is above max_share {self.max_share}")
        return self


class NightChecks(Frozen):
    """What is expected of a whole night."""

    min_rows: int = Field(1, ge=1, description="refuse a night with fewer, also after rows were dropped")
    max_rows: int | None = Field(None, ge=1, description="refuse a night with more")
    duplicate_keys: Action = Field("refuse", description="refuse the night, or drop all rows of a repeated key")
    max_quarantined_share: Annotated[float, Field(ge=0, lt=1)] = Field(
        0.05, description="refuse a night of which more rows would be dropped"
    )
    history: History | None = Field(None, description="rows compared with the nights before; none by default")
    published_by: str | None = Field(
        None,
        description='time of day, as "06:00" in partition.timezone, by which a night is to be published; people are'
        " told of one that is not",
        pattern=r"^[0-2][0-9]:[0-5][0-9]$",
    )
    compare: tuple[Compare, ...] = Field((), description="checks across two columns of a row")
    references: tuple[Reference, ...] = Field((), description="checks against values that lie in another file")
    great_expectations: str | None = Field(
        None,
        description="JSON file beside model.yaml: a list of native expectations, {type, kwargs}",
        pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]*$",
    )

    @field_validator("published_by")
    @classmethod
    def _is_a_time(cls, text: str | None) -> str | None:
        if text is not None and text >= "24:00":
            raise ValueError(f'got {text!r}, allowed: "00:00" to "23:59"')
        return text

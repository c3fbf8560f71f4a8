"""Where a timestamp says the night, the hour of a row is no secret of it: a second column of the draft keeps it."""

import datetime as dt

import pandas as pd
import pytest

from nightshift.errors import UsageError
from nightshift.settings import Settings
from nightshift.sources import features
from nightshift.stores import Stores
from tests.frames import NIGHTS, rows
from tests.unit.authoring.conftest import Proposal

MOMENTS = [dt.datetime.combine(night, dt.time(place % 24)) for night in NIGHTS for place in range(40)]


@pytest.mark.parametrize("ending", ["parquet", "csv"])
@pytest.mark.parametrize(("name", "alias"), [("day", "day_at"), ("Created at", "created_at_time")])
def test_the_hour_of_the_night_s_column_is_a_feature(
    propose: Proposal, project: Settings, ending: str, name: str, alias: str
) -> None:
    frame = rows().drop(columns="day").assign(**{name: MOMENTS})
    spec, made, _ = propose(frame, ending, partition_by=name)
    assert (spec.columns[alias].source, spec.columns[alias].parts) == (name, ("hour", "weekday"))
    assert spec.features == ("size", f"{alias}_hour", f"{alias}_weekday")
    assert (made.nights, made.warnings) == (10, [])
    night = features(spec, NIGHTS[1].isoformat(), Stores(project)).to_pydict()
    assert night[f"{alias}_hour"][:3] == [0, 1, 2]
    assert set(night[f"{alias}_weekday"]) == {2}
    assert set(night["id"]) == set(range(40, 80))


def test_hours_are_those_of_the_clock_of_the_night(propose: Proposal, project: Settings) -> None:
    zoned = pd.Series(MOMENTS).dt.tz_localize("America/New_York").dt.tz_convert("UTC")
    spec, made, _ = propose(rows(day=zoned), timezone="America/New_York")
    assert made.nights == 10
    night = features(spec, NIGHTS[1].isoformat(), Stores(project)).to_pydict()
    assert night["day_at_hour"][:3] == [0, 1, 2]


@pytest.mark.parametrize("moments", [NIGHTS, [dt.datetime.combine(night, dt.time(2, 30)) for night in NIGHTS]])
@pytest.mark.parametrize("ending", ["parquet", "csv"])
def test_a_night_s_column_that_says_only_the_night_is_no_column_of_rows(
    propose: Proposal, ending: str, moments: list[dt.date]
) -> None:
    spec, made, text = propose(rows(day=[moment for moment in moments for _ in range(40)]), ending)
    assert list(spec.columns) == ["id", "size"]
    assert (made.warnings, "day_at" in text) == ([], False)


def test_a_name_that_is_taken_is_not_used_twice(propose: Proposal) -> None:
    spec, _, _ = propose(rows(day=MOMENTS, day_at=1.5))
    assert (spec.columns["day_at"].type, spec.columns["day_at_2"].source) == ("float64", "day")


def test_the_moment_may_be_the_key(propose: Proposal) -> None:
    moments = [
        dt.datetime.combine(night, dt.time(place // 2, 30 * (place % 2))) for night in NIGHTS for place in range(40)
    ]
    spec, _, _ = propose(rows(day=moments).drop(columns="id"), keys=("day",))
    assert spec.keys == ("day_at",)
    assert "day_at_hour" in spec.features


def test_the_label_is_not_what_says_the_night(propose: Proposal) -> None:
    with pytest.raises(UsageError, match="--label: day is timestamp"):
        propose(rows(day=MOMENTS), label="day")

"""A draft takes nights it has not seen: the calendar has no limits, and what late nights break is not checked."""

import datetime as dt
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import pytest

from nightshift.authoring.tryout import TryOut, try_out
from nightshift.errors import UsageError
from nightshift.settings import Settings
from nightshift.sources import features
from nightshift.spec import ModelSpec
from nightshift.stores import Stores
from tests.unit.authoring.conftest import Proposal

YEAR = pd.date_range("2011-01-01", "2011-12-31 23:00", freq="h")
NIGHTS = pd.date_range("2024-01-01", periods=9)


def bikes() -> pd.DataFrame:
    """Hours of a year as the well-known set of rented bikes has them."""
    rng = np.random.default_rng(0)
    warmth = np.sin((YEAR.day_of_year - 100) * 2 * np.pi / 365)
    rents = rng.poisson(50 + 40 * warmth + 5 * YEAR.hour)
    return pd.DataFrame({
        "dteday": YEAR.date,
        "season": YEAR.quarter,
        "season_name": np.array(["winter", "spring", "summer", "fall"])[YEAR.quarter - 1],
        "yr": YEAR.year,
        "mnth": YEAR.month,
        "hr": YEAR.hour,
        "weekday": YEAR.day_of_week,
        "workingday": (YEAR.day_of_week < 5).astype(int),
        "daylight": np.round(12 + 3 * warmth, 2),
        "pressure": rng.normal(1000, 5, 366)[YEAR.day_of_year],
        "temp": 0.4 + 0.2 * warmth + rng.normal(0, 0.05, len(YEAR)),
        "cnt": rents,
    })


def rows(**columns: Any) -> pd.DataFrame:
    """Nine nights of forty rows."""
    rng = np.random.default_rng(0)
    count = 40 * len(NIGHTS)
    frame = pd.DataFrame({
        "day": np.repeat(NIGHTS.date, 40),
        "id": range(count),
        "size": rng.normal(size=count),
        "label": rng.random(count) < 0.3,
    })
    return frame.assign(**columns)


def late(seen: Any, later: Any) -> list[Any]:
    """One value in the first six nights, and in the last three another, in some rows."""
    values = [seen] * 360
    values[300:310] = [later] * 10
    return values


def nights_of(frame: pd.DataFrame, spec: ModelSpec, project: Settings) -> Iterator[TryOut]:
    frame.to_parquet(project.project / "in.parquet")
    nights = sorted(frame["dteday"].unique())
    # Every fifth: all months, and all days of the week.
    for night in nights[::5]:
        yield try_out(spec, night.isoformat(), project)


def test_drafted_from_january_to_april_no_later_night_is_refused(propose: Proposal, project: Settings) -> None:
    frame = bikes()
    until_april = frame["dteday"] < dt.date(2011, 5, 1)
    spec, _, text = propose(frame[until_april], label="cnt", keys=("hr",), partition_by="dteday")
    later = frame[~until_april].query("yr == 2011")
    results = list(nights_of(later, spec, project))
    assert len(results) == 49
    assert [result for result in results if result.refusals or result.dropped] == []
    assert "hr" in spec.features
    assert "by its name a part of the calendar" in text
    assert "one value a night" in text


def test_a_check_that_late_nights_break_is_left_out_and_said(propose: Proposal) -> None:
    column = np.where(np.array(late(0, 1)) == 1, 99.0, np.arange(360) % 7)
    spec, made, text = propose(rows(strange=column))
    assert spec.columns["strange"].max is None
    [line] = [line for line in made.notes if line.startswith("strange: ")]
    assert "no limits are written, they would have" in line
    assert "dropped: 10 rows of 1 later nights, as " in line
    assert "no limits are written" in text


def test_a_text_that_comes_late_costs_no_row(propose: Proposal) -> None:
    column = np.where(np.array(late(0, 1)) == 1, "new", np.array(["a", "b"] * 180))
    spec, made, _ = propose(rows(strange=column))
    assert (spec.columns["strange"].values, spec.columns["strange"].closed) == (("a", "b"), False)
    assert [line for line in made.notes if line.startswith("strange: ")] == []


def test_nulls_that_come_late_are_allowed(propose: Proposal) -> None:
    values = np.where(np.array(late(0, 1)) == 1, np.nan, np.arange(360) % 7)
    spec, made, _ = propose(rows(gap=values))
    assert spec.columns["gap"].nullable
    assert "gap: nulls came later, so they are allowed: 10 rows of 1 later nights" in made.notes


def test_a_share_of_nulls_that_late_nights_pass_is_left_out(propose: Proposal) -> None:
    values = np.arange(360) % 7.0
    values[0] = np.nan
    values[300:340] = np.nan
    spec, _, text = propose(rows(gap=values))
    assert (spec.columns["gap"].nullable, spec.columns["gap"].max_null_share) == (True, None)
    assert "no share of nulls is written" in text


def test_a_night_that_grows_late_has_no_limit(propose: Proposal) -> None:
    many = pd.concat([
        rows(),
        rows().query("id >= 320").assign(id=range(1000, 1040)).loc[np.repeat(range(320, 360), 3)],
    ])
    spec, made, text = propose(many.assign(id=range(len(many))))
    assert (spec.night.min_rows, spec.night.max_rows) == (20, None)
    assert "no max_rows: 80 would have refused 1 later nights" in "\n".join(made.notes)
    assert "# no max_rows" in text


def test_where_nothing_is_lost_that_is_said(propose: Proposal) -> None:
    _, made, text = propose(rows())
    assert "tried on the other 3, which would have lost no row" in "\n".join(made.notes)
    assert "Limits are of the first 6 nights" in text


@pytest.mark.parametrize(
    "name", ["No", "On", "Off", "Null", "Yes", "1e3", "012", "a: b", "#x", "trailing ", "'q'", "価"]
)
def test_names_that_yaml_reads_as_something_else_are_drafted(propose: Proposal, name: str) -> None:
    spec, _, _ = propose(rows(**{name: np.arange(360) % 7.0}))
    sources = {column.source or alias for alias, column in spec.columns.items()}
    assert name in sources


def test_texts_that_yaml_reads_as_something_else_stay_what_they_are(propose: Proposal) -> None:
    texts = ["no", "on", "null", "~", "1e3", "012", "2024-01-01", "a: b", "#x", " trailing "]
    spec, _, _ = propose(rows(kind=texts * 36))
    assert spec.columns["kind"].values == tuple(sorted(texts))


def test_a_draft_that_fails_its_own_check_leaves_nothing(
    propose: Proposal, project: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nightshift.authoring.row_limits.half", lambda _: -1)
    with pytest.raises(UsageError, match=r"does not pass its own check: .*night\.min_rows.*nothing was written"):
        propose(rows())
    assert list(project.models.iterdir()) == []


def test_a_few_infinite_values_too_many_raise_the_share_that_may_be_dropped(propose: Proposal) -> None:
    wild = np.arange(360) % 7.0
    wild[350:] = np.inf
    spec, _, text = propose(rows(wild=wild))
    assert spec.night.max_quarantined_share == pytest.approx(0.38)
    assert "the last night would lose nearly as many rows" in text


def test_hour_and_weekday_of_a_moment_are_drafted_as_features_and_watched(propose: Proposal) -> None:
    frame = rows()
    moments = pd.to_datetime(frame["day"]) + pd.to_timedelta(frame["id"] % 24, unit="h")
    spec, _, text = propose(frame.assign(at=moments, due=pd.Timestamp("2024-02-01")))
    assert spec.features == ("size", "at_hour", "at_weekday")
    assert {"at_hour", "at_weekday"} <= set(spec.drift.features)
    assert "parts: [hour, weekday]" in text
    assert "a moment is no quantity" in text


def test_0_and_1_are_a_flag_and_the_first_years_are_none(propose: Proposal) -> None:
    spec, _, _ = propose(rows(member=np.arange(360) % 2, year=np.arange(360) // 200, level=np.arange(360) % 3))
    assert [spec.columns[name].type for name in ("member", "year", "level")] == ["bool", "int64", "int64"]


def test_a_count_that_was_hardly_ever_above_0_is_no_flag(propose: Proposal) -> None:
    seldom = np.where(np.arange(360) % 20 == 0, 1, 0)
    spec, _, _ = propose(rows(boats=seldom, is_new=seldom))
    assert [spec.columns[name].type for name in ("boats", "is_new")] == ["int64", "bool"]


def test_whole_numbers_that_name_something_are_categories(propose: Proposal, project: Settings) -> None:
    codes = np.array([7, 12, 101])[np.arange(360) % 3]
    with_null = np.where(np.arange(360) % 9 == 0, np.nan, np.arange(360) % 4)
    spec, _, text = propose(rows(zone_id=codes, status=with_null, amount=codes))
    columns = {name: (spec.columns[name].type, spec.columns[name].values) for name in ("zone_id", "status", "amount")}
    assert columns == {
        "zone_id": ("string", ("7", "12", "101")),
        "status": ("string", ("0", "1", "2", "3")),
        "amount": ("int64", None),
    }
    assert "whole numbers that name something, by the column's name" in text
    night = features(spec, "2024-01-01", Stores(project))
    assert set(night["zone_id"].to_pylist()) == {"7", "12", "101"}
    assert set(night["status"].to_pylist()) == {"0", "1", "2", "3", None}


def test_what_only_moves_with_the_night_is_no_feature_and_a_month_is(propose: Proposal) -> None:
    """Trees would take the last value that they saw for all that come, and learn nothing else where it stands."""
    days = np.repeat(np.arange(len(NIGHTS)), 40)
    spec, _, text = propose(rows(season=2024 + days / 366, serial=days * 7, month=1 + days // 3))
    assert set(spec.features) == {"size", "month"}
    assert "no feature: it moves with the night: of other nights it has other values" in text

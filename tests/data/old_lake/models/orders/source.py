"""Orders, made up: a night's rows depend on its date alone."""

import datetime as dt

import numpy as np
import pandas as pd

ROWS = 90
FIRST, HOLIDAY = dt.date(2024, 1, 1), dt.date(2024, 2, 29)


def all_orders(night):
    rng = np.random.default_rng(night.toordinal())
    rows = 0 if night < FIRST or night == HOLIDAY else ROWS
    frame = pd.DataFrame({
        "site": rng.choice(["north", "south", "east"], rows),
        "number": np.arange(1, rows + 1, dtype="int32"),
        "kind": pd.Series(rng.choice(["book", "shoe", "lamp", None], rows), dtype="str"),
        "amount": np.where(rng.random(rows) < 0.1, np.nan, rng.gamma(2.0, 40.0, rows).clip(0, 999)),
        "weight": rng.gamma(2.0, 1.5, rows),
        "items": rng.integers(1, 13, rows).astype("int16"),
        "express": rng.random(rows) < 0.3,
    })
    odds = -1.0 + 1.8 * (frame["kind"] == "shoe") + 0.25 * (frame["items"] - 6) - 1.5 * frame["express"]
    odds += np.where(frame["amount"].isna(), 1.0, frame["amount"] / 100 - 0.8)
    frame["late"] = (rng.random(rows) < 1 / (1 + np.exp(-odds))).astype("float32")
    frame.loc[frame.index % 30 == 29, "late"] = np.nan
    return frame


def orders(night):
    """Two nights have rows that cannot be, and from the 13th on orders are dearer."""
    frame = all_orders(night)
    if night >= dt.date(2024, 1, 13):
        frame["amount"] = (frame["amount"] * 4).clip(0, 999)
    if night in {dt.date(2024, 1, 4), dt.date(2024, 1, 13)}:
        frame.loc[[6, 40], "amount"] = -5.0
    return frame


def features(night):
    return orders(night).drop(columns="late")


def labels(night):
    return orders(night)[["site", "number", "late"]]

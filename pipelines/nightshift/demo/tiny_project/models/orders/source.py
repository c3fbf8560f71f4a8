"""Orders, made up: the rows of a night depend on its date alone."""

import datetime as dt

import numpy as np
import pandas as pd

ROWS = 300
SEED = 2024
FIRST = dt.date(2024, 1, 1)
KEYS = ["site", "number"]


def features(night: dt.date) -> pd.DataFrame:
    """What is known when the orders of a night go out."""
    return _orders(night).drop(columns="late")


def labels(night: dt.date) -> pd.DataFrame:
    """Which of them came back late; null for those that are not back."""
    return _orders(night)[[*KEYS, "late"]]


def _orders(night: dt.date) -> pd.DataFrame:
    random = np.random.default_rng([SEED, night.toordinal()])
    rows = ROWS if night >= FIRST else 0
    kinds = random.choice(["book", "shoe", "lamp"], rows)
    amount = random.gamma(2.0, 40.0, rows).clip(0, 999)
    frame = pd.DataFrame({
        "site": random.choice(["north", "south", "east"], rows),
        "number": np.arange(1, rows + 1, dtype="int32"),
        "kind": pd.Series(kinds, dtype="str").mask(random.random(rows) < 0.2),
        "amount": np.where(random.random(rows) < 0.1, np.nan, amount),
        "weight": random.gamma(2.0, 1.5, rows),
        "items": random.integers(1, 13, rows).astype("int16"),
        "express": random.random(rows) < 0.3,
    })
    odds = -1.0 + 1.8 * (frame["kind"] == "shoe") + 0.25 * (frame["items"] - 6) - 1.5 * frame["express"]
    odds += np.where(frame["amount"].isna(), 1.0, frame["amount"] / 100 - 0.8)
    frame["late"] = (random.random(rows) < 1 / (1 + np.exp(-odds))).astype("float32")
    frame.loc[frame.index % 30 == 29, "late"] = np.nan
    return frame

"""What a public set is, and how rows without a date become nights."""

import datetime as dt
from dataclasses import dataclass

import numpy as np
import pandas as pd

NIGHTS = 40
FIRST = dt.date(2024, 1, 1)


@dataclass(frozen=True)
class PublicSet:
    """A frame with its night, key and label; all other columns are known when the night comes."""

    name: str
    frame: pd.DataFrame
    label: str
    keys: tuple[str, ...] = ("row",)
    night: str = "night"


def cut(name: str, frame: pd.DataFrame, label: str) -> PublicSet:
    """Rows in an order drawn once, as many to each night."""
    unnamed = [column for column in frame if str(column).startswith("Unnamed")]
    mixed = frame.drop(columns=unnamed).sample(frac=1, random_state=0).reset_index(drop=True)
    night = np.arange(len(mixed)) * NIGHTS // len(mixed)
    mixed.insert(0, "night", [FIRST + dt.timedelta(days=int(day)) for day in night])
    return PublicSet(name, with_row(mixed), label)


def with_row(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with a number for each row, to be its key."""
    numbered = frame.reset_index(drop=True)
    numbered.insert(1, "row", np.arange(len(numbered)))
    return numbered

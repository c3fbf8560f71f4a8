"""Frames of rows over ten nights, and the files that they are written to."""

import datetime as dt
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

NIGHTS = [dt.date(2024, 1, day) for day in range(1, 11)]


def put(frame: pd.DataFrame, path: Path) -> Path:
    """Write a frame as what the path ends in."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".csv":
        frame.to_csv(path, index=False)
    else:
        frame.to_parquet(path)
    return path


def rows(count: int = 400, **columns: Any) -> pd.DataFrame:
    """Rows with an id, a size and a label, in equal nights; ``columns`` come besides, or instead."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({
        "day": [NIGHTS[place * len(NIGHTS) // count] for place in range(count)],
        "id": range(count),
        "size": rng.normal(size=count),
        "label": rng.random(count) < 0.3,
    })
    return frame.assign(**columns)

"""Frames and labels as trainers take them, for tests that have no nights of their own."""

from typing import Any

import numpy as np
import pandas as pd

from nightshift.training.training_rows import TrainingRows

NIGHTS = 10


def as_rows(frame: pd.DataFrame, targets: Any) -> TrainingRows:
    """The rows, of ten nights one after the other."""
    rows = len(frame)
    return TrainingRows(
        frame=frame,
        targets=np.asarray(targets),
        nights=np.arange(rows) * NIGHTS // max(rows, 1),
    )

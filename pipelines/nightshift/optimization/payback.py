"""Whether a month of nights wins back what approximate graphs cost: they are taught and judged for minutes."""

import numpy as np

from nightshift.modelling.holdout import LabelledRows
from nightshift.spec import ModelSpec

NIGHTS = 30
COST_SECONDS = 60.0
"""Of building and judging approximate graphs: of 77,000 rows of flights it was 80 seconds of a core."""


def month_of_scoring(judged: LabelledRows, seconds_per_row: float) -> float:
    """Seconds that 30 nights as large as the judged ones take at most: on one core, by the plain export."""
    _, rows_by_night = np.unique(judged.nights, return_counts=True)
    return NIGHTS * float(np.median(rows_by_night)) * seconds_per_row


def not_won_back(spec: ModelSpec, month_seconds: float) -> str:
    """Why no approximate graph is built; empty where it may pay, or the spec wants them whatever they cost."""
    if spec.optimize.approximate == "always" or month_seconds >= COST_SECONDS:
        return ""
    return (
        f"not built: scoring {NIGHTS} nights takes {month_seconds:.2g} s at most, less than it costs to try"
        " (optimize.approximate: always tries it all the same)"
    )

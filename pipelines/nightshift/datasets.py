"""What lies in the lake, and for how long it is left alone. Light, since the command line needs it for its help."""

from enum import StrEnum


class Dataset(StrEnum):
    """What lies in the lake, night by night: the one list of it."""

    RAW = "raw"
    LABELS = "labels"
    VALIDATED = "validated"
    QUARANTINE = "quarantine"
    PREDICTIONS = "predictions"
    MONITORING = "monitoring"
    SHADOW = "shadow"


# Maintenance leaves alone what changed in the last days. The least exceeds the longest run: a Dag run ends
# within four hours, a step run by hand within a day.
KEEP_DAYS = 7.0
LEAST_KEEP_DAYS = 1.0

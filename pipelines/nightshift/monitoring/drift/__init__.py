"""Has the data drifted? Two detectors, the night by itself and several nights together, and one promise over both.

What is promised is how often quiet nights open an alarm: once in ``drift.false_alarms.once_per_nights`` nights, over
all features and both detectors. A season that the reference has not seen is drift, and alarms. Nothing is drawn
without a fixed seed: the same night after the same nights always gives the same numbers.
"""

from nightshift.monitoring.drift.former import thresholds
from nightshift.monitoring.drift.measure import HISTORY_NIGHTS, DriftReference, measure
from nightshift.monitoring.drift.result import NIGHT, SEVERAL_NIGHTS, DriftResult, FeatureDrift
from nightshift.monitoring.drift.tail import MIN_NIGHTS, prediction_limit
from nightshift.monitoring.drift.values import NightValues

__all__ = [
    "HISTORY_NIGHTS",
    "MIN_NIGHTS",
    "NIGHT",
    "SEVERAL_NIGHTS",
    "DriftResult",
    "FeatureDrift",
    "NightValues",
    "DriftReference",
    "measure",
    "prediction_limit",
    "thresholds",
]

"""Scores as probabilities that hold: learnt on nights that a fit did not see, and carried in its graph."""

from nightshift.training.calibration.learn import calibration_of
from nightshift.training.calibration.maps import Calibration, Isotonic, Platt, ScoreMap

__all__ = ["Calibration", "Isotonic", "Platt", "ScoreMap", "calibration_of"]

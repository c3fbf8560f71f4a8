"""Figures of a training run, drawn without a display."""

from nightshift.modelling.plots.training import training_plots

__all__ = ["training_plots"]

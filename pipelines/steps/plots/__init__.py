"""Figures of a training run, drawn without a display."""

from pipelines.steps.plots.training import training_plots

__all__ = ["training_plots"]

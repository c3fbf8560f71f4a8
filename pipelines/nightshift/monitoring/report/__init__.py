"""One night on one page, from its record."""

from nightshift.monitoring.report.beside import Beside
from nightshift.monitoring.report.histogram import histogram
from nightshift.monitoring.report.losses import loss_line
from nightshift.monitoring.report.page import render
from nightshift.monitoring.report.words import alarms, out_of_reach, verdict

__all__ = ["Beside", "alarms", "histogram", "loss_line", "out_of_reach", "render", "verdict"]

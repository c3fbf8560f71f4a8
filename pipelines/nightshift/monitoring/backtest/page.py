"""A backtest on one page, like a night's report: self-contained HTML, no script, everything from data escaped."""

from collections.abc import Sequence
from typing import Any

from nightshift.monitoring.backtest import words
from nightshift.monitoring.backtest.result import Backtest, JudgedNight
from nightshift.monitoring.backtest.trials import WITHIN
from nightshift.monitoring.templates import template_of

CHART = (900.0, 120.0)
# Bars end at three times the alarm line.
HIGHEST = 3.0


def render(backtest: Backtest) -> str:
    """The page of a backtest."""
    template = template_of("backtest/page.html.j2")
    return template.render(
        backtest=backtest,
        answer=words.answer(backtest),
        words=words,
        within=WITHIN,
        bars=bars(backtest.nights),
        chart=CHART,
        line=CHART[1] * (1 - 1 / HIGHEST),
    )


def bars(nights: Sequence[JudgedNight]) -> list[dict[str, Any]]:
    """A bar for each night: how much of its alarm line it reaches."""
    width, height = CHART
    step = width / max(len(nights), 1)
    placed = []
    for index, night in enumerate(nights):
        tall = min(night.ratio, HIGHEST) / HIGHEST * height
        placed.append({
            "night": night,
            "x": index * step,
            "width": step * 0.8,
            "y": height - tall,
            "height": tall,
        })
    return placed

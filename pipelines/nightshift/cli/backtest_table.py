"""A backtest on the terminal: nights of which there is something to say, asked beside seen, nights to detect faults."""

from collections.abc import Sequence
from pathlib import Path

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from nightshift.monitoring.backtest import words
from nightshift.monitoring.backtest.result import AlarmShare, Backtest, FaultTrials, JudgedNight
from nightshift.monitoring.backtest.trials import WITHIN
from nightshift.terminal import open_console


def show(backtest: Backtest, page: Path) -> None:
    """Print it."""
    console = open_console()
    for part in _parts(backtest):
        console.print(part, highlight=False)
    last_lines = [*backtest.notes, f"page: {page}"]
    for line in last_lines:
        text = Text(line)
        console.print(text, soft_wrap=True, highlight=False)


def _parts(backtest: Backtest) -> list[RenderableType]:
    model = Text(f"{backtest.model}: {words.answer(backtest)}", style="bold")
    parts: list[RenderableType] = [model, Text(words.policy(backtest))]
    nights = [night for night in backtest.nights if _is_worth_a_line(night)]
    if nights:
        parts += [Text(""), _nights(nights)]
    parts += [Text(""), _shares(backtest.shares)]
    if backtest.faults:
        parts += [Text(""), _faults(backtest.faults)]
    return parts


def _is_worth_a_line(night: JudgedNight) -> bool:
    reasons = (
        night.alarms,
        night.retrain,
        night.retrained,
        night.differs,
        bool(night.why_not),
    )
    return any(reasons)


def _table(*columns: str) -> Table:
    table = Table(box=None, padding=(0, 1), pad_edge=False)
    for column in columns:
        table.add_column(column, no_wrap=True)
    return table


def _nights(nights: Sequence[JudgedNight]) -> Table:
    table = _table("night", "version", "verdict", "line", "worst", "worse nights", "retrain", "in the lake")
    for night in nights:
        style = "red" if night.alarms else ""
        table.add_row(
            night.night,
            night.version,
            Text(words.verdict(night), style=style),
            f"{night.ratio:.2f}x",
            night.why_not or night.worst,
            " ".join(night.lost),
            "yes" if night.retrain else "",
            words.raised(night),
        )
    return table


def _shares(shares: Sequence[AlarmShare]) -> Table:
    table = _table("detector", "episodes", "nights", "asked of quiet nights", "seen", "95 % interval")
    for share in shares:
        table.add_row(
            share.detector,
            str(share.episodes),
            str(share.nights),
            words.percent(share.asked),
            *_seen(share),
        )
    return table


def _seen(share: AlarmShare) -> tuple[str, str]:
    """The share that was seen and its interval; nothing of no nights."""
    if not share.nights:
        return "-", "-"
    return words.percent(share.seen), words.interval(share)


def _faults(faults: Sequence[FaultTrials]) -> Table:
    table = _table("fault", "first night", f"within {WITHIN}", "median nights", "tried in")
    for trials in faults:
        table.add_row(
            trials.fault,
            f"{trials.first_night} of {trials.trials}",
            f"{trials.within} of {trials.trials}",
            words.soon(trials),
            ", ".join(trials.features),
        )
    return table

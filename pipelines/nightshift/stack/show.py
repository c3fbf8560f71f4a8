"""What ``nightshift up``, ``down``, ``status`` and ``doctor`` put on the terminal."""

import threading
import time
from collections.abc import Iterable, Sequence
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from nightshift.stack.environment import USER
from nightshift.stack.findings import DoctorResult
from nightshift.stack.launch import Event
from nightshift.stack.stack import ServiceStatus, Stack

_STYLES = {"up": "green", "ready": "green", "stopped": "green", "ok": "green", "warning": "yellow"}


class Progress:
    """A live table of services while they start or stop; plain lines where there is no terminal."""

    def __init__(self) -> None:
        self.console = Console()
        self._rows: dict[str, tuple[Event, float]] = {}
        self._lock = threading.Lock()
        self._live = Live(get_renderable=self._table, console=self.console, refresh_per_second=8)

    def __enter__(self) -> Self:
        if self.console.is_terminal:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.console.is_terminal:
            self._live.stop()

    def on_event(self, event: Event) -> None:
        """Take note of one step."""
        with self._lock:
            self._rows[event.service] = (event, time.monotonic())
        if not self.console.is_terminal and event.state != "starting":
            self.console.print(f"{event.service}: {_state(event)}")

    def _table(self) -> Table:
        table = Table.grid(padding=(0, 2))
        with self._lock:
            rows = list(self._rows.items())
        for name, (event, since) in rows:
            table.add_row(name, _waiting(since) if event.state == "starting" else _state(event))
        return table


def _waiting(since: float) -> Spinner:
    return Spinner("dots", f"waiting {time.monotonic() - since:.0f} s")


def _state(event: Event) -> Text:
    words = event.state if event.state == "failed" else f"{event.state} in {event.seconds:.1f} s"
    return Text(words, style=_STYLES.get(event.state, "red"))


def print_line(text: str) -> None:
    """One line."""
    Console().print(text, highlight=False)


def print_access(stack: Stack, *, already: bool) -> None:
    """The three URLs, the user and the password."""
    env = stack.env()
    table = Table.grid(padding=(0, 2))
    table.add_row("Airflow", env["NIGHTSHIFT_AIRFLOW_URL"], f"user {USER}, password {stack.keys.airflow_password}")
    table.add_row("MLflow", env["MLFLOW_TRACKING_URI"], "no password; this machine only")
    table.add_row("S3", env["AWS_ENDPOINT_URL"], 'keys: eval "$(nightshift env)"')
    console = Console()
    console.print("already up" if already else "all up", style="bold green")
    console.print(table, soft_wrap=True)


def print_status(services: Iterable[ServiceStatus]) -> None:
    """One row per process."""
    table = Table("service", "state", "pid", "url", "uptime")
    for one in services:
        state = Text(one.state, style=_STYLES.get(one.state, "red"))
        table.add_row(one.name, state, str(one.pid or ""), one.url, _uptime(one.started))
    Console().print(table)


def _uptime(started: float | None) -> str:
    if started is None:
        return ""
    seconds = int(time.time() - started)
    return f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"


def print_findings(findings: Sequence[DoctorResult]) -> None:
    """One row per check of the doctor."""
    table = Table("check", "result", "what was seen")
    for one in findings:
        table.add_row(one.check, Text(one.result, style=_STYLES.get(one.result, "red")), one.seen)
    Console().print(table)

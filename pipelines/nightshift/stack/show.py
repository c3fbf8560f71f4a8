"""What ``nightshift up``, ``down``, ``status`` and ``doctor`` put on the terminal."""

import threading
import time
from collections.abc import Iterable, Sequence

from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from nightshift.mlflow_pages import home_page
from nightshift.stack.environment import USER
from nightshift.stack.findings import DoctorResult
from nightshift.stack.launch import Event
from nightshift.stack.stack import ServiceStatus, Stack
from nightshift.terminal import LiveView, open_console

_STYLES = {"up": "green", "ready": "green", "stopped": "green", "ok": "green", "warning": "yellow"}


class Progress(LiveView):
    """A live table of services while they start or stop; plain lines where there is no terminal."""

    def __init__(self) -> None:
        self._rows: dict[str, tuple[Event, float]] = {}
        self._lock = threading.Lock()
        console = open_console()
        live = Live(get_renderable=self._table, console=console, refresh_per_second=8)
        super().__init__(live)

    def on_event(self, event: Event) -> None:
        """Take note of one step."""
        with self._lock:
            self._rows[event.service] = (event, time.monotonic())
        if self.console.is_terminal or event.state == "starting":
            return
        self.console.print(f"{event.service}: {_state_text(event)}")

    def _table(self) -> Table:
        table = Table.grid(padding=(0, 2))
        with self._lock:
            rows = list(self._rows.items())
        for name, (event, since) in rows:
            state = _spinner(since) if event.state == "starting" else _state_text(event)
            table.add_row(name, state)
        return table


def _spinner(since: float) -> Spinner:
    seconds = time.monotonic() - since
    return Spinner("dots", f"waiting {seconds:.0f} s")


def _state_text(event: Event) -> Text:
    text = event.state
    if event.state != "failed":
        text = f"{event.state} in {event.seconds:.1f} s"
    return _styled(text, event.state)


def _styled(text: str, state: str) -> Text:
    return Text(text, style=_STYLES.get(state, "red"))


def print_line(text: str) -> None:
    """One line."""
    open_console().print(text, highlight=False)


def print_access(stack: Stack, *, already: bool) -> None:
    """The three URLs, and how to log in there."""
    open_console().print("already up" if already else "all up", style="bold green")
    print_logins(stack)


def print_logins(stack: Stack) -> None:
    """The three URLs, and how to log in there."""
    env = stack.env()
    table = Table.grid(padding=(0, 2))
    table.add_row("Airflow", env["NIGHTSHIFT_AIRFLOW_URL"], _login(stack.keys.airflow_password))
    table.add_row("MLflow", home_page(env["MLFLOW_TRACKING_URI"]), _login(stack.keys.mlflow_password))
    table.add_row("S3", env["AWS_ENDPOINT_URL"], 'keys: eval "$(nightshift env)"')
    open_console().print(table, soft_wrap=True)


def _login(password: str) -> str:
    return f"user {USER}, password {password}"


def print_status(services: Iterable[ServiceStatus]) -> None:
    """One row per process."""
    table = Table("service", "state", "pid", "url", "uptime")
    for service in services:
        table.add_row(
            service.name,
            _styled(service.state, service.state),
            str(service.pid or ""),
            service.url,
            _uptime(service.started),
        )
    open_console().print(table)


def _uptime(started: float | None) -> str:
    if started is None:
        return ""
    total_minutes, seconds = divmod(int(time.time() - started), 60)
    hours, minutes = divmod(total_minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}"


def print_findings(findings: Sequence[DoctorResult]) -> None:
    """One row per check of the doctor."""
    table = Table("check", "result", "what was seen")
    for finding in findings:
        result = _styled(finding.result, finding.result)
        table.add_row(finding.check, result, finding.seen)
    open_console().print(table)

"""A part of the terminal that is drawn anew while something goes on."""

from types import TracebackType
from typing import Self

from rich.live import Live


class LiveView:
    """A context around ``rich.live``: the terminal is always given back; nothing is drawn where there is none."""

    def __init__(self, live: Live) -> None:
        self.console = live.console
        self._live = live

    def __enter__(self) -> Self:
        if self.console.is_terminal:
            self._live.start()
        return self

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self.console.is_terminal:
            self._live.stop()

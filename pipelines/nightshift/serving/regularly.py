"""A thread that does something again and again beside the answers, until it is told to end."""

import logging
import threading
from collections.abc import Callable

log = logging.getLogger("nightshift.serving")


class Regularly:
    """``work`` every so many seconds, the first time at once or after them. What it raises ends nothing."""

    def __init__(self, name: str, seconds: float, work: Callable[[], None], *, at_once: bool = False) -> None:
        self._seconds = seconds
        self._work = work
        self._at_once = at_once
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def begin(self) -> None:
        """From now on."""
        self._thread.start()

    def end(self, patience: float) -> bool:
        """After what it is at, for which so many seconds are waited; whether it has ended by then."""
        self._over.set()
        self._thread.join(patience)
        return not self._thread.is_alive()

    def _run(self) -> None:
        if self._at_once:
            self._try()
        while not self._over.wait(self._seconds):
            self._try()

    def _try(self) -> None:
        try:
            self._work()
        except Exception:  # a thread that ended would do nothing more for as long as the server runs
            log.exception("%s broke off; it is tried again", self._thread.name)

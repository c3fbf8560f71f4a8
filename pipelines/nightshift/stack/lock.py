"""One ``up`` or ``down`` at a time in one home."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nightshift.errors import StackError


@contextmanager
def locked(home: Path) -> Iterator[None]:
    """Hold the home's lock; the kernel releases it even when the holder is killed."""
    home.mkdir(parents=True, exist_ok=True)
    home.chmod(0o700)
    with (home / "lock").open("a", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StackError(
                f"another `nightshift up` or `down` is at work in {home}",
                fix="wait until it has ended",
            ) from None
        yield

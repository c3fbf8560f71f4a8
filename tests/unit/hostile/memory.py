"""How much memory a piece of work takes at its peak, on top of what the process has."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

STATUS = Path("/proc/self/status")


@contextmanager
def limited(megabytes: int) -> Iterator[None]:
    """The process may grow by so much inside, as the kernel counts it."""
    # Resets the peak that the kernel keeps.
    Path("/proc/self/clear_refs").write_text("5")
    before = _megabytes("VmRSS")
    yield
    grown = _megabytes("VmHWM") - before
    assert grown < megabytes, f"{grown} MB more"


def _megabytes(name: str) -> int:
    found = re.search(rf"{name}:\s+([0-9]+) kB", STATUS.read_text())
    assert found
    return int(found[1]) // 1024

"""What workers of AWS Batch do in its own tests: of what an image has, no more than the errors."""

import time
from pathlib import Path

from nightshift.errors import NightshiftError, SchemaMismatch

GO = "go"


def doubled(number: int) -> int:
    """Twice the number."""
    return 2 * number


def refused(number: int) -> int | NightshiftError:
    """A night that lacks a column, for all but the first."""
    if number == 0:
        return number
    return SchemaMismatch(f"column {number} is missing", fix="mend it")


def waits(file: str) -> str:
    """Leaves a file, and waits until it may go on."""
    mark = Path(file)
    mark.touch()
    while not (mark.parent / GO).exists():
        time.sleep(0.05)
    return mark.name

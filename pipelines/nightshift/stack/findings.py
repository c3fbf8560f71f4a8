"""What one check of the doctor saw."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class DoctorResult:
    """``ok``, a ``warning``, or ``failed``: a store that fails a fatal check is refused."""

    check: str
    result: Literal["ok", "warning", "failed"]
    seen: str
    fatal: bool = False

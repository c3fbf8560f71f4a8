"""What one check of the doctor saw."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class DoctorResult:
    """``ok``, a ``warning``, ``failed``, or ``unknown`` where the check itself broke; see ``trusted``."""

    check: str
    result: Literal["ok", "warning", "failed", "unknown"]
    seen: str
    fatal: bool = False

    @property
    def trusted(self) -> bool:
        """Whether a commit may rest on what was checked: a store that fails a fatal check is refused."""
        return not self.fatal or self.result in {"ok", "warning"}

"""What a backtest says: night by night, how often it alarmed beside how often it may, and what faults it would see."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from nightshift.monitoring.episodes import Episode


@dataclass(frozen=True)
class LabelledNight:
    """An earlier night whose labels arrived, and whether accuracy was lost as of it; None where nobody can tell."""

    night: str
    version: str
    lost: bool | None


@dataclass(frozen=True)
class JudgedNight:
    """One night as it is judged now, as of that night.

    ``drifted`` is None where nobody can tell. ``raised`` is the alarm that the lake's own record of the night has, and
    None where there is no record that can be read; ``retrained``, that it started a training. ``planned`` says why
    it alarms nobody. A night of which ``why_not`` says something was not judged.
    """

    night: str
    version: str = ""
    champion: str | None = None
    drifted: bool | None = None
    worst: str = ""
    ratio: float = 0.0
    labelled: tuple[LabelledNight, ...] = ()
    retrain: bool = False
    reason: str = ""
    raised: bool | None = None
    retrained: bool = False
    planned: str = ""
    why_not: str = ""

    @property
    def lost(self) -> list[str]:
        """The nights that had lost their accuracy."""
        return [labelled.night for labelled in self.labelled if labelled.lost]

    @property
    def alarms(self) -> bool:
        """Whether the night alarms by either detector."""
        return bool(self.drifted) or bool(self.lost)

    @property
    def differs(self) -> bool:
        """Whether the lake says otherwise."""
        return self.raised is not None and self.raised != self.alarms


@dataclass(frozen=True)
class AlarmShare:
    """How often a detector woke somebody: ``episodes`` of ``nights``, with the 95 % interval, beside what was asked."""

    detector: str
    asked: float
    nights: int
    episodes: int
    low: float
    high: float

    @property
    def seen(self) -> float:
        """Opened episodes by night."""
        return self.episodes / self.nights if self.nights else 0.0

    @property
    def is_over(self) -> bool:
        """Whether so many surely are more than what was asked: the nights are no quiet ones, or the rule is none."""
        return self.low > self.asked


@dataclass(frozen=True)
class FaultTrials:
    """How soon a fault would be seen: ``trials`` of it, in features and from nights drawn by a seed.

    ``median`` is the nights to the first alarm of those that were seen, 1 for the first night.
    """

    fault: str
    features: tuple[str, ...]
    trials: int
    first_night: int
    within: int
    median: float | None


@dataclass(frozen=True)
class BacktestPolicy:
    """By what nights are judged, as people say it."""

    once_per_nights: float
    retrain: str
    is_of_spec: bool


@dataclass(frozen=True)
class Backtest:
    """All of it."""

    model: str
    first: str
    last: str
    policy: BacktestPolicy
    nights: Sequence[JudgedNight]
    episodes: Sequence[Episode]
    shares: Sequence[AlarmShare]
    faults: Sequence[FaultTrials]
    notes: Sequence[str] = field(default_factory=list)

    @property
    def judged(self) -> list[JudgedNight]:
        """The nights that could be judged."""
        return [night for night in self.nights if not night.why_not]

"""The verdict on a night, as records keep it."""

from dataclasses import dataclass, field

from nightshift.profiles.moments import Moments

NIGHT = "night"
"""The detector that looks at the night by itself."""
SEVERAL_NIGHTS = "nights"
"""The detector that looks at the last nights together."""


@dataclass(frozen=True)
class FeatureDrift:
    """One feature of one night.

    ``ratio`` is statistic / threshold, of the detector that is nearer to its line, and above 1 an alarm.
    ``alarm_distance`` is the night detector's threshold as a distance, with 1 out of reach: its reference nights are
    too few, or differ too much among themselves, or the feature differs by night rather than by row (``is_by_night``),
    as weather does, which only several nights together can judge. ``detectors`` are those that saw a drift, ``by`` is
    the statistic that is nearest to its line and ``since`` the first of the nights it is about. ``counts`` and
    ``reference`` share their bins.
    """

    feature: str
    distance: float
    # The first records do not have it.
    alarm_distance: float = field(default=1.0, kw_only=True)
    statistic: float
    threshold: float
    ratio: float
    drifted: bool
    calibrated: bool
    null_share: float
    reference_null_share: float
    rows: int
    counts: list[int]
    reference: list[int]
    kind: str
    edges: list[float]
    categories: list[str]
    # Records of one detector do not have these.
    detectors: list[str] = field(default_factory=list)
    by: str = ""
    since: str = ""
    is_by_night: bool = False
    has_unseen: bool = False
    moments: Moments | None = None


@dataclass(frozen=True)
class DriftResult:
    """The night's verdict: the largest ratio of statistic and threshold.

    ``detectors`` has each detector's verdict, None where its reference cannot hold the promise; ``cannot`` says why,
    in sentences. Both are empty in records of before there were two.
    """

    drifted: bool
    statistic: float
    threshold: float
    ratio: float
    worst: str
    rows: int
    false_alarm_rate: float
    reference_nights: int
    features: list[FeatureDrift]
    detectors: dict[str, bool | None] = field(default_factory=dict)
    cannot: list[str] = field(default_factory=list)

    @property
    def alarm(self) -> bool | None:
        """Whether the night alarms; None where no detector can say, as of a night without rows."""
        verdicts = set(self.detectors.values())
        return None if verdicts == {None} else self.drifted

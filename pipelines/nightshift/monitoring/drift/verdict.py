"""What one detector says of one feature."""

from dataclasses import dataclass


@dataclass(frozen=True)
class FeatureVerdict:
    """A statistic and the line it is held against, both of the detector's own kind.

    ``by`` names the statistic, ``since`` the first night it is about, and ``alarm_distance`` is the line as a distance
    of histograms, where it is one.
    """

    statistic: float
    line: float
    by: str
    since: str = ""
    alarm_distance: float = 1.0

    @property
    def ratio(self) -> float:
        """Above 1 an alarm."""
        if self.line == 0:
            return 0.0
        ratio = self.statistic / self.line
        return max(ratio, 0.0)


NO_VERDICT = FeatureVerdict(statistic=0.0, line=0.0, by="")
"""Of a feature that nothing can be said of."""

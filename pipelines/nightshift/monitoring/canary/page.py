"""A night of a canary on one page, like a night's report: self-contained HTML, everything from data escaped."""

from nightshift.monitoring.canary.record import LOSS, PREDICTED, SCORE, CanaryNight
from nightshift.monitoring.templates import template_of

FIGURES = {PREDICTED: "share predicted yes", SCORE: "mean score", LOSS: "mean loss of a labelled row"}
"""What a page calls them."""


def render(night: CanaryNight) -> str:
    """The page of a night, from its record."""
    template = template_of("canary.html.j2")
    return template.render(
        night=night,
        title=title(night),
        figures=FIGURES,
    )


def title(night: CanaryNight) -> str:
    """The night in a line."""
    share = night.of_canary.rows / night.rows if night.rows else 0.0
    return f"{night.night}: version {night.version} scored {share:.1%} of the rows as a canary"

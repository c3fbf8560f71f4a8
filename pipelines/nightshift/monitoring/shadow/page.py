"""A night in shadow on one page, like a night's report: self-contained HTML, everything from data escaped."""

from nightshift.mlflow_pages import version_page
from nightshift.monitoring.shadow.record import ShadowNight
from nightshift.monitoring.templates import template_of


def render(night: ShadowNight, mlflow_url: str) -> str:
    """The page of a night, from its record."""
    template = template_of("shadow.html.j2")
    return template.render(
        night=night,
        title=title(night),
        version_url=version_page(mlflow_url, night.model, night.version),
        difference=mean(night.difference, night),
        loss=mean(night.champion_loss, night),
    )


def title(night: ShadowNight) -> str:
    """The night in a line."""
    apart = night.disagreement
    if apart is None:
        return f"{night.night}: no row was scored"
    if apart.same is None:
        return f"{night.night}: version {night.version} is {apart.average:.4g} from version {night.champion} on average"
    others = 1 - apart.same
    return f"{night.night}: version {night.version} predicts otherwise in {others:.1%} of the rows"


def mean(total: float, night: ShadowNight) -> float | None:
    """Of a labelled row; None before there are any."""
    return total / night.labelled if night.labelled else None

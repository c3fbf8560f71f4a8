"""Pages as HTML: without a script, with nothing from elsewhere, light or dark as the reader has it.

Everything from data is escaped, and a name that is not there is an error.
"""

from collections.abc import Callable, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from nightshift.mlflow_pages import version_page
from nightshift.pages.health import acknowledge
from nightshift.pages.index import SPARK, IndexEntry
from nightshift.pages.links import USUAL_VIEW, VIEWS, PageLinks
from nightshift.pages.look import ModelLook
from nightshift.pages.overview import Overview
from nightshift.pages.recent_nights import PER_PAGE
from nightshift.pages.spark import spark_of
from nightshift.pages.story import story_of
from nightshift.pages.timeline import timeline_of

if TYPE_CHECKING:
    from jinja2 import Environment, Template


def index_page(entries: Sequence[IndexEntry], wrong: Sequence[str], links: PageLinks) -> str:
    """All models; ``wrong`` says of others what is wrong with their model.yaml."""
    waiting = sum(entry.row is not None and entry.row.tone in {"bad", "warn"} for entry in entries)
    template = _template("index.html.j2")
    return template.render(entries=entries, wrong=wrong, links=links, waiting=waiting, spark_of=spark_of, nights=SPARK)


def model_page(look: ModelLook, links: PageLinks, mlflow: str, shown: str = USUAL_VIEW, before: str = "") -> str:
    """A model with its timeline, alarms, story and nights."""
    view = look.view
    table = view.nights[:PER_PAGE]
    earlier = table[-1].partition if len(view.nights) > PER_PAGE else view.earlier
    shown_views = {word: name for word, (_, name) in VIEWS.items()}
    return _template("model.html.j2").render(
        look=look,
        view=view,
        model=view.spec.name,
        nights=table,
        earlier=earlier,
        before=before,
        shown=shown,
        views=shown_views,
        timeline=timeline_of(view, look.alarms),
        story=story_of(view.ledger),
        acknowledge=acknowledge,
        links=links,
        version_url=_version_url(view, mlflow),
    )


def night_page(view: Overview, links: PageLinks, mlflow: str = "") -> str:
    """One night of a model."""
    return _template("night.html.j2").render(
        view=view,
        model=view.spec.name,
        nights=view.nights,
        links=links,
        version_url=_version_url(view, mlflow),
    )


def checks_page(stored: str) -> str:
    """The Data Docs of a night as they lie in the lake, styled here, since their own styles lie elsewhere."""
    template = _template("data_docs.html.j2")
    style = template.render()
    return stored.replace("</head>", f"{style}</head>", 1)


def message_page(message: str, fix: str = "", login: str = "", index: str = "") -> str:
    """Why a page is not shown, and what to do."""
    return _template("message.html.j2").render(message=message, fix=fix, login=login, index=index)


def _version_url(view: Overview, mlflow: str) -> Callable[[str], str]:
    def url(version: str) -> str:
        if not mlflow or not version:
            return ""
        return version_page(mlflow, view.spec.name, version)

    return url


@cache
def _environment() -> "Environment":
    from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

    # The style is that of the reports of nights.
    rooms = [PackageLoader("nightshift.pages", "."), PackageLoader("nightshift.monitoring", ".")]
    environment = Environment(
        loader=ChoiceLoader(rooms),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    tools: dict[str, Any] = {"thousands": "{:,}".format, "share": "{:.3f}".format}
    environment.globals.update(tools)
    return environment


def _template(name: str) -> "Template":
    return _environment().get_template(name)

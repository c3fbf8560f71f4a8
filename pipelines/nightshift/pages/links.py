"""Where links of the pages lead: below Airflow, or to files beside each other."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import quote

VIEWS = {"90": (90, "90 nights"), "365": (365, "a year"), "1100": (1_100, "3 years")}
"""How many nights a page shows, by the word in its address, and how people call it."""
USUAL_VIEW = "90"


def nights_of(view: str) -> int:
    """How many nights a view has; the usual one where the word is none."""
    usual = VIEWS[USUAL_VIEW]
    nights, _ = VIEWS.get(view, usual)
    return nights


class PageLinks(Protocol):
    """Addresses of pages; empty where there is none."""

    def index(self) -> str:
        """Of all models."""

    def model(self, name: str, view: str = USUAL_VIEW, before: str = "") -> str:
        """Of a model, with so many nights, the newest or those before one."""

    def report(self, name: str, night: str) -> str:
        """What monitoring saw of a night."""

    def checks(self, name: str, night: str) -> str:
        """How a night did against its expectations."""


@dataclass(frozen=True)
class ServedLinks:
    """Below ``root``, of Airflow's web server."""

    root: str

    def index(self) -> str:
        """The root."""
        return f"{self.root}/"

    def model(self, name: str, view: str = USUAL_VIEW, before: str = "") -> str:
        """With a query where it is not the usual view of the newest nights."""
        asked = []
        if view != USUAL_VIEW:
            asked.append(f"nights={quote(view)}")
        if before:
            asked.append(f"before={quote(before)}")
        page = f"{self.root}/models/{quote(name)}"
        if not asked:
            return page
        query = "&".join(asked)
        return f"{page}?{query}"

    def report(self, name: str, night: str) -> str:
        """The page in the lake."""
        return f"{self.root}/reports/{quote(name)}/{quote(night)}"

    def checks(self, name: str, night: str) -> str:
        """The page in the lake."""
        return f"{self.root}/validation/{quote(name)}/{quote(night)}"


@dataclass(frozen=True)
class FileLinks:
    """From a folder's page to others: ``up`` leads to the folder of the index. Only files that were ``written``."""

    up: str
    written: Collection[str]

    def index(self) -> str:
        """The first page of the folder."""
        return f"{self.up}index.html"

    def model(self, name: str, view: str = USUAL_VIEW, before: str = "") -> str:
        """A page for each view; older nights are in longer views."""
        return "" if before else self._written(model_file(name, view))

    def report(self, name: str, night: str) -> str:
        """A copy of the page in the lake."""
        file = report_file(name, night)
        return self._written(file)

    def checks(self, name: str, night: str) -> str:
        """A copy of the page in the lake."""
        file = checks_file(name, night)
        return self._written(file)

    def _written(self, file: str) -> str:
        return f"{self.up}{quote(file)}" if file in self.written else ""


def model_file(name: str, view: str = USUAL_VIEW) -> str:
    """The file of a model's page."""
    return f"{name}/index.html" if view == USUAL_VIEW else f"{name}/nights-{view}.html"


def report_file(name: str, night: str) -> str:
    """The file of a night's report."""
    return f"{name}/{night}-report.html"


def checks_file(name: str, night: str) -> str:
    """The file of a night's Data Docs."""
    return f"{name}/{night}-checks.html"

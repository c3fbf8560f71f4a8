"""The desk: alerts of an installation, by the book in the lake, or by one on this machine while the lake is away.

Of an outage of the lake nothing can be written there, so each machine (each ``NIGHTSHIFT_HOME``) tells of it by itself:
once, under an id that is the same on all of them where the same night met it first.
"""

import logging
from functools import cached_property

from nightshift.alerts.book import Book
from nightshift.alerts.causes import LAKE_OUTAGE
from nightshift.alerts.channels import Channel
from nightshift.alerts.channels.opened import OfConnection, open_channels
from nightshift.alerts.file import AlertsFile, read_alerts_file
from nightshift.alerts.incident import Hit, Incident
from nightshift.alerts.shelves import DiskShelf, LakeShelf
from nightshift.alerts.teller import Heal, Teller, ended_by
from nightshift.errors import NightshiftError
from nightshift.settings import environment_of
from nightshift.stores import Stores
from nightshift.stores.seals import Seals

log = logging.getLogger("nightshift")
FOLDER = "alerts"
# The disk of a worker is its own: there a seal says no more than that the file is whole.
OF_THIS_DISK = ("what lies on the disk of a worker",)


class Desk:
    """Where alerts are told from. Raises ``UsageError`` for an alerts.toml that is wrong."""

    def __init__(self, stores: Stores, of_connection: OfConnection | None = None) -> None:
        self._stores = stores
        self._of_connection = of_connection
        project = stores.settings.project
        self.file: AlertsFile = read_alerts_file(project)

    @property
    def is_closed(self) -> bool:
        """Whether nobody is to be told: nothing is asked of any store then."""
        return not self.file.channels

    def open(self, wanted: Incident, hit: Hit) -> Incident:
        """Let a cause be known, once."""
        if wanted.cause.key != LAKE_OUTAGE:
            try:
                return self._in_lake.open(wanted, hit)
            except NightshiftError as error:
                log.warning("the alert %s is kept on this machine's disk: %s", wanted.cause.key, error.message)
        return self._on_disk.open(wanted, hit)

    def look(self, heal: Heal) -> list[Incident]:
        """All that is open, as ``heal`` makes it, and what was not told yet. Raises ``LakeUnavailable``."""
        looked_at = []
        lake = self._in_lake
        for incident in lake.book.all_marked():
            looked_at.append(lake.go_on(incident, heal))
        answers = ended_by("S3 answers again")
        disk = self._on_disk
        for incident in disk.book.all_marked():
            of_lake = incident.cause.key == LAKE_OUTAGE
            ends = answers if of_lake else heal
            looked_at.append(disk.go_on(incident, ends))
        return looked_at

    def all_open(self) -> list[Incident]:
        """What is open, without telling anybody. Raises ``LakeUnavailable``."""
        return [*self._in_lake.book.all_marked(), *self._on_disk.book.all_marked()]

    @cached_property
    def _in_lake(self) -> Teller:
        shelf = LakeShelf(self._stores.lake.objects)
        book = Book(shelf, Seals.of(self._stores.settings))
        return self._teller(book)

    @cached_property
    def _on_disk(self) -> Teller:
        shelf = DiskShelf(self._stores.settings.home / FOLDER)
        book = Book(shelf, Seals(OF_THIS_DISK))
        return self._teller(book)

    def _teller(self, book: Book) -> Teller:
        return Teller(book, self.file, self._opened)

    def _opened(self) -> dict[str, Channel]:
        """Only where there is something to send: a connection of Airflow is a question to its server."""
        environment = environment_of(self._stores.settings.home)
        return open_channels(self.file, environment, self._of_connection)

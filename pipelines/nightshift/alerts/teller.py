"""Who tells: an incident is claimed, sent and noted down, channel by channel.

It is sent between two writes, so a process that dies there has it sent again five minutes later, under the same id:
at least once, and once wherever nothing dies.
"""

import logging
import uuid
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from nightshift.alerts.alert import AlertEvent
from nightshift.alerts.book import Book
from nightshift.alerts.channels import Channel
from nightshift.alerts.file import AlertsFile
from nightshift.alerts.incident import Hit, Incident
from nightshift.alerts.sending import send_to_all
from nightshift.errors import Unavailable

log = logging.getLogger("nightshift")
Heal = Callable[[Incident], Incident]


@dataclass(frozen=True)
class Teller:
    """Tells what stands in a book to the channels of an installation, which are opened when there is something."""

    book: Book
    file: AlertsFile
    open_channels: Callable[[], Mapping[str, Channel]]

    def open(self, wanted: Incident, hit: Hit) -> Incident:
        """Let a cause be known, once. Raises ``LakeUnavailable`` where the book is in the lake."""
        incident = self.book.opened(wanted, hit)
        return self._tell(incident, "opened")

    def go_on(self, incident: Incident, heal: Heal) -> Incident:
        """What has changed about one that is marked, and what is still to be said of it."""
        incident = self.book.changed(incident, heal)
        if incident.is_open:
            return self._tell(incident, "opened")
        return self._close(incident)

    def _close(self, incident: Incident) -> Incident:
        """Its recovery, to who heard of it; then it leaves the list."""
        heard = incident.channels_that_took("opened")
        took = [name for name in heard if name in self.file.channels]
        incident = self._tell(incident, "recovered", took)
        is_told = not incident.has_more_to_say("recovered", took)
        if is_told:
            self.book.close(incident)
        return incident

    def _tell(self, incident: Incident, event: AlertEvent, channels: Collection[str] | None = None) -> Incident:
        alert = incident.alert(event, self.file.runbook)
        takers = self.file.takers(alert) if channels is None else channels
        if not incident.due(event, takers):
            return incident
        token = uuid.uuid4().hex
        incident = self.book.changed(incident, lambda seen: seen.claimed(event, takers, token))
        claimed = incident.claimed_by(event, token)
        if not claimed:
            return incident
        opened = self.open_channels()
        mine = {name: opened[name] for name in claimed}
        outcomes = send_to_all(mine, incident.alert(event, self.file.runbook))
        for name, failure in outcomes.items():
            if failure:
                log.warning("the alert %s was not sent by %s: %s", alert.send_id, name, failure)
            else:
                log.info("the alert %s was sent by %s", alert.send_id, name)
        return self._noted(incident, event, outcomes)

    def _noted(self, incident: Incident, event: AlertEvent, outcomes: dict[str, str]) -> Incident:
        """It was sent: where that cannot be noted down it is sent again when the try is over, and by nobody at once."""
        try:
            return self.book.changed(incident, lambda seen: seen.told(event, outcomes))
        except Unavailable as error:
            log.warning("what became of the alert %s is not noted down: %s", incident.id, error.message)
            return incident


def healed_by(model: str, tasks: Collection[str], night: str) -> Heal:
    """What a task that went well makes of an incident."""

    def heal(incident: Incident) -> Incident:
        if not incident.is_open:
            return incident
        after = incident.healed(model, tasks, night)
        if not after.is_over:
            return after
        return after.over(f"{model} went well on {night or 'its last run'}")

    return heal


def ended_by(why: str) -> Heal:
    """What ends an incident, whatever it hit."""

    def heal(incident: Incident) -> Incident:
        if not incident.is_open:
            return incident
        return incident.over(why)

    return heal

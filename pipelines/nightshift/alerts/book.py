"""The book of incidents: of many tasks that meet one cause, one opens it and the others join."""

import logging
from collections.abc import Callable

from nightshift.alerts.incident import Hit, Incident
from nightshift.alerts.shelves import IncidentPlace, Shelf
from nightshift.concurrency import in_turn
from nightshift.errors import LakeUnavailable, LaterRecord, UnreadableRecord
from nightshift.stores.objects import ConditionFailed
from nightshift.stores.seals import Seals

log = logging.getLogger("nightshift")
TRIES = 20
MOST_AT_ONCE = 200
"""Open incidents that one look takes in; of more, each look takes others."""


class Book:
    """Incidents on one shelf, each under a seal: who may only write to the lake can neither open nor close one."""

    def __init__(self, shelf: Shelf, seals: Seals) -> None:
        self._shelf = shelf
        self._seals = seals

    def opened(self, wanted: Incident, hit: Hit) -> Incident:
        """The open incident of a cause, joined by ``hit``; ``wanted`` where there was none, under the next number."""
        cause = wanted.cause.key
        for _ in range(TRIES):
            number = self._shelf.last(cause)
            newest = (cause, number)
            standing = self._read(newest) if number else None
            if standing and standing.is_open:
                changed = self.changed(standing, lambda incident: _joined(incident, hit))
                if changed.is_open:
                    return changed
                continue
            place = (cause, number + 1)
            self._shelf.mark(place)
            incident = wanted.model_copy(update={"number": number + 1})
            if self._wrote(incident, tag=None):
                return incident
        raise LakeUnavailable(f"alerts: others wrote {cause} first {TRIES} times", fix="try again")

    def all_marked(self) -> list[Incident]:
        """Those that are open, or of which not all was told; what a later version wrote is left to that one."""
        incidents = []
        for place in in_turn(self._shelf.marks(), MOST_AT_ONCE):
            try:
                incident = self._read(place)
            except LaterRecord as error:
                log.warning("%s", error)
                continue
            if incident:
                incidents.append(incident)
        return incidents

    def changed(self, incident: Incident, change: Callable[[Incident], Incident]) -> Incident:
        """The incident as ``change`` makes it of what is there now; as it is where that changes nothing."""
        place = _place(incident)
        for _ in range(TRIES):
            stored = self._shelf.get(place)
            if stored is None:
                return incident.over("it was taken out of the book")
            body, tag = stored
            before = self._opened(place, body)
            if before is None:
                return incident.over("its record is not to be believed")
            after = change(before)
            if after == before:
                return after
            if self._wrote(after, tag):
                return after
        raise LakeUnavailable(f"alerts: others wrote {incident.id} first {TRIES} times", fix="try again")

    def close(self, incident: Incident) -> None:
        """There is nothing more to say of it."""
        place = _place(incident)
        self._shelf.unmark(place)

    def _read(self, place: IncidentPlace) -> Incident | None:
        stored = self._shelf.get(place)
        return self._opened(place, stored[0]) if stored else None

    def _opened(self, place: IncidentPlace, body: bytes) -> Incident | None:
        """None for what is damaged or nobody with a key wrote: it silences nobody, the next number is taken."""
        name = _name(place)
        try:
            incident = Incident.from_json(body, name)
        except LaterRecord:
            raise
        except UnreadableRecord as error:
            log.warning("%s", error)
            return None
        if not incident.is_believed(self._seals, name):
            log.warning("%s is not sealed by a key of ours: it is passed over", name)
            return None
        return incident.model_copy(update={"seal": ""})

    def _wrote(self, incident: Incident, tag: str | None) -> bool:
        place = _place(incident)
        sealed = incident.under_seal(self._seals, _name(place))
        try:
            self._shelf.put(place, sealed.to_json(), tag)
        except ConditionFailed:
            return False
        return True


def _joined(incident: Incident, hit: Hit) -> Incident:
    if not incident.is_open:
        return incident
    return incident.joined(hit)


def _place(incident: Incident) -> IncidentPlace:
    cause = incident.cause.key
    return cause, incident.number


def _name(place: IncidentPlace) -> str:
    cause, number = place
    return f"alerts/{cause}/{number}"

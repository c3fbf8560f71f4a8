"""Where incidents are kept: in the lake, where all workers see them, or on this machine's disk while there is no lake.

    alerts/incidents/<cause>/000001.json   one incident of a cause; written only by who saw it as it was
    alerts/open/<cause>/000001             a mark, for one listing: it is open, or not all was told of it

A mark is made before its incident and taken away after all was told, so that none is forgotten; one without an incident
is passed over.
"""

import fcntl
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Protocol

from nightshift.stores import alert_keys
from nightshift.stores.objects import ConditionFailed, Objects

IncidentPlace = tuple[str, int]
"""A cause, and which incident of it."""


class Shelf(Protocol):
    """Incidents as bytes, by cause and number."""

    def last(self, cause: str) -> int:
        """The number of the last incident of a cause, 0 without one."""

    def get(self, place: IncidentPlace) -> tuple[bytes, str] | None:
        """The bytes, and the tag by which ``put`` knows them again."""

    def put(self, place: IncidentPlace, body: bytes, tag: str | None) -> None:
        """Write where nothing is, or over what has this tag. Raises ``ConditionFailed``."""

    def mark(self, place: IncidentPlace) -> None:
        """There is something to say of it."""

    def unmark(self, place: IncidentPlace) -> None:
        """There is nothing more."""

    def marks(self) -> list[IncidentPlace]:
        """All of which there is."""


class LakeShelf:
    """In the lake."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects

    def last(self, cause: str) -> int:
        """One listing."""
        return max((number for _, number in self._listed(alert_keys.incidents(cause))), default=0)

    def get(self, place: IncidentPlace) -> tuple[bytes, str] | None:
        """Raises ``LakeUnavailable``."""
        return self._objects.get(alert_keys.incident(*place))

    def put(self, place: IncidentPlace, body: bytes, tag: str | None) -> None:
        """One conditional write."""
        self._objects.put_if(alert_keys.incident(*place), body, tag)

    def mark(self, place: IncidentPlace) -> None:
        """An empty object."""
        mark = _mark_of(place)
        self._objects.put(mark, b"")

    def unmark(self, place: IncidentPlace) -> None:
        """Nothing happens when it is not there."""
        mark = _mark_of(place)
        self._objects.delete(mark)

    def marks(self) -> list[IncidentPlace]:
        """One listing, which is empty in a house where all is well."""
        marked = self._listed(alert_keys.OPEN_INCIDENTS)
        return list(marked)

    def _listed(self, prefix: str) -> Iterator[IncidentPlace]:
        for key in self._objects.keys(prefix):
            place = alert_keys.incident_in(key)
            if place:
                yield place


class DiskShelf:
    """In a folder of this machine; of several processes one at a time may write.

    <cause>.000001.json   an incident that is open, or of which not all was told
    <cause>.last          the number of the last that is over, so that the next has an id of its own
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def last(self, cause: str) -> int:
        """By the names of files, and by what was noted down of those that are gone."""
        over = 0
        with suppress(FileNotFoundError, ValueError):
            over = int(self._last(cause).read_text())
        kept = [number for key, number in self._files() if key == cause]
        return max([over, *kept])

    def get(self, place: IncidentPlace) -> tuple[bytes, str] | None:
        """The tag is a digest."""
        with suppress(FileNotFoundError):
            body = self._file(place).read_bytes()
            digest = hashlib.sha256(body)
            tag = digest.hexdigest()
            return body, tag
        return None

    def put(self, place: IncidentPlace, body: bytes, tag: str | None) -> None:
        """Under a lock, by a rename."""
        with self._locked():
            stored = self.get(place)
            tag_of_stored = stored[1] if stored else None
            if tag_of_stored != tag:
                raise ConditionFailed(str(place))
            file = self._file(place)
            written = file.with_suffix(".new")
            written.write_bytes(body)
            written.rename(file)

    def mark(self, place: IncidentPlace) -> None:
        """The file itself is the mark."""

    def unmark(self, place: IncidentPlace) -> None:
        """What is over is over: the lake keeps what was told, this machine does not."""
        cause, _ = place
        file = self._file(place)
        with self._locked():
            self._last(cause).write_text(str(self.last(cause)))
            file.unlink(missing_ok=True)

    def marks(self) -> list[IncidentPlace]:
        """By the names of files."""
        return sorted(self._files())

    def _file(self, place: IncidentPlace) -> Path:
        cause, number = place
        return self._folder / f"{cause}.{number:06d}.json"

    def _last(self, cause: str) -> Path:
        return self._folder / f"{cause}.last"

    def _files(self) -> Iterator[IncidentPlace]:
        for file in self._folder.glob("*.json"):
            cause, _, number = file.stem.rpartition(".")
            if number.isdecimal():
                place = (cause, int(number))
                yield place

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with (self._folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def _mark_of(place: IncidentPlace) -> str:
    cause, number = place
    return alert_keys.open_incident(cause, number)

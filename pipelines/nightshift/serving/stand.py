"""Who answers now: one reference, which is swapped when the champion moves.

A request takes the reference once, so whatever happens meanwhile it is answered by one version, and says which.
"""

import logging
import time
from typing import Protocol

from nightshift.contracts import Pin
from nightshift.errors import NightshiftError, NoChampion
from nightshift.quotes import quoted
from nightshift.serving.refusal import Refusal
from nightshift.serving.version import ServedVersion

log = logging.getLogger("nightshift.serving")


class Champions(Protocol):
    """Who may answer. Each waits for the lake."""

    def resolve(self) -> Pin:
        """The champion by the ledger. Raises ``NoChampion`` where none is, ``ModelError``, ``LakeUnavailable``."""

    def open(self, pin: Pin) -> ServedVersion:
        """A version, opened and tried. Raises ``NightshiftError``."""

    def is_withdrawn(self, version: str) -> bool:
        """Whether a version may never score again. Raises ``LakeUnavailable``."""


class Stand:
    """The version that answers for a model, and its swap: ``look`` is for a thread.

    ``swaps`` and ``failed_swaps`` count; ``problem`` is why the last look changed nothing, empty where all is well.
    """

    def __init__(self, model: str, champions: Champions) -> None:
        self.model = model
        self.version: ServedVersion | None = None
        self.is_draining = False
        self.problem = ""
        self.swaps = 0
        self.failed_swaps = 0
        self._champions = champions
        self._looked = time.monotonic()

    @property
    def is_ready(self) -> bool:
        """Whether requests should come here."""
        return self.version is not None and not self.is_draining

    @property
    def look_age(self) -> float:
        """Seconds since the ledger last said who is champion."""
        return time.monotonic() - self._looked

    def begin(self) -> None:
        """Open the champion for the first time. Raises as ``Champions`` does."""
        self.version = self._champions.open(self._champions.resolve())
        self._looked = time.monotonic()

    def look(self) -> None:
        """Ask the ledger, and swap where the champion has moved. What goes wrong is told, and raises nothing."""
        try:
            pin = self._champions.resolve()
        except NoChampion as error:
            # The last one was withdrawn: it never scores again.
            self.version = None
            self._tell(error)
            return
        except NightshiftError as error:
            self._tell(error)
            return
        self._looked = time.monotonic()
        if self.version is not None and self.version.pin == pin:
            self.problem = ""
            return
        self._swap(pin)

    def required(self) -> ServedVersion:
        """Who answers. Raises ``Refusal`` where nobody does."""
        if self.version is None:
            raise Refusal(503, f"{self.model} has no version that may answer: {self.problem}", retry_after=10)
        return self.version

    def asked(self, model: str, version: str = "") -> ServedVersion:
        """Who answers, if it is who was asked for; no version means the champion. Raises ``Refusal``."""
        if model != self.model:
            raise Refusal(404, f"there is no model {quoted(model)} here: this server answers for {self.model}")
        answering = self.required()
        champion = answering.pin.version
        if version not in {"", champion}:
            raise Refusal(404, f"version {quoted(version)} does not answer here: the champion is {champion}")
        return answering

    def _swap(self, pin: Pin) -> None:
        try:
            opened = self._champions.open(pin)
        except NightshiftError as error:
            self.failed_swaps += 1
            self._tell(error, f"version {pin.version} cannot answer: ")
            self._leave_a_withdrawn_one()
            return
        self.version = opened
        self.swaps += 1
        self.problem = ""
        log.info("%s: version %s answers now", self.model, pin.version)

    def _leave_a_withdrawn_one(self) -> None:
        """The version before goes on, unless it was withdrawn: then nobody answers."""
        if self.version is None:
            return
        try:
            is_withdrawn = self._champions.is_withdrawn(self.version.pin.version)
        except NightshiftError as error:
            self._tell(error)
            return
        if is_withdrawn:
            self.version = None

    def _tell(self, error: NightshiftError, before: str = "") -> None:
        problem = f"{before}{error.message}"
        if problem != self.problem:
            log.warning("%s: %s", self.model, problem)
        self.problem = problem

"""How far a training of a model came, in the lake: a task that was killed goes on from there, on any machine.

Each is sealed for its key, since a training goes on from what it reads: somebody who may write to the lake alone
cannot put weights of theirs into it. A store that is down costs a training nothing but the work since.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from nightshift.errors import LakeUnavailable, UnreadableRecord
from nightshift.stores import layout
from nightshift.stores.seals import Seals

if TYPE_CHECKING:
    from nightshift.stores import Stores

log = logging.getLogger("nightshift")
EVERY_SECONDS = 5.0
"""So much work at most is lost besides the epoch that is going on: an epoch of a small model is faster than a PUT."""
SEAL_LENGTH = 64


class LakeCheckpoints:
    """The checkpoints of one training."""

    def __init__(self, model: str, stores: Stores, every: float = EVERY_SECONDS) -> None:
        self._model = model
        self._objects = stores.lake.objects
        self._seals = Seals.of(stores.settings)
        self._every = every
        self._written = time.monotonic()

    def read(self, name: str) -> bytes | None:
        """What was kept last under a name; None where there is nothing, or it is not to be believed."""
        key = layout.checkpoint(self._model, name)
        try:
            stored = self._objects.get(key)
        except (LakeUnavailable, UnreadableRecord) as error:
            log.warning("%s: the training begins anew: %s", self._model, error.message)
            return None
        if stored is None:
            return None
        sealed, _ = stored
        body = sealed[SEAL_LENGTH:]
        seal = sealed[:SEAL_LENGTH].decode(errors="replace")
        if self._seals.is_believed(key, body, seal):
            return body
        log.warning("%s: %s has no seal of this lake: it is not read, and the training begins anew", self._model, key)
        return None

    def write(self, name: str, body: bytes) -> None:
        """Keep it, unless something was kept a moment ago."""
        now = time.monotonic()
        if now - self._written < self._every:
            return
        key = layout.checkpoint(self._model, name)
        seal = self._seals.seal(key, body)
        try:
            self._objects.put(key, seal.encode() + body)
        except LakeUnavailable as error:
            log.warning("%s: how far the training came could not be kept: %s", self._model, error.message)
        self._written = now

    def clear(self) -> None:
        """The training is done: what was kept of it goes, and what one before it left."""
        try:
            for key in self._objects.keys(layout.checkpoints(self._model)):
                self._objects.delete(key)
        except LakeUnavailable as error:
            log.warning("%s: checkpoints stay in the lake: %s", self._model, error.message)

"""Every move of an alias, in order, append-only; the entries are numbered.

An entry is written before the alias moves, so no move can be missing; a retried move finds its own.
"""

import json
from dataclasses import asdict, dataclass

from nightshift.errors import LakeUnavailable
from nightshift.stores import layout
from nightshift.stores.objects import ConditionFailed, Objects

TRIES = 20


@dataclass(frozen=True)
class AliasMove:
    """``alias`` of ``model`` goes from one version to another; None is no version."""

    model: str
    alias: str
    before: str | None
    after: str | None
    reason: str
    origin: dict[str, str]


class Ledger:
    """The moves of all models."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects

    def moves(self, model: str) -> list[AliasMove]:
        """All moves of a model, oldest first."""
        found = [self._objects.get(key) for key in self._objects.keys(layout.ledger(model))]
        return [AliasMove(**json.loads(body)) for body, _ in filter(None, found)]

    def append(self, move: AliasMove) -> None:
        """Write a move under the next free number, unless it is already the last one."""
        for _ in range(TRIES):
            known = self.moves(move.model)
            of_alias = [m for m in known if m.alias == move.alias]
            if of_alias and (of_alias[-1].before, of_alias[-1].after) == (move.before, move.after):
                return
            body = json.dumps(asdict(move), indent=1).encode()
            try:
                self._objects.put_if(layout.ledger_entry(move.model, len(known) + 1), body, etag=None)
                return
            except ConditionFailed as error:
                refusal = error
        raise LakeUnavailable(f"the ledger of {move.model} takes no entry: {refusal}") from refusal

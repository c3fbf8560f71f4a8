"""Every move of an alias, in order, append-only; the entries are numbered.

An entry is written before the alias moves, so no move can be missing; a retried move finds its own.
"""

from typing import Literal

from nightshift.errors import LakeUnavailable
from nightshift.stores import layout
from nightshift.stores.objects import ConditionFailed, Objects
from nightshift.stores.records import Record

TRIES = 20


class AliasMove(Record):
    """``alias`` of ``model`` goes from one version to another; None is no version."""

    what = "a move of an alias"

    format: Literal[1] = 1
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
        """All moves of a model, oldest first. Raises ``UnreadableRecord``."""
        entries = []
        for key in self._objects.keys(layout.ledger(model)):
            entry = self._objects.get_record(key, AliasMove)
            if entry:
                entries.append(entry)
        return entries

    def append(self, move: AliasMove) -> None:
        """Write a move under the next free number, unless it is already the last one of its alias."""
        for _ in range(TRIES):
            moves = self.moves(move.model)
            last = next((entry for entry in reversed(moves) if entry.alias == move.alias), None)
            if last and (last.before, last.after) == (move.before, move.after):
                return
            try:
                next_key = layout.ledger_entry(move.model, len(moves) + 1)
                self._objects.put_if(next_key, move.to_json(), etag=None)
                return
            except ConditionFailed as error:
                refusal = error
        raise LakeUnavailable(f"the ledger of {move.model} takes no entry: {refusal}") from refusal

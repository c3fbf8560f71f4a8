"""Which version is champion and which challenger: the ledger of their moves says it, MLflow's aliases show it.

A move is appended to the ledger, sealed, and then MLflow's alias is set. Who moves an alias in MLflow alone moves
nothing; but nothing is scored until somebody has looked at it.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, Field

from nightshift.contracts import Pin
from nightshift.errors import ModelError, NoChampion
from nightshift.stores import layout
from nightshift.stores.ledger import Ledger, LedgerHead
from nightshift.stores.records import Record
from nightshift.stores.registry import CHAMPION

if TYPE_CHECKING:
    from nightshift.stores import Stores

PASSES = 5
log = logging.getLogger("nightshift")


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


class LastMove(BaseModel):
    """The version that an alias has, and the number of the move that gave it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    number: int
    version: str | None


class AliasHead(LedgerHead):
    """The last move of each alias; and of the champion's moves, whom each version first took over from, and by whom.

    ``by_run`` has the number of the last move that a run of Airflow made.
    """

    last: dict[str, LastMove] = Field(default_factory=dict)
    took_over_from: dict[str, str | None] = Field(default_factory=dict)
    by_run: dict[str, int] = Field(default_factory=dict)

    def version(self, alias: str) -> str | None:
        """The version that an alias has, or None."""
        last = self.last.get(alias)
        return last.version if last else None

    def number_of_run(self, origin: Mapping[str, str]) -> int | None:
        """The number of the champion's move that this very run made before, or None; a command line has no run."""
        return self.by_run.get(_run(origin))


@dataclass(frozen=True)
class AstrayAlias:
    """An alias that MLflow shows on another version than the ledger says; ``shown`` is None where it shows none."""

    model: str
    alias: str
    version: str
    shown: str | None

    def __str__(self) -> str:
        shown = _version(self.shown)
        return f"set the alias {self.alias} of {self.model} to version {self.version}, which MLflow has on {shown}"


class Aliases:
    """The aliases of all models."""

    def __init__(self, stores: Stores) -> None:
        # Not the registry itself: the pages ask for the champion without an MLflow.
        self._stores = stores

    def ledger(self, model: str) -> Ledger[AliasMove, AliasHead]:
        """Every move of a model's aliases."""
        objects = self._stores.lake.objects
        return Ledger(objects, layout.ledger(model), AliasMove, AliasHead, _with_move)

    def version(self, model: str, alias: str) -> str | None:
        """The version that an alias has by the ledger, or None. Raises ``UnreadableRecord``, ``LakeUnavailable``."""
        return self.ledger(model).head().version(alias)

    def champion(self, model: str, known: int = 0) -> tuple[Pin, int]:
        """The version that scores, and the number of the move that made it champion.

        ``known`` is a move that something published names. A ledger that ends before it was lost, or came back from an
        older copy: what it says now counts as that move, so that nights can be made anew.

        Raises ``NoChampion``, ``ModelError``, ``RegistryUnavailable``, ``UnreadableRecord``, ``LakeUnavailable``.
        """
        head = self.ledger(model).head()
        last = head.last.get(CHAMPION)
        if last is None or last.version is None:
            raise NoChampion(f"{model} has no champion yet", fix=f"trigger {model}.train, or: nightshift train {model}")
        move = last.number
        if head.number < known:
            log.warning("%s: the ledger of its aliases has lost moves: it ends at %d of %d", model, head.number, known)
            move = known
        return self._stores.versions.pin(model, last.version), move

    def require_shown(self, model: str) -> None:
        """MLflow shows the champion that the ledger says, or is let show it, where a run died before it did.

        Raises ``ModelError`` when it shows another: somebody moved it there, or the ledger is an older copy of itself.
        """
        # Before the ledger: a move that comes between the two is then one that MLflow does not show yet.
        shown = self._stores.registry.alias(model, CHAMPION)
        log = self.ledger(model)
        last = log.head().last.get(CHAMPION)
        says = last.version if last else None
        if shown == says:
            return
        if last and log.entry(last.number).before == shown:
            self.project(model)
            return
        raise ModelError(
            f"{model}: MLflow has the alias {CHAMPION} on {_version(shown)}, and the ledger says {_version(says)}:"
            " somebody moved the alias by hand, or the ledger has lost moves",
            fix=f"nightshift maintain {model} has MLflow show the ledger; what moves the champion is"
            f" nightshift rollback {model} --to VERSION",
        )

    def astray(self, model: str) -> list[AstrayAlias]:
        """The aliases that MLflow shows otherwise; those of versions that it has no more are left out."""
        astray = []
        for alias, last in self.ledger(model).head().last.items():
            shown = self._stores.registry.alias(model, alias)
            if last.version is None or shown == last.version or not self._is_registered(model, last.version):
                continue
            astray.append(AstrayAlias(model, alias, last.version, shown))
        return astray

    def project(self, model: str) -> list[AstrayAlias]:
        """Let MLflow's aliases show what the ledger says; what was put right.

        It looks again after it has set one: a later move, or a late request of an earlier one, may have come between.
        """
        healed = []
        for _ in range(PASSES):
            astray = self.astray(model)
            if not astray:
                break
            for alias in astray:
                self._stores.registry.set_alias(model, alias.alias, alias.version)
            healed += astray
        return healed

    def _is_registered(self, model: str, version: str) -> bool:
        try:
            self._stores.registry.facts(model, version)
        except ModelError:
            return False
        return True


def _with_move(head: AliasHead, number: int, move: AliasMove) -> AliasHead:
    last = LastMove(number=number, version=move.after)
    changes: dict[str, object] = {"last": {**head.last, move.alias: last}}
    if move.alias == CHAMPION:
        if move.after is not None:
            # The first time alone: after a rollback a version has taken over from a later one.
            changes["took_over_from"] = {move.after: move.before, **head.took_over_from}
        run = _run(move.origin)
        if run:
            changes["by_run"] = {**head.by_run, run: number}
    return head.model_copy(update=changes)


def _version(number: str | None) -> str:
    return f"version {number}" if number else "no version"


def _run(origin: Mapping[str, str]) -> str:
    """The run of Airflow that somebody is, or nothing: two Dags may have a run of one name."""
    run = origin.get("airflow_run")
    return f"{origin.get('airflow_dag', '')}/{run}" if run else ""

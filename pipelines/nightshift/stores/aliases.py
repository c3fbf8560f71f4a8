"""Which version is champion and which challenger: the ledger of their moves says it, MLflow's aliases show it.

A move is appended to the ledger, sealed, and then MLflow's alias is set. Who moves an alias in MLflow alone moves
nothing; but nothing is scored until somebody has looked at it.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nightshift.contracts import Pin
from nightshift.errors import ModelError, NoChampion, UnreadableRecord
from nightshift.partitions import shifted
from nightshift.stores import layout
from nightshift.stores.canaries import StandingCanary, canary_in
from nightshift.stores.ledger import Ledger
from nightshift.stores.moves import AliasHead, AliasMove, LastMove, Standing, with_move
from nightshift.stores.registry import CHAMPION

if TYPE_CHECKING:
    from nightshift.stores import Stores

PASSES = 5
log = logging.getLogger("nightshift")

__all__ = ["AliasHead", "AliasMove", "Aliases", "AstrayAlias", "LastMove", "NightChampion", "Standing"]


@dataclass(frozen=True)
class AstrayAlias:
    """An alias that MLflow shows on another version than the ledger says; None is no version, of either."""

    model: str
    alias: str
    version: str | None
    shown: str | None

    def __str__(self) -> str:
        shown = _version(self.shown)
        if self.version is None:
            return f"remove the alias {self.alias} of {self.model}, which MLflow has on {shown}: it is withdrawn"
        return f"set the alias {self.alias} of {self.model} to version {self.version}, which MLflow has on {shown}"


@dataclass(frozen=True)
class NightChampion:
    """Who scores a night; ``now`` is the champion, and ``number`` that of the last entry that says who stands.

    ``canary`` stands beside it on that night, by the same reading of the ledger.
    """

    pin: Pin
    now: str
    number: int
    canary: StandingCanary | None = None


class Aliases:
    """The aliases of all models."""

    def __init__(self, stores: Stores) -> None:
        # Not the registry itself: the pages ask for the champion without an MLflow.
        self._stores = stores

    def ledger(self, model: str) -> Ledger[AliasMove, AliasHead]:
        """Every move of a model's aliases."""
        objects = self._stores.lake.objects
        return Ledger(objects, layout.ledger(model), AliasMove, AliasHead, with_move)

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
        last = self._last(model, head)
        return self._stores.versions.pin(model, str(last.version)), self._number(model, head, last.number, known)

    def champion_of(self, model: str, night: str, known: int = 0) -> NightChampion:
        """The version that should have stood on a night, by what the ledger says today. Raises as ``champion`` does.

        Of a night since the champion's own it is the champion, and costs no request more. Who stood there before has
        no canary beside it: the one of now was put beside the champion.
        """
        head = self.ledger(model).head()
        last = self._last(model, head)
        now = self._stores.versions.pin(model, str(last.version))
        number = self._number(model, head, head.scoring_number, known)
        pin = now
        if night < self._since(head.standings[-1], now.trained_through):
            right = head.standing(night, self.nights(model, head))
            pin = self._stores.versions.pin(model, right) if right else now
        canary = self._canary(head, model) if pin.version == now.version else None
        is_beside = canary is not None and canary.has(night) and night > now.trained_through
        return NightChampion(pin, now.version, number, canary if is_beside else None)

    def _canary(self, head: AliasHead, model: str) -> StandingCanary | None:
        """Who may stand beside the champion; what is wrong with its record keeps no night from being scored."""
        try:
            return canary_in(head, model, self._stores)
        except (ModelError, UnreadableRecord) as error:
            log.warning("%s: the champion scores all rows, and its canary none: %s", model, error)
            return None

    def looks(self, model: str) -> int:
        """How many challengers were judged since the champion took over, and did not take over from it."""
        return self.ledger(model).head().looks

    def nights(self, model: str, head: AliasHead) -> dict[int, str]:
        """The night of each standing by its number, as far as anybody can say it still."""
        nights = {}
        for standing in head.standings:
            since = standing.night or self._first_unseen(model, standing.version)
            if since:
                nights[standing.number] = since
        return nights

    def _first_unseen(self, model: str, version: str | None) -> str | None:
        record = self._stores.versions.record(model, version) if version else None
        return self._since(Standing(number=0, version=version), record.trained_through) if record else None

    def _since(self, standing: Standing, trained_through: str) -> str:
        """A move of before does not say its night: its version may score what comes after its training nights."""
        if standing.night or not trained_through:
            return standing.night or ""
        return shifted(trained_through, 1)

    def _last(self, model: str, head: AliasHead) -> LastMove:
        last = head.last.get(CHAMPION)
        if last is None:
            raise NoChampion(f"{model} has no champion yet", fix=f"trigger {model}.train, or: nightshift train {model}")
        if last.version is None:
            raise NoChampion(
                f"{model} has no champion left: all that were before it are withdrawn too, or were taken back",
                fix=f"trigger {model}.train, or name one that is right: nightshift rollback {model} --to VERSION",
            )
        return last

    def _number(self, model: str, head: AliasHead, number: int, known: int) -> int:
        if head.number >= known:
            return number
        log.warning("%s: the ledger of its aliases has lost moves: it ends at %d of %d", model, head.number, known)
        return known

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
        head = self.ledger(model).head()
        for alias in head.last:
            version = head.version(alias)
            shown = self._stores.registry.alias(model, alias)
            is_gone = version is not None and shown != version and not self._is_registered(model, version)
            if shown == version or is_gone:
                continue
            astray.append(AstrayAlias(model, alias, version, shown))
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
                if alias.version is None:
                    self._stores.registry.delete_alias(model, alias.alias)
                else:
                    self._stores.registry.set_alias(model, alias.alias, alias.version)
            healed += astray
        return healed

    def _is_registered(self, model: str, version: str) -> bool:
        try:
            self._stores.registry.facts(model, version)
        except ModelError:
            return False
        return True


def _version(number: str | None) -> str:
    return f"version {number}" if number else "no version"

"""Who stands beside the champion, in its shadow or as a canary: entries of the ledger, like all moves."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from nightshift.contracts import Verdict
from nightshift.errors import ModelError, Superseded
from nightshift.spec import ModelSpec
from nightshift.steps._canary import canary_rule
from nightshift.steps._moving import new_move, show
from nightshift.stores import Stores
from nightshift.stores.moves import AliasHead, AliasMove
from nightshift.stores.registry import CANARY, CHAMPION, SHADOW

WHERE = {SHADOW: "in the shadow", CANARY: "as a canary"}
"""By alias, as a sentence has it."""
PROVEN_BY = "proven_by"
"""What the origin of a promotion calls the alias whose nights decided."""


@dataclass(frozen=True)
class Place:
    """Where a version stands beside the champion, and the number of the ledger's entry that put it there."""

    alias: str
    number: int

    def is_of(self, version: str | None, head: AliasHead) -> bool:
        """Whether that version stands there by that very entry: one that came again began anew."""
        last = head.last.get(self.alias)
        return last is not None and (last.number, head.version(self.alias)) == (self.number, version)


@dataclass(frozen=True)
class BesideMove:
    """Who stands there now, None for nobody, beside whom, and why."""

    model: str
    version: str | None
    champion: str | None
    reason: str


def require_nothing(head: AliasHead) -> None:
    """For who was looked at already."""


def enter(
    spec: ModelSpec,
    alias: str,
    version: str,
    since: str,
    reason: str,
    stores: Stores,
    *,
    share: float | None = None,
    signed: Mapping[str, str] | None = None,
    require: Callable[[AliasHead], None] = require_nothing,
) -> BesideMove:
    """Put a version there, from a night on; who is there already stays, whoever that is.

    ``require`` raises where the ledger says what speaks against it; ``share`` is a canary's, by default model.yaml's.
    """
    if alias == CANARY and share is None:
        share = canary_rule(spec).share
    ledger = stores.aliases.ledger(spec.name)
    done = BesideMove(spec.name, version, None, reason)
    for head in ledger.attempts():
        champion = head.version(CHAMPION)
        standing = head.version(alias)
        if standing is not None:
            return BesideMove(spec.name, standing, champion, f"version {standing} stands {WHERE[alias]}")
        require(head)
        done = BesideMove(spec.name, version, champion, reason)
        move = new_move(spec, alias, head, version, reason, stores, night=since, share=share, signed=signed)
        if ledger.append(head, move):
            break
    show(spec, stores)
    return done


def leave(
    spec: ModelSpec,
    alias: str,
    reason: str,
    night: str | None,
    stores: Stores,
    *,
    place: Place | None = None,
    signed: Mapping[str, str] | None = None,
) -> BesideMove:
    """Let nobody stand there any more; with ``place``, only whom that entry put there."""
    ledger = stores.aliases.ledger(spec.name)
    for head in ledger.attempts():
        standing = head.version(alias)
        is_another = place is not None and not place.is_of(standing, head)
        if standing is None or is_another:
            break
        if ledger.append(head, new_move(spec, alias, head, None, reason, stores, night=night, signed=signed)):
            break
    show(spec, stores)
    return BesideMove(spec.name, stores.aliases.version(spec.name, alias), None, reason)


def require_may_stand(spec: ModelSpec, alias: str, version: str, head: AliasHead) -> None:
    """Raises ``ModelError`` where another stands there, or this one has no business beside the champion."""
    where = WHERE[alias]
    standing = head.version(alias)
    for reason in _objections(version, head):
        raise ModelError(
            f"{spec.name}: version {version} {reason}: it cannot stand {where}",
            fix=f"nightshift ledger {spec.name} tells who stands",
        )
    if standing not in {None, version}:
        raise ModelError(
            f"{spec.name}: version {standing} stands {where}, and there is room for one",
            fix=f"let its nights decide, or: nightshift {alias} {spec.name} --stop",
        )


def _objections(version: str, head: AliasHead) -> Iterator[str]:
    champion = head.version(CHAMPION)
    if champion is None:
        yield "would stand alone, since there is no champion"
    if version == champion:
        yield "is the champion"
    if version in head.withdrawn:
        yield "is withdrawn"
    if version in head.took_over_from:
        yield "was champion before, and comes back by a rollback"


def moved_before(spec: ModelSpec, alias: str, stores: Stores) -> AliasMove | None:
    """The promotion that an earlier try of this very task made by nights there, which ended them; else None."""
    ledger = stores.aliases.ledger(spec.name)
    head = ledger.head()
    number = head.number_of_run(stores.origin)
    if not number:
        return None
    move = ledger.entry(number)
    if move.after is None or head.version(CHAMPION) != move.after:
        return None
    if move.origin.get(PROVEN_BY) != alias:
        return None
    return move


def require_compared(spec: ModelSpec, verdict: Verdict, head: AliasHead, place: Place | None = None) -> None:
    """Raises ``Superseded`` where a verdict is of another champion, or the candidate is not where it was judged."""
    candidate = verdict.candidate.version
    champion = head.version(CHAMPION)
    if candidate in head.withdrawn:
        raise Superseded(
            f"{spec.name}: version {candidate} was withdrawn since its gate",
            fix=f"nightshift ledger {spec.name} says why; another training makes another version",
        )
    if champion != verdict.champion:
        raise Superseded(
            f"{spec.name}: version {candidate} was compared with version {verdict.champion},"
            f" but the champion is now version {champion}",
            fix=f"trigger {spec.name}.train again",
        )
    if candidate in head.took_over_from:
        raise Superseded(
            f"{spec.name}: version {candidate} was champion before, and was taken back since",
            fix=f"nightshift rollback {spec.name} --to {candidate}, if it should score after all",
        )
    if place is not None and not place.is_of(candidate, head):
        raise Superseded(
            f"{spec.name}: version {candidate} does not stand {WHERE[place.alias]} any more, where its nights were"
            " counted",
            fix=f"nightshift ledger {spec.name} says why; put there again, it begins anew",
        )

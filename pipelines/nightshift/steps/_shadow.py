"""Who gets into the champion's shadow, and who leaves it: entries of the ledger, like all that moves a version."""

from dataclasses import dataclass

from nightshift.contracts import Verdict
from nightshift.errors import UsageError
from nightshift.spec import ModelSpec
from nightshift.spec.shadow import Shadow
from nightshift.steps._moving import new_move, show
from nightshift.stores import Stores
from nightshift.stores.moves import AliasHead
from nightshift.stores.registry import CHAMPION, SHADOW


@dataclass(frozen=True)
class ShadowMove:
    """Who stands in the shadow now, None for nobody, and why."""

    model: str
    version: str | None
    champion: str | None
    reason: str


def rule_of(spec: ModelSpec) -> Shadow:
    """What model.yaml says of shadows. Raises ``UsageError`` where it says nothing."""
    if spec.shadow is None:
        raise UsageError(
            f"{spec.name}: model.yaml has no shadow, so nobody is scored there",
            fix="write `shadow: {}` into it; docs/spec.md has its keys",
        )
    return spec.shadow


def goes_to_shadow(spec: ModelSpec, verdict: Verdict) -> bool:
    """Whether the nights to come are asked about a candidate, and not the gate alone; never of a first champion."""
    if spec.shadow is None or verdict.champion is None:
        return False
    if spec.shadow.enters == "passed":
        return verdict.promote or verdict.inconclusive
    return spec.shadow.enters == "inconclusive" and verdict.inconclusive


def is_in_shadow(version: str | None, number: int, head: AliasHead) -> bool:
    """Whether a version stands there, and since that entry of the ledger: one that came again began anew."""
    last = head.last.get(SHADOW)
    return last is not None and (last.number, head.version(SHADOW)) == (number, version)


def enter(spec: ModelSpec, version: str, since: str, reason: str, stores: Stores) -> ShadowMove:
    """Put a version into the shadow, from a night on; who is there already stays, whoever that is."""
    ledger = stores.aliases.ledger(spec.name)
    move = ShadowMove(spec.name, version, None, reason)
    for head in ledger.attempts():
        champion = head.version(CHAMPION)
        standing = head.version(SHADOW)
        if standing is not None:
            return ShadowMove(spec.name, standing, champion, f"version {standing} stands in the shadow")
        move = ShadowMove(spec.name, version, champion, reason)
        if ledger.append(head, new_move(spec, SHADOW, head, version, reason, stores, night=since)):
            break
    show(spec, stores)
    return move


def leave(spec: ModelSpec, reason: str, night: str | None, stores: Stores, *, number: int | None = None) -> ShadowMove:
    """Let nobody stand in the shadow any more; with ``number``, only whom that entry put there."""
    ledger = stores.aliases.ledger(spec.name)
    for head in ledger.attempts():
        is_gone = head.version(SHADOW) is None
        is_another = number is not None and not is_in_shadow(head.version(SHADOW), number, head)
        if is_gone or is_another:
            break
        if ledger.append(head, new_move(spec, SHADOW, head, None, reason, stores, night=night)):
            break
    show(spec, stores)
    return ShadowMove(spec.name, stores.aliases.version(spec.name, SHADOW), None, reason)

"""Move the champion alias, forwards after a passed gate or back by hand. Each move is in the ledger."""

from nightshift.contracts import Promotion, Verdict
from nightshift.errors import Superseded, UsageError
from nightshift.spec import ModelSpec
from nightshift.stores import Stores
from nightshift.stores.ledger import AliasMove, Ledger
from nightshift.stores.registry import CHALLENGER, CHAMPION, PASSED


def promote(spec: ModelSpec, verdict: Verdict, stores: Stores) -> Promotion:
    """Make a candidate that passed the champion; one that did not keeps the challenger alias.

    Raises ``Superseded`` when the champion is no longer the one that the gate compared with.
    """
    candidate, now = verdict.candidate, stores.registry.alias(spec.name, CHAMPION)
    reason = "; ".join(verdict.reasons)
    if now == candidate.version:
        # Promoted before, by an earlier try of this task: whatever was said since, it scores, and stays.
        return Promotion(spec.name, now, verdict.champion, moved=verdict.promote, reason=reason)
    if not verdict.promote:
        stores.registry.tag(spec.name, candidate.version, {"gate": "failed", "gate_reason": reason[:4000]})
        _move(spec, CHALLENGER, candidate.version, reason, stores)
        return Promotion(spec.name, now, now, moved=False, reason=reason)
    if now != verdict.champion:
        raise Superseded(
            f"{spec.name}: version {candidate.version} was compared with version {verdict.champion},"
            f" but the champion is now version {now}",
            fix=f"trigger {spec.name}.train again",
        )
    stores.registry.tag(spec.name, candidate.version, {"gate": PASSED, "gate_reason": reason[:4000]})
    _move(spec, CHAMPION, candidate.version, reason, stores)
    return Promotion(spec.name, candidate.version, now, moved=True, reason=reason)


def rollback(spec: ModelSpec, stores: Stores, to: str | None = None, why: str = "by hand") -> Promotion:
    """Give the champion alias back to the version before, or to ``to``; it must have passed its gate.

    Raises ``UsageError`` when there is nothing to go back to, ``ModelError`` for an ungated version.
    """
    now = stores.registry.alias(spec.name, CHAMPION)
    target = to or _before(spec, now, stores)
    if target is None or target == now:
        raise UsageError(
            f"{spec.name}: the champion is version {now} and there is no earlier one to go back to",
            fix=f"name a version: nightshift rollback {spec.name} --to VERSION",
        )
    stores.registry.pin(spec.name, target)
    _move(spec, CHAMPION, target, f"rollback: {why}", stores)
    return Promotion(spec.name, target, now, moved=True, reason=f"rollback: {why}")


def _before(spec: ModelSpec, now: str | None, stores: Stores) -> str | None:
    moves = [move for move in Ledger(stores.lake.objects).moves(spec.name) if move.alias == CHAMPION]
    arrivals = [move for move in moves if move.after == now]
    return arrivals[0].before if arrivals else None


def _move(spec: ModelSpec, alias: str, version: str, reason: str, stores: Stores) -> None:
    before = stores.registry.alias(spec.name, alias)
    if before == version:
        return
    move = AliasMove(
        model=spec.name, alias=alias, before=before, after=version, reason=reason, origin=dict(stores.origin)
    )
    Ledger(stores.lake.objects).append(move)
    stores.registry.set_alias(spec.name, alias, version)

"""Move the champion alias, forwards after a passed gate or back by hand. Each move is in the ledger."""

from nightshift.contracts import Promotion, Verdict
from nightshift.errors import Superseded, UsageError
from nightshift.spec import ModelSpec
from nightshift.stores import Stores
from nightshift.stores.ledger import AliasMove, Ledger
from nightshift.stores.registry import CHALLENGER, CHAMPION, LONGEST_TAG, PASSED


def promote(spec: ModelSpec, verdict: Verdict, stores: Stores) -> Promotion:
    """Make a candidate that passed the champion; one that did not keeps the challenger alias.

    Raises ``Superseded`` when the champion is no longer the one that the gate compared with.
    """
    candidate = verdict.candidate.version
    champion = stores.registry.alias(spec.name, CHAMPION)
    reason = "; ".join(verdict.reasons)
    if champion == candidate:
        # Promoted before, by an earlier try of this task: whatever was said since, it scores, and stays.
        return Promotion(spec.name, champion, verdict.champion, moved=verdict.promote, reason=reason)
    if not verdict.promote:
        _tag(spec, candidate, "failed", reason, stores)
        _move(spec, CHALLENGER, candidate, reason, stores)
        return Promotion(spec.name, champion, champion, moved=False, reason=reason)
    if champion != verdict.champion:
        raise Superseded(
            f"{spec.name}: version {candidate} was compared with version {verdict.champion},"
            f" but the champion is now version {champion}",
            fix=f"trigger {spec.name}.train again",
        )
    _tag(spec, candidate, PASSED, reason, stores)
    _move(spec, CHAMPION, candidate, reason, stores)
    return Promotion(spec.name, candidate, champion, moved=True, reason=reason)


def rollback(spec: ModelSpec, stores: Stores, to: str | None = None, why: str = "by hand") -> Promotion:
    """Give the champion alias back to the version before, or to ``to``; it must have passed its gate.

    Raises ``UsageError`` when there is nothing to go back to, ``ModelError`` for an ungated version.
    """
    champion = stores.registry.alias(spec.name, CHAMPION)
    target = to or _version_before(spec, champion, stores)
    if target is None or target == champion:
        raise UsageError(
            f"{spec.name}: the champion is version {champion} and there is no earlier one to go back to",
            fix=f"name a version: nightshift rollback {spec.name} --to VERSION",
        )
    reason = f"rollback: {why}"
    stores.registry.pin(spec.name, target)
    _move(spec, CHAMPION, target, reason, stores)
    return Promotion(spec.name, target, champion, moved=True, reason=reason)


def _tag(spec: ModelSpec, version: str, gate: str, reason: str, stores: Stores) -> None:
    tags = {
        "gate": gate,
        "gate_reason": reason[:LONGEST_TAG],
    }
    stores.registry.tag(spec.name, version, tags)


def _version_before(spec: ModelSpec, version: str | None, stores: Stores) -> str | None:
    """The champion that a version took over from, the first time that it did."""
    for move in Ledger(stores.lake.objects).moves(spec.name):
        if move.alias == CHAMPION and move.after == version:
            return move.before
    return None


def _move(spec: ModelSpec, alias: str, version: str, reason: str, stores: Stores) -> None:
    before = stores.registry.alias(spec.name, alias)
    if before == version:
        return
    origin = dict(stores.origin)
    move = AliasMove(model=spec.name, alias=alias, before=before, after=version, reason=reason, origin=origin)
    Ledger(stores.lake.objects).append(move)
    stores.registry.set_alias(spec.name, alias, version)

"""Move the champion forwards, after a passed gate; back goes ``rollback``.

The ledger is the lock: a move is appended only after the very move that it was decided on. MLflow's alias follows.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace

from nightshift.contracts import Approval, Promotion, Verdict
from nightshift.errors import Superseded
from nightshift.monitoring.shadow.nights import first_unseen
from nightshift.releases.judged import record_of
from nightshift.spec import ModelSpec
from nightshift.steps._approval import (
    answer_of,
    ask,
    asks,
    require_digest,
    require_may_be_approved,
    shown,
    signature,
    with_answer,
)
from nightshift.steps._moving import new_move, show
from nightshift.steps._shadow import enter, goes_to_shadow, is_in_shadow
from nightshift.stores import Stores
from nightshift.stores.aliases import AliasHead, AliasMove
from nightshift.stores.registry import CHALLENGER, CHAMPION, FAILED, LONGEST_TAG, PASSED
from nightshift.stores.versions import GateVerdict

NOBODY: Mapping[str, str] = {}
"""Who signed a move that needed nobody's approval."""


def promote(spec: ModelSpec, verdict: Verdict, stores: Stores, approval: Approval | None = None) -> Promotion:
    """Make a candidate that passed the champion; one that did not keeps the challenger alias.

    So does one that model.yaml wants a person to see, until ``approval`` is of its digest, and one that it wants to see
    in the champion's shadow, until its nights there say more.
    Raises ``Superseded`` when the champion is no longer the one that the gate compared with, ``NotApproved``.
    """
    with _kept_if_lost(spec, verdict, stores):
        promotion = _decided(spec, verdict, stores, approval)
    show(spec, stores)
    return promotion


def put_before_person(spec: ModelSpec, verdict: Verdict, stores: Stores) -> Promotion | None:
    """Make a candidate the challenger that waits for a person; None where model.yaml asks nobody about it.

    Raises ``Superseded`` when the champion is no longer the one that the gate compared with.
    """
    if not asks(spec, verdict) or goes_to_shadow(spec, verdict):
        return None
    promotion = promote(spec, verdict, stores)
    return promotion if promotion.waits_for else None


def promote_proven(spec: ModelSpec, verdict: Verdict, number: int, stores: Stores) -> Promotion:
    """The same by what nights in shadow said, where entry ``number`` put it: it is asked about no further nights.

    Raises ``Superseded`` when it does not stand there by that entry any more, or the champion is another.
    """
    with _kept_if_lost(spec, verdict, stores):
        promotion = _by_rule(spec, verdict, stores, number)
    show(spec, stores)
    return promotion


def _decided(spec: ModelSpec, verdict: Verdict, stores: Stores, approval: Approval | None) -> Promotion:
    if approval is not None:
        return _as_answered(spec, verdict, approval, stores)
    if goes_to_shadow(spec, verdict):
        return _stand_in_shadow(spec, verdict, stores)
    return _by_rule(spec, verdict, stores)


def _by_rule(spec: ModelSpec, verdict: Verdict, stores: Stores, in_shadow: int | None = None) -> Promotion:
    """With ``in_shadow``, only while that entry of the ledger says who stands there."""
    if asks(spec, verdict):
        return _wait(spec, verdict, stores, in_shadow)
    if verdict.promote:
        return _take_over(spec, verdict, stores, in_shadow=in_shadow)
    return _stay(spec, verdict, stores)


@contextmanager
def _kept_if_lost(spec: ModelSpec, verdict: Verdict, stores: Stores) -> Iterator[None]:
    """Whatever its record said before it was lost, that it lost is what it says afterwards."""
    try:
        yield
    except Superseded as lost:
        _keep_lost(spec, verdict, lost.message, stores)
        raise


def _keep_lost(spec: ModelSpec, verdict: Verdict, why: str, stores: Stores) -> None:
    """It was judged, though in vain: without a move, its record alone tells its run from one that failed."""
    candidate = verdict.candidate
    ledger = stores.aliases.ledger(spec.name)
    head = ledger.head()
    if candidate.version in head.took_over_from:
        # One that was champion keeps the record by which it may be again.
        return
    lost = with_answer(verdict, why)
    record = record_of(lost, FAILED, stores)
    stores.versions.write(record)


def _as_answered(spec: ModelSpec, verdict: Verdict, approval: Approval, stores: Stores) -> Promotion:
    if not approval.approved:
        rejected = with_answer(verdict, answer_of(approval))
        return _stay(spec, rejected, stores, signature(approval))
    require_may_be_approved(spec, verdict)
    return _take_over(spec, verdict, stores, approval)


def _stand_in_shadow(spec: ModelSpec, verdict: Verdict, stores: Stores) -> Promotion:
    """Let it be challenger, and score beside the champion, from the night on that it was trained as of.

    Nights that are published by now were seen, and are no evidence.
    """
    head = stores.aliases.ledger(spec.name).head()
    candidate = verdict.candidate
    if head.version(CHAMPION) == candidate.version:
        return _stay(spec, verdict, stores)
    _require_compared(spec, verdict, head)
    promotion = _stay(spec, verdict, stores)
    snapshot = candidate.trained.snapshot
    trained = snapshot.as_of or snapshot.last_night
    since = max(trained, first_unseen(spec, stores))
    entered = enter(spec, candidate.version, since, promotion.reason, stores)
    stands = "it stands in the shadow" if entered.version == candidate.version else entered.reason
    return replace(promotion, reason=f"{promotion.reason}; {stands}")


def _wait(spec: ModelSpec, verdict: Verdict, stores: Stores, in_shadow: int | None) -> Promotion:
    """Let it be challenger, and keep its verdict for the person who is to decide."""
    head = stores.aliases.ledger(spec.name).head()
    if head.version(CHAMPION) == verdict.candidate.version:
        return _stay(spec, verdict, stores)
    _require_compared(spec, verdict, head, in_shadow)
    digest = ask(verdict, head, stores)
    waiting = with_answer(verdict, f"waits for a person to approve {shown(digest)}")
    promotion = _stay(spec, waiting, stores)
    return replace(promotion, waits_for=digest)


def _take_over(
    spec: ModelSpec,
    verdict: Verdict,
    stores: Stores,
    approval: Approval | None = None,
    in_shadow: int | None = None,
) -> Promotion:
    candidate = verdict.candidate.version
    decided = verdict if approval is None else with_answer(verdict, answer_of(approval))
    signed = NOBODY if approval is None else signature(approval)
    reason = _reason(decided)
    done = Promotion(spec.name, candidate, verdict.champion, moved=True, reason=reason)
    ledger = stores.aliases.ledger(spec.name)
    for head in ledger.attempts():
        if head.version(CHAMPION) == candidate:
            # Promoted before, by an earlier try of this task.
            break
        _require_compared(spec, verdict, head, in_shadow)
        if approval is not None:
            require_digest(verdict, head, approval)
        _record(spec, decided, PASSED, stores)
        move = _of_gate(spec, CHAMPION, head, decided, stores, signed)
        if ledger.append(head, move):
            break
    return done


def _stay(spec: ModelSpec, verdict: Verdict, stores: Stores, signed: Mapping[str, str] = NOBODY) -> Promotion:
    candidate = verdict.candidate.version
    reason = _reason(verdict)
    ledger = stores.aliases.ledger(spec.name)
    for head in ledger.attempts():
        champion = head.version(CHAMPION)
        if champion == candidate:
            # Whatever was said since, it scores, and stays.
            return Promotion(spec.name, champion, verdict.champion, moved=False, reason=reason)
        _record(spec, verdict, FAILED, stores)
        move = _of_gate(spec, CHALLENGER, head, verdict, stores, signed)
        # Whoever is challenger already gets no entry for being it, but one for what a person said.
        if (move.before == candidate and not signed) or ledger.append(head, move):
            break
    return Promotion(spec.name, champion, champion, moved=False, reason=reason)


def _require_compared(spec: ModelSpec, verdict: Verdict, head: AliasHead, in_shadow: int | None = None) -> None:
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
    if in_shadow is not None and not is_in_shadow(candidate, in_shadow, head):
        raise Superseded(
            f"{spec.name}: version {candidate} does not stand in the shadow any more, where its nights were counted",
            fix=f"nightshift ledger {spec.name} says why; put there again, it begins anew",
        )


def _of_gate(
    spec: ModelSpec,
    alias: str,
    head: AliasHead,
    verdict: Verdict,
    stores: Stores,
    signed: Mapping[str, str],
) -> AliasMove:
    """A move for the night that the version was trained as of, whenever that was."""
    candidate = verdict.candidate
    night = candidate.trained.snapshot.as_of or None
    return new_move(spec, alias, head, candidate.version, _reason(verdict), stores, night=night, signed=signed)


def _record(spec: ModelSpec, verdict: Verdict, gate: GateVerdict, stores: Stores) -> None:
    """What the version is and what its gate said: in the lake, sealed, and for show in MLflow."""
    record = record_of(verdict, gate, stores)
    stores.versions.write(record)
    tags = {
        "gate": gate,
        "gate_reason": _reason(verdict)[:LONGEST_TAG],
    }
    stores.registry.tag(spec.name, record.version, tags)


def _reason(verdict: Verdict) -> str:
    return "; ".join(verdict.reasons)

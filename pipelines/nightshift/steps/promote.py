"""Move the champion forwards, after a passed gate; back goes ``rollback``.

The ledger is the lock: a move is appended only after the very move that it was decided on. MLflow's alias follows.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import partial

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
from nightshift.steps._beside import PROVEN_BY, WHERE, Place, enter, leave, require_compared
from nightshift.steps._canary import goes_to_canary, require_no_harm, require_not_ended, was_approved
from nightshift.steps._moving import new_move, show
from nightshift.steps._shadow import goes_to_shadow
from nightshift.stores import Stores
from nightshift.stores.aliases import AliasHead, AliasMove
from nightshift.stores.registry import CANARY, CHALLENGER, CHAMPION, FAILED, LONGEST_TAG, PASSED, SHADOW
from nightshift.stores.versions import GateVerdict

NOBODY: Mapping[str, str] = {}
"""Who signed a move that needed nobody's approval."""


def promote(spec: ModelSpec, verdict: Verdict, stores: Stores, approval: Approval | None = None) -> Promotion:
    """Make a candidate that passed the champion; one that did not keeps the challenger alias.

    So does one that model.yaml wants a person to see, until ``approval`` is of its digest, and one that it wants to see
    in the champion's shadow or as a canary, until its nights there say more.
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
    if not asks(spec, verdict):
        return None
    if goes_to_shadow(spec, verdict):
        return None
    promotion = promote(spec, verdict, stores)
    return promotion if promotion.waits_for else None


def promote_proven(spec: ModelSpec, verdict: Verdict, place: Place, stores: Stores) -> Promotion:
    """The same by what its nights beside the champion said; of one in shadow a canary's may be asked next.

    Raises ``Superseded`` when it does not stand there by that entry any more, or the champion is another.
    """
    with _kept_if_lost(spec, verdict, stores):
        promotion = _by_rule(spec, verdict, stores, place)
    show(spec, stores)
    return promotion


def promote_or_ask(spec: ModelSpec, verdict: Verdict, place: Place, night: str, stores: Stores) -> Promotion:
    """The same by the run of a night; a candidate that a person is asked about does not stand there meanwhile."""
    promotion = promote_proven(spec, verdict, place, stores)
    if promotion.waits_for:
        reason = f"{verdict.reasons[0]}; waits for a person to approve {shown(promotion.waits_for)}"
        leave(spec, place.alias, reason, night, stores, place=place)
    return promotion


def _decided(spec: ModelSpec, verdict: Verdict, stores: Stores, approval: Approval | None) -> Promotion:
    if approval is not None:
        return _as_answered(spec, verdict, approval, stores)
    if goes_to_shadow(spec, verdict):
        return _stand(spec, SHADOW, verdict, stores)
    return _by_rule(spec, verdict, stores)


def _by_rule(spec: ModelSpec, verdict: Verdict, stores: Stores, place: Place | None = None) -> Promotion:
    """With ``place``, only while it stands there by that entry; whom a person let stand there is not asked about."""
    is_answered = place is not None and was_approved(spec, place.number, stores)
    if asks(spec, verdict) and not is_answered:
        return _wait(spec, verdict, stores, place)
    if verdict.promote:
        return _forwards(spec, verdict, stores, place)
    return _stay(spec, verdict, stores)


def _forwards(
    spec: ModelSpec, verdict: Verdict, stores: Stores, place: Place | None = None, approval: Approval | None = None
) -> Promotion:
    """To a share of the rows, where model.yaml wants that first, or to all of them; no harmful canary to either."""
    head = stores.aliases.ledger(spec.name).head()
    candidate = verdict.candidate.version
    if place is not None:
        require_no_harm(spec, candidate, head, stores)
    else:
        require_not_ended(spec, candidate, head, stores, approval.digest if approval else "")
    is_canary = place is not None and place.alias == CANARY
    if not is_canary and goes_to_canary(spec, verdict, head, stores):
        return _stand(spec, CANARY, verdict, stores, place, approval)
    return _take_over(spec, verdict, stores, place, approval)


def keep_taken_back(spec: ModelSpec, verdict: Verdict, stores: Stores) -> None:
    """Let the record of a canary that did harm say so: no gate's word puts it there again."""
    head = stores.aliases.ledger(spec.name).head()
    if verdict.candidate.version not in head.took_over_from:
        _record(spec, verdict, FAILED, stores)


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
    return _forwards(spec, verdict, stores, approval=approval)


def _stand(
    spec: ModelSpec,
    alias: str,
    verdict: Verdict,
    stores: Stores,
    place: Place | None = None,
    approval: Approval | None = None,
) -> Promotion:
    """Let it be challenger, and score beside the champion, from the night on that it was trained as of.

    Nights that are published by now were seen, and are no evidence.
    """
    head = stores.aliases.ledger(spec.name).head()
    candidate = verdict.candidate
    if head.version(CHAMPION) == candidate.version:
        return _stay(spec, verdict, stores)
    require_compared(spec, verdict, head, place)
    if approval is not None:
        require_digest(verdict, head, approval)
    decided, signed = _answered(verdict, approval)
    promotion = _stay(spec, decided, stores, signed)
    snapshot = candidate.trained.snapshot
    trained = snapshot.as_of or snapshot.last_night
    entered = enter(
        spec,
        alias,
        candidate.version,
        max(trained, first_unseen(spec, stores)),
        promotion.reason,
        stores,
        signed=signed,
        require=partial(require_compared, spec, verdict, place=place),
    )
    if entered.version != candidate.version:
        return replace(promotion, reason=f"{promotion.reason}; {entered.reason}")
    return replace(promotion, reason=f"{promotion.reason}; it stands {WHERE[alias]}", stands=alias)


def _wait(spec: ModelSpec, verdict: Verdict, stores: Stores, place: Place | None) -> Promotion:
    """Let it be challenger, and keep its verdict for the person who is to decide."""
    head = stores.aliases.ledger(spec.name).head()
    if head.version(CHAMPION) == verdict.candidate.version:
        return _stay(spec, verdict, stores)
    require_compared(spec, verdict, head, place)
    digest = ask(verdict, head, stores)
    waiting = with_answer(verdict, f"waits for a person to approve {shown(digest)}")
    promotion = _stay(spec, waiting, stores)
    return replace(promotion, waits_for=digest)


def _take_over(
    spec: ModelSpec,
    verdict: Verdict,
    stores: Stores,
    place: Place | None = None,
    approval: Approval | None = None,
) -> Promotion:
    candidate = verdict.candidate.version
    decided, signed = _answered(verdict, approval)
    if place is not None:
        signed = {**signed, PROVEN_BY: place.alias}
    reason = _reason(decided)
    done = Promotion(spec.name, candidate, verdict.champion, moved=True, reason=reason)
    ledger = stores.aliases.ledger(spec.name)
    for head in ledger.attempts():
        if head.version(CHAMPION) == candidate:
            # Promoted before, by an earlier try of this task.
            break
        require_compared(spec, verdict, head, place)
        if approval is not None:
            require_digest(verdict, head, approval)
        _record(spec, decided, PASSED, stores)
        move = _of_gate(spec, CHAMPION, head, decided, stores, signed)
        if ledger.append(head, move):
            break
    return done


def _answered(verdict: Verdict, approval: Approval | None) -> tuple[Verdict, Mapping[str, str]]:
    """A verdict with what a person said of it, and who signs for it."""
    if approval is None:
        return verdict, NOBODY
    return with_answer(verdict, answer_of(approval)), signature(approval)


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

"""Move the champion, forwards after a passed gate or back by hand.

The ledger is the lock: a move is appended only after the very move that it was decided on. MLflow's alias follows.
"""

import logging
import re

from nightshift.contracts import Promotion, Verdict
from nightshift.errors import Superseded, Unavailable, UsageError
from nightshift.partitions import VERSION_PATTERN
from nightshift.spec import ModelSpec
from nightshift.stores import Stores
from nightshift.stores.aliases import AliasHead, AliasMove
from nightshift.stores.registry import CHALLENGER, CHAMPION, FAILED, LONGEST_TAG, PASSED
from nightshift.stores.versions import GateVerdict, VersionRecord

log = logging.getLogger("nightshift")


def promote(spec: ModelSpec, verdict: Verdict, stores: Stores) -> Promotion:
    """Make a candidate that passed the champion; one that did not keeps the challenger alias.

    Raises ``Superseded`` when the champion is no longer the one that the gate compared with.
    """
    act = _take_over if verdict.promote else _stay
    promotion = act(spec, verdict, stores)
    _show(spec, stores)
    return promotion


def rollback(spec: ModelSpec, stores: Stores, to: str | None = None, why: str = "by hand") -> Promotion:
    """Give the champion back to the version before, or to ``to``; it must have passed its gate. Once a run.

    Raises ``UsageError`` when there is nothing to go back to, or for what is no number, ``ModelError`` for an ungated
    version, ``Superseded`` when the champion changes meanwhile.
    """
    if to is not None and not re.fullmatch(VERSION_PATTERN, to):
        raise UsageError(
            f"{spec.name}: {to[:60]!r} is no version",
            fix=f"name one by its number: nightshift rollback {spec.name} --to 1",
        )
    # What somebody did in MLflow's UI is undone, also where there is nothing else to do.
    stores.aliases.project(spec.name)
    move = _go_back(spec, stores, to, f"rollback: {why}")
    _show(spec, stores)
    return Promotion(spec.name, move.after, move.before, moved=True, reason=move.reason)


def _show(spec: ModelSpec, stores: Stores) -> None:
    """Let MLflow show the move. It is done whether MLflow answers or not: who heard of an error would move again."""
    try:
        stores.aliases.project(spec.name)
    except Unavailable as error:
        log.warning("the champion has moved; nightshift maintain %s puts MLflow's alias right: %s", spec.name, error)


def _take_over(spec: ModelSpec, verdict: Verdict, stores: Stores) -> Promotion:
    candidate = verdict.candidate.version
    reason = _reason(verdict)
    done = Promotion(spec.name, candidate, verdict.champion, moved=True, reason=reason)
    ledger = stores.aliases.ledger(spec.name)
    for head in ledger.attempts():
        if head.version(CHAMPION) == candidate:
            # Promoted before, by an earlier try of this task.
            break
        _require_compared(spec, verdict, head)
        _record(spec, verdict, PASSED, stores)
        move = _move(spec, CHAMPION, head, candidate, reason, stores)
        if ledger.append(head, move):
            break
    return done


def _stay(spec: ModelSpec, verdict: Verdict, stores: Stores) -> Promotion:
    candidate = verdict.candidate.version
    reason = _reason(verdict)
    ledger = stores.aliases.ledger(spec.name)
    for head in ledger.attempts():
        champion = head.version(CHAMPION)
        if champion == candidate:
            # Whatever was said since, it scores, and stays.
            return Promotion(spec.name, champion, verdict.champion, moved=False, reason=reason)
        _record(spec, verdict, FAILED, stores)
        move = _move(spec, CHALLENGER, head, candidate, reason, stores)
        if move.before == candidate or ledger.append(head, move):
            break
    return Promotion(spec.name, champion, champion, moved=False, reason=reason)


def _go_back(spec: ModelSpec, stores: Stores, to: str | None, reason: str) -> AliasMove:
    ledger = stores.aliases.ledger(spec.name)
    champion = ledger.head().version(CHAMPION)
    for head in ledger.attempts():
        number = head.number_of_run(stores.origin)
        if number:
            # An earlier try of this very task has done it.
            return ledger.entry(number)
        if head.version(CHAMPION) != champion:
            raise Superseded(
                f"{spec.name}: the champion was version {champion}, and is version {head.version(CHAMPION)} since",
                fix=f"if that is none either: nightshift rollback {spec.name}",
            )
        target = _target(spec, head, to)
        stores.versions.pin(spec.name, target)
        move = _move(spec, CHAMPION, head, target, reason, stores)
        if ledger.append(head, move):
            break
    return move


def _require_compared(spec: ModelSpec, verdict: Verdict, head: AliasHead) -> None:
    candidate = verdict.candidate.version
    champion = head.version(CHAMPION)
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


def _target(spec: ModelSpec, head: AliasHead, to: str | None) -> str:
    """The version named, or the one that the champion took over from, the first time that it did."""
    champion = head.version(CHAMPION)
    target = to or head.took_over_from.get(str(champion))
    if target is None or target == champion:
        raise UsageError(
            f"{spec.name}: the champion is version {champion} and there is no earlier one to go back to",
            fix=f"name a version: nightshift rollback {spec.name} --to VERSION",
        )
    return target


def _record(spec: ModelSpec, verdict: Verdict, gate: GateVerdict, stores: Stores) -> None:
    """What the version is and what its gate said: in the lake, sealed, and for show in MLflow."""
    candidate = verdict.candidate
    evidence = candidate.evidence
    record = VersionRecord(
        model=spec.name,
        version=candidate.version,
        run_id=candidate.trained.run_id,
        onnx_sha256=candidate.graph.sha256,
        onnx_key=candidate.graph.key,
        variant=candidate.graph.variant,
        profile_sha256=candidate.graph.profile_sha256,
        snapshot_md5=candidate.trained.snapshot.md5,
        trained_through=candidate.trained.snapshot.last_night,
        share=candidate.trained.share,
        threshold=candidate.trained.threshold,
        fitted_through=candidate.trained.fitted_through,
        recipe_sha256=candidate.trained.recipe_sha256,
        exact_sha256=candidate.graph.exact_sha256,
        replay_sha256=candidate.trained.replay_sha256,
        twin_sha256=evidence.twin_sha256 if evidence else "",
        twin_key=evidence.twin_key if evidence else "",
        twin_fitted_through=evidence.twin_fitted_through if evidence else "",
        gate=gate,
        reason=_reason(verdict),
        origin=dict(stores.origin),
    )
    stores.versions.write(record)
    tags = {
        "gate": gate,
        "gate_reason": _reason(verdict)[:LONGEST_TAG],
    }
    stores.registry.tag(spec.name, candidate.version, tags)


def _move(spec: ModelSpec, alias: str, head: AliasHead, version: str, reason: str, stores: Stores) -> AliasMove:
    return AliasMove(
        model=spec.name,
        alias=alias,
        before=head.version(alias),
        after=version,
        reason=reason,
        origin=dict(stores.origin),
    )


def _reason(verdict: Verdict) -> str:
    return "; ".join(verdict.reasons)

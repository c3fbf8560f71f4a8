"""Whether a person decides about a candidate, and what it is that this person approves: a digest."""

import hashlib
import json
from dataclasses import asdict, replace

from nightshift.contracts import Approval, Verdict
from nightshift.errors import NotApproved
from nightshift.spec import ModelSpec
from nightshift.stores import Stores
from nightshift.stores.aliases import AliasHead
from nightshift.stores.asked import AskedVerdict, keep_asked
from nightshift.stores.registry import CHAMPION

SHOWN_DIGITS = 12
LONGEST_NAME = 60


def asks(spec: ModelSpec, verdict: Verdict) -> bool:
    """Whether model.yaml wants a person to decide; about what failed, nobody is asked."""
    if verdict.promote:
        return spec.gates.approval == "always"
    return verdict.inconclusive and spec.gates.approval != "never"


def digest_of(verdict: Verdict, head: AliasHead) -> str:
    """Of all that was found of a candidate, its graph with it, and of the move that made the champion it met."""
    last = head.last.get(CHAMPION)
    content = {
        "verdict": asdict(verdict),
        "champion_move": last.number if last else 0,
    }
    text = json.dumps(content, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def ask(verdict: Verdict, head: AliasHead, stores: Stores) -> str:
    """Keep a verdict for the person who is to decide; its digest."""
    digest = digest_of(verdict, head)
    asked = AskedVerdict(
        model=verdict.candidate.model,
        digest=digest,
        facts=asdict(verdict),
        origin=dict(stores.origin),
    )
    keep_asked(asked, stores)
    return digest


def require_may_be_approved(spec: ModelSpec, verdict: Verdict) -> None:
    """A person decides between good enough and not shown to be; what failed, nobody makes pass. ``NotApproved``."""
    if verdict.promote or (verdict.inconclusive and spec.gates.approval != "never"):
        return
    raise NotApproved(
        f"{spec.name}: version {verdict.candidate.version} did not pass its gate, and gates.approval is"
        f" {spec.gates.approval}: no approval makes it the champion",
        fix=f"train another: nightshift train {spec.name} NIGHT",
    )


def require_digest(verdict: Verdict, head: AliasHead, approval: Approval) -> None:
    """What was approved is this verdict against this champion. Raises ``NotApproved``."""
    digest = digest_of(verdict, head)
    if approval.digest == digest:
        return
    model = verdict.candidate.model
    approved = shown(approval.digest) or "none"
    raise NotApproved(
        f"{model}: version {verdict.candidate.version} has a verdict of digest {shown(digest)}, approved was"
        f" {approved}: gate, graph or champion changed since the person looked",
        fix=f"trigger {model}.train again, or nightshift train {model} NIGHT: it asks anew",
    )


def with_answer(verdict: Verdict, answer: str) -> Verdict:
    """The same verdict with what a person said, for the ledger."""
    reasons = [
        *verdict.reasons,
        answer,
    ]
    return replace(verdict, reasons=reasons)


def answer_of(approval: Approval) -> str:
    """What a person said, in words."""
    if not approval.by:
        return "nobody approved it in time"
    when = f" at {approval.at}" if approval.at else ""
    return f"{_word(approval)} by {approval.by[:LONGEST_NAME]}{when}"


def signature(approval: Approval) -> dict[str, str]:
    """What a person said, beside who made the move."""
    return {
        _word(approval): approval.digest,
        "answered_by": approval.by[:LONGEST_NAME],
        "answered_at": approval.at,
    }


def _word(approval: Approval) -> str:
    return "approved" if approval.approved else "rejected"


def shown(digest: str) -> str:
    """As much of a digest as tells it from others."""
    return digest[:SHOWN_DIGITS]

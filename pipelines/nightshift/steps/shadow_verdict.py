"""Judge the challenger in shadow by all its labelled nights: it takes over, is stopped, is asked about, or goes on.

A look costs nothing, for the evidence is a sequence (modelling/gate/sequence.py). What it decides is a promotion like
that of a gate: through the ledger, after the very move that made the champion it was held against.
"""

from dataclasses import dataclass, replace

from nightshift.contracts import ShadowVerdict, Verdict
from nightshift.monitoring.shadow.nights import nights_in_shadow
from nightshift.monitoring.shadow.verdict import ShadowEvidence
from nightshift.partitions import shifted
from nightshift.releases.judged import candidate_of
from nightshift.spec import ModelSpec
from nightshift.steps._approval import asks
from nightshift.steps._beside import Place, leave, moved_before
from nightshift.steps.promote import promote_or_ask
from nightshift.stores import Stores
from nightshift.stores.registry import SHADOW
from nightshift.stores.shadows import standing_shadow


def shadow_verdict(spec: ModelSpec, partition: str, stores: Stores) -> ShadowVerdict | None:
    """Judge, and do what follows, by what the run of a night may know; None where nobody stands in the shadow.

    Tried again after it moved the champion, it says so again. Raises ``Superseded`` when the champion or the shadow is
    another since, ``MissingPartition`` without what the gate said, ``UnreadableRecord``, ``LakeUnavailable``.
    """
    evidence = shadow_evidence(spec, partition, stores)
    if evidence is None:
        return _moved_before(spec, stores)
    return _Decision(spec, partition, evidence, stores).carry_out()


def shadow_evidence(spec: ModelSpec, partition: str, stores: Stores) -> ShadowEvidence | None:
    """What there is of evidence by the run of a night; None where nobody stands in the shadow. Decides nothing."""
    standing = standing_shadow(spec.name, stores)
    if spec.shadow is None or standing is None:
        return None
    nights = nights_in_shadow(spec, standing, partition, stores)
    return ShadowEvidence(spec.shadow, standing, tuple(nights))


def _moved_before(spec: ModelSpec, stores: Stores) -> ShadowVerdict | None:
    """What an earlier try of this very task came to, whose promotion ended the shadow; else None."""
    move = moved_before(spec, SHADOW, stores)
    if spec.shadow is None or move is None:
        return None
    # How many nights, and since when, the reason says.
    return ShadowVerdict(
        model=spec.name,
        version=move.after or "",
        champion=move.before or "",
        since="",
        nights=0,
        outcome="better",
        reason=move.reason,
        moved=True,
    )


def in_short(spec: ModelSpec, evidence: ShadowEvidence) -> ShadowVerdict:
    """The same for who asked."""
    verdict = ShadowVerdict(
        model=spec.name,
        version=evidence.shadow.version,
        champion=evidence.shadow.champion,
        since=evidence.shadow.since,
        nights=len(evidence.nights),
        outcome=evidence.outcome,
        reason=evidence.reason,
    )
    known = evidence.difference
    if known is None:
        return verdict
    return replace(verdict, mean=known.mean, low=known.low, high=known.high)


@dataclass(frozen=True)
class _Decision:
    """What follows from the evidence on a night."""

    spec: ModelSpec
    partition: str
    evidence: ShadowEvidence
    stores: Stores

    def carry_out(self) -> ShadowVerdict:
        decided = in_short(self.spec, self.evidence)
        outcome = self.evidence.outcome
        if outcome == "open":
            return decided
        verdict = self._verdict()
        if outcome == "better" or asks(self.spec, verdict):
            return self._promote(decided, verdict)
        self._leave(decided.reason)
        return decided

    def _promote(self, decided: ShadowVerdict, verdict: Verdict) -> ShadowVerdict:
        """By the rule of model.yaml: it takes over, or waits for a person, and then its shadow is over too."""
        promotion = promote_or_ask(self.spec, verdict, self._place, self.partition, self.stores)
        return replace(decided, moved=promotion.moved, waits_for=promotion.waits_for)

    def _leave(self, reason: str) -> None:
        leave(self.spec, SHADOW, reason, self.partition, self.stores, place=self._place)

    @property
    def _place(self) -> Place:
        return Place(SHADOW, self.evidence.shadow.number)

    def _verdict(self) -> Verdict:
        """As a gate would give it; from the night after this one on it stands, for this one was scored before."""
        outcome = self.evidence.outcome
        return Verdict(
            candidate=candidate_of(self.evidence.shadow.record, shifted(self.partition, 1), self.stores),
            promote=outcome == "better",
            reasons=[self.evidence.reason],
            champion=self.evidence.shadow.champion,
            table=[self.evidence.row.flat()],
            inconclusive=outcome == "ended",
        )

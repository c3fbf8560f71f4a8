"""Judge the canary by all its labelled nights: it is taken back for harm, takes over after its nights, or goes on.

A look costs nothing, for the evidence is a sequence. What is decided counts for the entry of the ledger that put it
there: who was stopped meanwhile, or put there again, is neither taken back nor promoted by it.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace

from nightshift.contracts import CanaryVerdict, Verdict
from nightshift.errors import Superseded, TakenBack
from nightshift.monitoring.canary.evidence import CanaryEvidence
from nightshift.monitoring.canary.nights import CanaryOfNights, nights_of_canary
from nightshift.monitoring.shadow.nights import first_unseen
from nightshift.partitions import shifted
from nightshift.releases.judged import candidate_of, verdict_of
from nightshift.spec import ModelSpec
from nightshift.steps._beside import BesideMove, Place, leave, moved_before
from nightshift.steps._canary import TAKEN_BACK, was_approved
from nightshift.steps.promote import keep_taken_back, promote_or_ask
from nightshift.stores import Stores
from nightshift.stores.canaries import standing_canary
from nightshift.stores.moves import AliasMove, run_of
from nightshift.stores.registry import CANARY, CHAMPION
from nightshift.stores.shadows import judged_version

log = logging.getLogger("nightshift")


def canary_verdict(spec: ModelSpec, partition: str, stores: Stores) -> CanaryVerdict | None:
    """Judge, and do what follows, by what the run of a night may know; None where there is no canary.

    Tried again after it moved the champion, or took the canary back, it says so again. Raises ``Superseded`` when the
    champion or the canary is another since, ``MissingPartition`` without what the gate said, ``UnreadableRecord``,
    ``LakeUnavailable``.
    """
    evidence = canary_evidence(spec, partition, stores)
    if evidence is None:
        return _taken_back_before(spec, partition, stores) or _moved_before(spec, stores)
    decision = _CanaryDecision(
        spec,
        partition,
        evidence,
        stores,
    )
    return decision.carry_out()


def canary_evidence(spec: ModelSpec, partition: str, stores: Stores) -> CanaryEvidence | None:
    """What there is of evidence by the run of a night; None where there is no canary. Decides nothing."""
    standing = standing_canary(spec.name, stores)
    if spec.canary is None or standing is None:
        return None
    asked = CanaryOfNights.standing(standing)
    nights = nights_of_canary(spec, asked, standing.since, partition, stores)
    last = spec.labelled_night(partition)
    labelled = tuple(night for night in nights if night.has_labels and night.night <= last)
    return CanaryEvidence(spec.canary, standing, labelled)


def _moved_before(spec: ModelSpec, stores: Stores) -> CanaryVerdict | None:
    """What an earlier try of this very task came to, whose promotion ended the canary; else None."""
    move = moved_before(spec, CANARY, stores)
    if spec.canary is None or move is None:
        return None
    # How many nights, and since when, the reason says.
    return CanaryVerdict(
        model=spec.name,
        version=move.after or "",
        champion=move.before or "",
        share=0.0,
        since="",
        nights=0,
        outcome="held",
        reason=move.reason,
        moved=True,
    )


def _taken_back_before(spec: ModelSpec, partition: str, stores: Stores) -> CanaryVerdict | None:
    """What an earlier try of this very task did, before it ended or could say so: MLflow was away, or its worker died.

    What it had left to do is done. None where no try of this run took a canary back.
    """
    ledger = stores.aliases.ledger(spec.name)
    head = ledger.head()
    last = head.last.get(CANARY)
    run = run_of(stores.origin)
    if last is None or not run:
        return None
    ended = ledger.entry(last.number)
    is_own = TAKEN_BACK in ended.origin and run_of(ended.origin) == run
    if not is_own or ended.before is None:
        return None
    stood = ledger.entry(int(ended.origin[TAKEN_BACK]))
    champion = head.version(CHAMPION)
    keep_taken_back(spec, _kept_verdict(ended, ended.before, champion, partition, stores), stores)
    return CanaryVerdict(
        model=spec.name,
        version=ended.before,
        champion=champion or "",
        share=stood.share or 0.0,
        since=stood.night or "",
        nights=0,
        outcome="harmful",
        reason=ended.reason,
    )


def _kept_verdict(ended: AliasMove, version: str, champion: str | None, partition: str, stores: Stores) -> Verdict:
    """What the record says of its end, or is to say."""
    record = judged_version(ended.model, version, stores)
    kept = verdict_of(record, stores)
    if kept and kept.reasons == [ended.reason]:
        return kept
    return Verdict(
        candidate=candidate_of(record, partition, stores),
        promote=False,
        reasons=[ended.reason],
        champion=champion,
    )


def canary_in_short(spec: ModelSpec, evidence: CanaryEvidence) -> CanaryVerdict:
    """The same for who asked."""
    verdict = CanaryVerdict(
        model=spec.name,
        version=evidence.canary.version,
        champion=evidence.canary.champion,
        share=evidence.canary.share,
        since=evidence.canary.since,
        nights=len(evidence.nights),
        outcome=evidence.outcome,
        reason=evidence.reason,
    )
    known = evidence.difference
    if known is None:
        return verdict
    return replace(verdict, mean=known.mean, low=known.low, high=known.high)


def taken_back(verdict: CanaryVerdict) -> TakenBack:
    """So that nobody overlooks it: rows that it scored are published, and stay."""
    return TakenBack(
        f"{verdict.model}: {verdict.reason}; the champion scores all rows again",
        fix=f"nightshift ab {verdict.model} shows both; what it scored since {verdict.since} stands until somebody"
        f" scores it again: nightshift predict {verdict.model} NIGHT",
    )


@dataclass(frozen=True)
class _CanaryDecision:
    """What follows from the evidence on a night."""

    spec: ModelSpec
    partition: str
    evidence: CanaryEvidence
    stores: Stores

    def carry_out(self) -> CanaryVerdict:
        decided = canary_in_short(self.spec, self.evidence)
        if self.evidence.outcome == "harmful":
            return self._take_back(decided)
        if self.evidence.outcome == "open":
            return decided
        if self._had_passed():
            return self._promote(decided)
        return self._end(decided, "it had passed no gate, and nobody approved it: it does not take over")

    def _take_back(self, decided: CanaryVerdict) -> CanaryVerdict:
        """The ledger first: from there on it scores nothing, whatever becomes of its record."""
        left = self._leave(decided.reason, {TAKEN_BACK: str(self._place.number)})
        if left.version is not None:
            raise Superseded(
                f"{self.spec.name}: version {decided.version} does not stand as a canary any more, where its nights"
                " were counted",
                fix=f"nightshift ledger {self.spec.name} says why; put there again, it begins anew",
            )
        log.error("%s: %s", self.spec.name, decided.reason)
        keep_taken_back(self.spec, self._verdict(), self.stores)
        return decided

    def _promote(self, decided: CanaryVerdict) -> CanaryVerdict:
        promotion = promote_or_ask(self.spec, self._verdict(), self._place, self.partition, self.stores)
        return replace(decided, moved=promotion.moved, waits_for=promotion.waits_for)

    def _end(self, decided: CanaryVerdict, why: str) -> CanaryVerdict:
        reason = f"{decided.reason}; {why}"
        self._leave(reason)
        return replace(decided, reason=reason)

    def _had_passed(self) -> bool:
        """Its gate, its nights in shadow, or a person said that it may take over."""
        canary = self.evidence.canary
        verdict = verdict_of(canary.record, self.stores)
        return (verdict is not None and verdict.promote) or was_approved(self.spec, canary.number, self.stores)

    def _leave(self, reason: str, signed: Mapping[str, str] | None = None) -> BesideMove:
        return leave(self.spec, CANARY, reason, self.partition, self.stores, place=self._place, signed=signed)

    @property
    def _place(self) -> Place:
        return Place(CANARY, self.evidence.canary.number)

    def _verdict(self) -> Verdict:
        """As a gate would give it; it stands from the first night on that is not published yet."""
        canary = self.evidence.canary
        stands_from = max(shifted(self.partition, 1), first_unseen(self.spec, self.stores))
        return Verdict(
            candidate=candidate_of(canary.record, stands_from, self.stores),
            promote=self.evidence.outcome == "held",
            reasons=[self.evidence.reason],
            champion=canary.champion,
            table=[self.evidence.row.flat()],
        )

"""A version that a gate has judged: its record, and the version again by it, to be judged by other evidence."""

from dataclasses import replace

from nightshift.contracts import Candidate, Evidence, GraphRef, Searched, SnapshotRef, Trained, Verdict
from nightshift.releases.carried import lineage_of
from nightshift.stores import Stores, verdicts
from nightshift.stores.versions import GateVerdict, VersionRecord


def verdict_of(record: VersionRecord, stores: Stores) -> Verdict | None:
    """All that its gate said of it; None of a version of before that was kept.

    Raises ``MissingPartition``, ``UnreadableRecord``.
    """
    if not record.verdict_sha256:
        return None
    return verdicts.read(record.model, record.verdict_sha256, stores)


def record_of(verdict: Verdict, gate: GateVerdict, stores: Stores) -> VersionRecord:
    """What the version is and what its gate said; what that said is kept whole."""
    candidate = verdict.candidate
    before = stores.versions.record(candidate.model, candidate.version)
    return VersionRecord(
        model=candidate.model,
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
        threshold_rule=candidate.trained.threshold_rule,
        fitted_through=candidate.trained.fitted_through,
        recipe_sha256=candidate.trained.recipe_sha256,
        exact_sha256=candidate.graph.exact_sha256,
        replay_sha256=candidate.trained.replay_sha256,
        reference_sha256=candidate.graph.reference_sha256,
        search_sha256=candidate.trained.searched.sha256 if candidate.trained.searched else "",
        verdict_sha256=verdicts.keep(verdict, stores),
        **_of_twin(candidate.evidence),
        gate=gate,
        reason="; ".join(verdict.reasons),
        origin={**lineage_of(before), **stores.origin},
    )


def _of_twin(evidence: Evidence | None) -> dict[str, str]:
    """The fit that stands for a version before later gates, as its record has it."""
    if evidence is None:
        return {}
    return {
        "twin_sha256": evidence.twin_sha256,
        "twin_key": evidence.twin_key,
        "twin_fitted_through": evidence.twin_fitted_through,
    }


def candidate_of(record: VersionRecord, stands_from: str, stores: Stores) -> Candidate:
    """The version whole, so that the next record of it says the same; it is to stand from another night on.

    Raises ``MissingPartition``, ``UnreadableRecord``.
    """
    verdict = verdict_of(record, stores)
    candidate = verdict.candidate if verdict else _by_record(record)
    snapshot = replace(candidate.trained.snapshot, as_of=stands_from)
    trained = replace(candidate.trained, snapshot=snapshot)
    return replace(candidate, trained=trained)


def _by_record(record: VersionRecord) -> Candidate:
    """As much as a record of before verdicts were kept has of it."""
    return Candidate(
        model=record.model,
        version=record.version,
        trained=_trained(record),
        graph=_graph(record),
        evidence=_twin(record),
    )


def _trained(record: VersionRecord) -> Trained:
    snapshot = SnapshotRef(
        model=record.model,
        md5=record.snapshot_md5,
        as_of="",
        first_night="",
        last_night=record.trained_through,
        nights=0,
        rows=0,
        missing=[],
    )
    return Trained(
        model=record.model,
        run_id=record.run_id,
        model_uri="",
        snapshot=snapshot,
        metrics={},
        threshold=record.threshold,
        share=record.share,
        threshold_rule=record.threshold_rule,
        fitted_through=record.fitted_through,
        recipe_sha256=record.recipe_sha256,
        replay_sha256=record.replay_sha256,
        searched=_searched(record),
    )


def _searched(record: VersionRecord) -> Searched | None:
    """The search by its digest, which is all that the next record has of it."""
    if not record.search_sha256:
        return None
    return Searched(
        model=record.model,
        run_id="",
        sha256=record.search_sha256,
        trainer="",
        parameters={},
        trial=0,
        trials=0,
        reason="",
    )


def _graph(record: VersionRecord) -> GraphRef:
    return GraphRef(
        sha256=record.onnx_sha256,
        key=record.onnx_key,
        bytes=0,
        max_difference=0.0,
        label_flips=0,
        rows_compared=0,
        variant=record.variant,
        profile_sha256=record.profile_sha256,
        exact_sha256=record.exact_sha256,
        reference_sha256=record.reference_sha256,
    )


def _twin(record: VersionRecord) -> Evidence | None:
    if not record.twin_sha256:
        return None
    return Evidence(
        key="",
        sha256="",
        first_night="",
        last_night="",
        nights=0,
        twin_key=record.twin_key,
        twin_sha256=record.twin_sha256,
        twin_fitted_through=record.twin_fitted_through,
    )

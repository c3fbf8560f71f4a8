"""Score a night with the challenger in the champion's shadow, where nobody reads it; and who stands there, by hand."""

from collections.abc import Iterator

from nightshift.contracts import PartitionRef
from nightshift.errors import ModelError
from nightshift.monitoring.shadow.nights import first_unseen, shadow_night
from nightshift.progress import OnProgress, unheard
from nightshift.releases.judged import verdict_of
from nightshift.spec import ModelSpec
from nightshift.steps._moving import require_version
from nightshift.steps._shadow import ShadowMove, enter, leave, rule_of
from nightshift.steps.plan import plan_shadow
from nightshift.steps.predict import score_and_publish
from nightshift.stores import Stores
from nightshift.stores.moves import AliasHead
from nightshift.stores.registry import CHAMPION, PASSED, SHADOW
from nightshift.stores.shadows import judged_version, standing_shadow
from nightshift.stores.versions import VersionRecord


def shadow(spec: ModelSpec, partition: str, stores: Stores, progress: OnProgress = unheard) -> PartitionRef | None:
    """Publish the night under ``shadow/``, and say how far it is from the champion's; None where nobody stands there.

    Nor is there anything to do for a night before its own, or that it was trained on. Raises what ``plan``, ``score``
    and ``publish`` raise.
    """
    standing = standing_shadow(spec.name, stores)
    if spec.shadow is None or standing is None or not standing.has(partition):
        return None
    planned = plan_shadow(spec, partition, standing, stores)
    scored = score_and_publish(spec, planned, stores, progress)
    shadow_night(spec, standing, partition, stores)
    return scored


def put_in_shadow(spec: ModelSpec, version: str, why: str, stores: Stores) -> ShadowMove:
    """Put a judged version into the shadow, as a person; the nights that are there already are no evidence.

    Raises ``UsageError`` without ``shadow`` in model.yaml, ``ModelError`` for one that may not stand there.
    """
    rule_of(spec)
    require_version(spec, version, f"shadow {spec.name}@1")
    record = judged_version(spec.name, version, stores)
    head = stores.aliases.ledger(spec.name).head()
    _require_may_stand(spec, version, head)
    _require_not_failed(record, stores)
    since = first_unseen(spec, stores)
    return enter(spec, version, since, f"shadow: {why}", stores)


def _require_not_failed(record: VersionRecord, stores: Stores) -> None:
    """What a gate found wanting no nights in shadow make good: they are asked about the difference alone."""
    if record.gate == PASSED:
        return
    verdict = verdict_of(record, stores)
    if verdict and (verdict.promote or verdict.inconclusive):
        return
    why = record.reason if verdict else "what its gate said was not kept"
    raise ModelError(
        f"{record.model}: version {record.version} has failed its gate ({why}): it cannot stand in the shadow",
        fix=f"train one that does not: nightshift train {record.model} NIGHT",
    )


def _require_may_stand(spec: ModelSpec, version: str, head: AliasHead) -> None:
    standing = head.version(SHADOW)
    for reason in _objections(version, head):
        raise ModelError(
            f"{spec.name}: version {version} {reason}: it cannot stand in the shadow",
            fix=f"nightshift ledger {spec.name} tells who stands",
        )
    if standing not in {None, version}:
        raise ModelError(
            f"{spec.name}: version {standing} stands in the shadow, and there is room for one",
            fix=f"let its nights decide, or: nightshift shadow {spec.name} --stop",
        )


def _objections(version: str, head: AliasHead) -> Iterator[str]:
    champion = head.version(CHAMPION)
    if champion is None:
        yield "would stand alone, since there is no champion"
    if version == champion:
        yield "is the champion"
    if version in head.withdrawn:
        yield "is withdrawn"
    if version in head.took_over_from:
        yield "was champion before, and comes back by a rollback"


def stop_shadow(spec: ModelSpec, why: str, stores: Stores) -> ShadowMove:
    """Let nobody stand in the shadow any more, as a person."""
    return leave(spec, f"shadow: {why}", None, stores)

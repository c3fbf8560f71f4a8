"""Score a night with the challenger in the champion's shadow, where nobody reads it; and who stands there, by hand."""

from nightshift.contracts import PartitionRef
from nightshift.monitoring.shadow.nights import first_unseen, shadow_night
from nightshift.progress import OnProgress, unheard
from nightshift.spec import ModelSpec
from nightshift.steps._beside import BesideMove, enter, leave, require_may_stand
from nightshift.steps._floors import require_floors
from nightshift.steps._moving import require_version
from nightshift.steps._shadow import rule_of
from nightshift.steps.plan import plan_shadow
from nightshift.steps.predict import score_and_publish
from nightshift.stores import Stores
from nightshift.stores.registry import SHADOW
from nightshift.stores.shadows import judged_version, standing_shadow


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


def put_in_shadow(spec: ModelSpec, version: str, why: str, stores: Stores) -> BesideMove:
    """Put a judged version into the shadow, as a person; the nights that are there already are no evidence.

    Raises ``UsageError`` without ``shadow`` in model.yaml, ``ModelError`` for one that may not stand there.
    """
    rule_of(spec)
    require_version(spec, version, f"shadow {spec.name}@1")
    record = judged_version(spec.name, version, stores)
    head = stores.aliases.ledger(spec.name).head()
    require_may_stand(spec, SHADOW, version, head)
    require_floors(record, "in the shadow", stores)
    since = first_unseen(spec, stores)
    return enter(spec, SHADOW, version, since, f"shadow: {why}", stores)


def stop_shadow(spec: ModelSpec, why: str, stores: Stores) -> BesideMove:
    """Let nobody stand in the shadow any more, as a person."""
    return leave(spec, SHADOW, f"shadow: {why}", None, stores)

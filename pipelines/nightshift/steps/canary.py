"""Who scores a share of the rows in the champion's place, by hand: put one there, or let it go."""

from nightshift.errors import UsageError
from nightshift.monitoring.shadow.nights import first_unseen
from nightshift.spec import ModelSpec
from nightshift.spec.canary import MOST_SHARE
from nightshift.steps._beside import BesideMove, enter, leave, require_may_stand
from nightshift.steps._canary import canary_rule, require_no_harm
from nightshift.steps._floors import require_floors
from nightshift.steps._moving import require_version
from nightshift.stores import Stores
from nightshift.stores.registry import CANARY
from nightshift.stores.shadows import judged_version


def put_as_canary(spec: ModelSpec, version: str, why: str, stores: Stores, share: float | None = None) -> BesideMove:
    """Let a judged version score a share of the rows, as a person, from the first night on that is not published.

    Raises ``UsageError`` without ``canary`` in model.yaml or for a share that is none, ``ModelError`` for a version
    that may not stand there, ``Superseded`` for one that did harm there.
    """
    rule = canary_rule(spec)
    _require_share(spec, share)
    require_version(spec, version, f"canary {spec.name}@1")
    record = judged_version(spec.name, version, stores)
    head = stores.aliases.ledger(spec.name).head()
    require_may_stand(spec, CANARY, version, head)
    require_floors(record, "as a canary", stores)
    require_no_harm(spec, version, head, stores)
    return enter(
        spec,
        CANARY,
        version,
        first_unseen(spec, stores),
        f"canary: {why}",
        stores,
        share=share or rule.share,
        require=lambda newest: require_may_stand(spec, CANARY, version, newest),
    )


def _require_share(spec: ModelSpec, share: float | None) -> None:
    if share is None or 0 < share <= MOST_SHARE:
        return
    raise UsageError(
        f"{spec.name}: a canary scores no share of {share:g}: more than 0, and at most {MOST_SHARE}",
        fix=f"nightshift canary {spec.name}@VERSION --share 0.1",
    )


def stop_canary(spec: ModelSpec, why: str, stores: Stores) -> BesideMove:
    """Let the champion score all rows again, as a person."""
    return leave(spec, CANARY, f"canary: {why}", None, stores)

"""Put a person's word under what was written before there were seals, or under a key that will go.

What follows from a key, the log of moves, the started retrains, what people said about alarms and the records of
versions, is sealed by the first key.
A version that only MLflow's tags describe gets its record from them, once: if it was ever champion, if its gate passed
it by its tags, and if graph and profile lie in the lake with the digests that they should have. A decision that says
that it started a retrain, from before there was a log of them, enters that log.

What a person is shown is a plan. It holds what would be sealed, by digest, and that alone is sealed.
"""

from dataclasses import dataclass, field

from nightshift.errors import ModelError, Superseded
from nightshift.monitoring.retrains import DecisionRecord, StartedRetrains, started_retrains, unsealed_retrains
from nightshift.monitoring.silences import Silences, silences
from nightshift.spec import ModelSpec
from nightshift.steps._adopt import move_of_alias, put_profile, record_from_tags, sha256_of
from nightshift.stores import Stores, layout
from nightshift.stores.aliases import AliasHead
from nightshift.stores.registry import CHAMPION
from nightshift.stores.versions import VersionHead, VersionRecord


@dataclass(frozen=True)
class SealedModel:
    """Who is champion, which logs and versions got a seal, and which versions did not, with the reason.

    ``retrains`` are the nights that started one by a record of before, which entered the log.
    """

    champion: str | None
    logs: list[str]
    versions: list[str]
    left_out: dict[str, str]
    retrains: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class SealPlan:
    """What a person is asked to vouch for: logs as they lie there, and what would be written to them besides.

    ``things`` has a line for each, and the digest of what it is; ``left_out`` the versions that cannot be sealed.
    """

    things: dict[str, str] = field(default_factory=dict)
    moves: AliasHead | None = None
    retrains: StartedRetrains | None = None
    silences: Silences | None = None
    versions: dict[str, VersionHead] = field(default_factory=dict)
    from_tags: dict[str, VersionRecord] = field(default_factory=dict)
    alias: str | None = None
    decisions: list[DecisionRecord] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)


def to_seal(spec: ModelSpec, stores: Stores) -> list[str]:
    """What a person is asked to vouch for, a thing a line. Raises ``UnreadableRecord``, ``RegistryUnavailable``."""
    return list(plan_seal(spec, stores).things)


def plan_seal(spec: ModelSpec, stores: Stores) -> SealPlan:
    """All that is not under the seal of the first key. Raises ``ModelError`` for an alias that may not be sealed."""
    moves = stores.aliases.ledger(spec.name)
    head = moves.head_without_seal()
    retrains = started_retrains(spec.name, stores)
    started = retrains.head_without_seal()
    plan = SealPlan(
        moves=moves.to_vouch_for(),
        retrains=retrains.to_vouch_for(),
        silences=silences(spec.name, stores).to_vouch_for(),
        versions=_unsealed_versions(spec, stores),
        alias=_alias_alone(spec, head, stores),
        decisions=list(unsealed_retrains(spec.name, started, stores)),
    )
    for version in head.took_over_from:
        _add_from_tags(plan, spec, version, stores)
    if plan.alias:
        _add_alias(plan, spec, plan.alias, stores)
    plan.things.update(_things(plan))
    return plan


def _alias_alone(spec: ModelSpec, head: AliasHead, stores: Stores) -> str | None:
    """The version that MLflow's alias names where the ledger never had a champion; a withdrawn one is none."""
    if CHAMPION in head.last:
        return None
    shown = stores.registry.alias(spec.name, CHAMPION)
    return None if shown in head.withdrawn else shown


def _unsealed_versions(spec: ModelSpec, stores: Stores) -> dict[str, VersionHead]:
    unsealed = {}
    for version in stores.versions.known(spec.name):
        head = stores.versions.log(spec.name, version).to_vouch_for()
        if head:
            unsealed[version] = head
    return unsealed


def _add_from_tags(plan: SealPlan, spec: ModelSpec, version: str, stores: Stores) -> None:
    records = layout.versions(spec.name, version)
    if stores.lake.objects.first_key(records):
        return
    try:
        plan.from_tags[version] = record_from_tags(spec, version, stores)
    except ModelError as error:
        plan.left_out[version] = error.message


def _add_alias(plan: SealPlan, spec: ModelSpec, version: str, stores: Stores) -> None:
    """Before there was a ledger, MLflow's alias said who is champion."""
    last = stores.versions.log(spec.name, version).head_without_seal().last
    if last is None:
        plan.from_tags[version] = record_from_tags(spec, version, stores)
    else:
        stores.versions.pin_of(spec.name, version, last)


def _things(plan: SealPlan) -> dict[str, str]:
    things = {}
    if plan.moves:
        champion = plan.moves.version(CHAMPION)
        line = f"the moves of its aliases, by which version {champion} is champion"
        things[line] = plan.moves.history
    if plan.retrains:
        things["the retrains that were started"] = plan.retrains.history
    if plan.silences:
        things["the alarms that were acknowledged or muted"] = plan.silences.history
    for version, head in plan.versions.items():
        things[f"the records of version {version}"] = head.history
    for version, record in plan.from_tags.items():
        if version != plan.alias:
            things[f"version {version}, which was champion, as MLflow's tags describe it"] = sha256_of(record)
    for decision in plan.decisions:
        line = f"that {decision.partition} started a retrain, as its record says"
        things[line] = sha256_of(decision)
    if plan.alias:
        line = f"version {plan.alias} as champion, as MLflow's alias says"
        described = plan.from_tags.get(plan.alias)
        if described:
            line += ", and as its tags describe it"
        things[line] = sha256_of(described) if described else ""
    return things


def seal(spec: ModelSpec, stores: Stores, shown: SealPlan | None = None) -> SealedModel:
    """Seal what was shown, or, where nobody is asked, all there is; done again, it goes on where it ended.

    Raises ``Superseded`` where anything is another than it was shown, ``UnsealedRecord`` where somebody without a key
    wrote after those who had one, ``UnreadableRecord``.
    """
    now = plan_seal(spec, stores)
    plan = shown or now
    if plan.things != now.things:
        differing = set(plan.things.items()) ^ set(now.things.items())
        raise _changed(spec, sorted({line for line, _ in differing}))
    logs = []
    moves = stores.aliases.ledger(spec.name)
    if plan.moves:
        moves.vouch(plan.moves)
        logs.append("moves of aliases")
    if plan.retrains:
        retrains = started_retrains(spec.name, stores)
        retrains.vouch(plan.retrains)
        logs.append("started retrains")
    if plan.silences:
        silences(spec.name, stores).vouch(plan.silences)
        logs.append("silenced alarms")
    for version, head in plan.versions.items():
        log = stores.versions.log(spec.name, version)
        log.vouch(head)
        logs.append(f"version {version}")
    _write(plan, spec, stores)
    return SealedModel(
        champion=moves.head().version(CHAMPION),
        logs=logs,
        versions=list(plan.from_tags),
        left_out=plan.left_out,
        retrains=[record.partition for record in plan.decisions],
    )


def _write(plan: SealPlan, spec: ModelSpec, stores: Stores) -> None:
    """What the plan holds, and not what lies by now where it came from; over nothing that came since."""
    for version, record in plan.from_tags.items():
        put_profile(spec, record, stores)
        log = stores.versions.log(spec.name, version)
        head = log.head()
        if not record.says_as(head.last) and (head.last or not log.append(head, record)):
            raise _changed(spec, [f"version {version}"])
    retrains = started_retrains(spec.name, stores)
    for decision in plan.decisions:
        for started in retrains.attempts():
            if decision.partition in started.nights or retrains.append(started, decision):
                break
    if plan.alias:
        ledger = stores.aliases.ledger(spec.name)
        aliases = ledger.head()
        move = move_of_alias(spec, plan.alias, stores)
        if CHAMPION in aliases.last or not ledger.append(aliases, move):
            raise _changed(spec, ["champion"])


def _changed(spec: ModelSpec, what: list[str]) -> Superseded:
    return Superseded(
        f"{spec.name} is not what it was when it was shown, and is not sealed: {'; '.join(what)}",
        fix=f"look again: nightshift seal {spec.name}",
    )

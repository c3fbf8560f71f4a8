"""Put a person's word under what was written before there were seals, or under a key that will go.

What follows from a key, the log of moves, the started retrains and the records of versions, is sealed by the first key.
A version that only MLflow's tags describe gets its record from them, once: if it was ever champion, if its gate passed
it by its tags, and if graph and profile lie in the lake with the digests that they should have.
"""

import hashlib
from dataclasses import dataclass

from nightshift.errors import ModelError
from nightshift.spec import ModelSpec
from nightshift.steps.govern import started_retrains
from nightshift.stores import Stores, layout
from nightshift.stores.aliases import AliasMove
from nightshift.stores.objects import JSON
from nightshift.stores.registry import CHAMPION, PASSED
from nightshift.stores.versions import VersionRecord

NEEDED_TAGS = ("gate", "onnx_sha256", "onnx_key", "snapshot_md5", "trained_through")


@dataclass(frozen=True)
class SealedModel:
    """Who is champion, which logs and versions got a seal, and which versions did not, with the reason."""

    champion: str | None
    logs: list[str]
    versions: list[str]
    left_out: dict[str, str]


def to_seal(spec: ModelSpec, stores: Stores) -> list[str]:
    """What a person is asked to vouch for, a thing a line. Raises ``UnreadableRecord``, ``RegistryUnavailable``."""
    lines = []
    moves = stores.aliases.ledger(spec.name)
    if not moves.is_under_seal():
        champion = moves.head_without_seal().version(CHAMPION)
        lines.append(f"the moves of its aliases, by which version {champion} is champion")
    if not started_retrains(spec.name, stores).is_under_seal():
        lines.append("the retrains that were started")
    for version in stores.versions.known(spec.name):
        if not stores.versions.log(spec.name, version).is_under_seal():
            lines.append(f"the records of version {version}")
    head = moves.head_without_seal()
    for version in head.took_over_from:
        if not stores.lake.objects.first_key(layout.versions(spec.name, version)):
            lines.append(f"version {version}, which was champion, as MLflow's tags describe it")
    shown = stores.registry.alias(spec.name, CHAMPION)
    if shown and not head.version(CHAMPION):
        lines.append(f"version {shown} as champion, as MLflow's alias says, and as its tags describe it")
    return lines


def seal(spec: ModelSpec, stores: Stores) -> SealedModel:
    """Seal all there is of a model; done again, it goes on where it ended.

    Raises ``UnsealedRecord`` where somebody without a key wrote after those who had one, ``UnreadableRecord``.
    """
    logs = []
    moves = stores.aliases.ledger(spec.name)
    if moves.vouch():
        logs.append("moves of aliases")
    _adopt_alias(spec, stores)
    if started_retrains(spec.name, stores).vouch():
        logs.append("started retrains")
    for version in stores.versions.known(spec.name):
        if stores.versions.log(spec.name, version).vouch():
            logs.append(f"version {version}")
    head = moves.head()
    sealed = []
    left_out = {}
    for version in head.took_over_from:
        if stores.versions.record(spec.name, version):
            continue
        try:
            stores.versions.write(_from_tags(spec, version, stores))
            sealed.append(version)
        except ModelError as error:
            left_out[version] = error.message
    return SealedModel(head.version(CHAMPION), logs, sealed, left_out)


def _adopt_alias(spec: ModelSpec, stores: Stores) -> None:
    """Before there was a ledger, MLflow's alias said who is champion. Raises ``ModelError`` for one that may not be."""
    ledger = stores.aliases.ledger(spec.name)
    for head in ledger.attempts():
        shown = stores.registry.alias(spec.name, CHAMPION)
        if head.version(CHAMPION) or shown is None:
            return
        _require_passed(spec, shown, stores)
        move = AliasMove(
            model=spec.name,
            alias=CHAMPION,
            before=None,
            after=shown,
            reason="as MLflow's alias said before there was a ledger",
            origin=dict(stores.origin),
        )
        if ledger.append(head, move):
            return


def _require_passed(spec: ModelSpec, version: str, stores: Stores) -> None:
    if stores.versions.record(spec.name, version):
        stores.versions.pin(spec.name, version)
    else:
        _from_tags(spec, version, stores)


def _from_tags(spec: ModelSpec, version: str, stores: Stores) -> VersionRecord:
    """The record of a version that MLflow's tags describe. Raises ``ModelError`` where they do not hold."""
    facts, run_id = stores.registry.facts(spec.name, version)
    missing = [name for name in NEEDED_TAGS if not facts.get(name)]
    if missing:
        raise _not_sealed(spec, version, f"MLflow does not say its {', '.join(missing)}")
    if facts["gate"] != PASSED:
        raise _not_sealed(spec, version, "it has not passed its gate")
    sha256 = facts["onnx_sha256"]
    if hashlib.sha256(_body(spec, version, facts["onnx_key"], stores)).hexdigest() != sha256:
        raise _not_sealed(spec, version, f"its graph {facts['onnx_key']} has not the sha256 {sha256} of its tags")
    profile = _body(spec, version, layout.profile(spec.name, sha256), stores)
    profile_sha256 = hashlib.sha256(profile).hexdigest()
    stores.lake.objects.put(layout.profile(spec.name, sha256, profile_sha256), profile, JSON)
    return VersionRecord(
        model=spec.name,
        version=version,
        run_id=run_id,
        onnx_sha256=sha256,
        onnx_key=facts["onnx_key"],
        variant=facts.get("variant", ""),
        profile_sha256=profile_sha256,
        snapshot_md5=facts["snapshot_md5"],
        trained_through=facts["trained_through"],
        gate=PASSED,
        reason=facts.get("gate_reason", ""),
        vouched=True,
        origin=dict(stores.origin),
    )


def _body(spec: ModelSpec, version: str, key: str, stores: Stores) -> bytes:
    stored = stores.lake.objects.get(key)
    if stored is None:
        raise _not_sealed(spec, version, f"{stores.lake.objects.uri}/{key} is not there")
    body, _ = stored
    return body


def _not_sealed(spec: ModelSpec, version: str, why: str) -> ModelError:
    return ModelError(f"{spec.name} version {version} is not sealed: {why}", fix="train anew, if it has to score again")

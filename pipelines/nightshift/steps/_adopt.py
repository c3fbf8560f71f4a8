"""What was written before there were sealed records, made into the records that a person is asked to vouch for."""

import hashlib

from nightshift.errors import ModelError
from nightshift.spec import ModelSpec
from nightshift.stores import Stores, layout
from nightshift.stores.aliases import AliasMove
from nightshift.stores.objects import JSON
from nightshift.stores.records import Record
from nightshift.stores.registry import CHAMPION, PASSED
from nightshift.stores.versions import VersionRecord

NEEDED_TAGS = ("gate", "onnx_sha256", "onnx_key", "snapshot_md5", "trained_through")


def record_from_tags(spec: ModelSpec, version: str, stores: Stores) -> VersionRecord:
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


def put_profile(spec: ModelSpec, record: VersionRecord, stores: Stores) -> None:
    """The profile under its digest. Raises ``ModelError`` where it is not the one that the record was made of."""
    old = layout.profile(spec.name, record.onnx_sha256)
    profile = _body(spec, record.version, old, stores)
    if hashlib.sha256(profile).hexdigest() != record.profile_sha256:
        raise _not_sealed(spec, record.version, f"its profile {old} was changed meanwhile")
    key = layout.profile(spec.name, record.onnx_sha256, record.profile_sha256)
    stores.lake.objects.put(key, profile, JSON)


def move_of_alias(spec: ModelSpec, version: str, stores: Stores) -> AliasMove:
    """The first move of a champion that MLflow's alias named before there was a ledger."""
    return AliasMove(
        model=spec.name,
        alias=CHAMPION,
        before=None,
        after=version,
        reason="as MLflow's alias said before there was a ledger",
        origin=dict(stores.origin),
    )


def sha256_of(record: Record) -> str:
    """The digest of what a record says, whoever wrote it."""
    content = record.model_dump_json(exclude={"origin"}).encode()
    return hashlib.sha256(content).hexdigest()


def _body(spec: ModelSpec, version: str, key: str, stores: Stores) -> bytes:
    stored = stores.lake.objects.get(key)
    if stored is None:
        raise _not_sealed(spec, version, f"{stores.lake.objects.uri}/{key} is not there")
    body, _ = stored
    return body


def _not_sealed(spec: ModelSpec, version: str, why: str) -> ModelError:
    return ModelError(f"{spec.name} version {version} is not sealed: {why}", fix="train anew, if it has to score again")

"""Move an alias as a promotion or a rollback does, without its gate; and say of a version what a gate would."""

from typing import Any

from nightshift.stores import Stores
from nightshift.stores.aliases import AliasMove
from nightshift.stores.registry import CHAMPION, PASSED
from nightshift.stores.versions import VersionRecord

FACTS = {
    "run_id": "run",
    "onnx_sha256": "aa",
    "onnx_key": "models/m/aa/model.onnx",
    "variant": "fp32",
    "profile_sha256": "",
    "snapshot_md5": "bb.dir",
    "trained_through": "2024-01-11",
}


def register_version(stores: Stores, model: str, tags: dict[str, str] | None = None) -> str:
    """A version whose files would lie in a run, as MLflow asks."""
    client = stores.registry.client
    run = client.create_run("0")
    made = client.create_model_version(model, f"{run.info.artifact_uri}/model", run.info.run_id, tags=tags or {})
    return str(made.version)


def seal_version(stores: Stores, model: str, version: str, gate: str = PASSED, **facts: Any) -> VersionRecord:
    """What a gate says of a version, in the lake alone."""
    known = {**FACTS, **facts, "model": model, "version": version, "gate": gate}
    record = VersionRecord.model_validate({**known, "reason": "a test", "origin": {"by": "tests"}})
    stores.versions.write(record)
    return record


def append_move(stores: Stores, model: str, version: str, alias: str = CHAMPION, **origin: str) -> bool:
    """The next entry of the ledger; MLflow is not told."""
    ledger = stores.aliases.ledger(model)
    head = ledger.head()
    move = AliasMove(
        model=model, alias=alias, before=head.version(alias), after=version, reason="a test", origin=origin
    )  # fmt: skip
    return ledger.append(head, move)


def set_champion(stores: Stores, model: str, version: str) -> None:
    """Make a version the champion, in the ledger and in MLflow."""
    assert append_move(stores, model, version)
    stores.aliases.project(model)

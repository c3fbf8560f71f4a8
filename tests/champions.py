"""Move an alias as a promotion or a rollback does, without its gate; and say of a version what a gate would."""

import hashlib
import json
from typing import Any

import numpy as np

from nightshift.profiles.bins import Bins
from nightshift.profiles.profile import Feature, Profile
from nightshift.spec import ModelSpec
from nightshift.stores import Stores, layout
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


def put_graph(stores: Stores, spec: ModelSpec, score: float = 0.5) -> dict[str, str]:
    """A graph that gives every row one score, and its profile: the facts of a version that has them."""
    body = constant_graph(spec, score)
    sha256 = hashlib.sha256(body).hexdigest()
    feature = Feature(name="score", bins=Bins(kind="numeric", edges=(0.2, 0.4)), counts=(1, 1, 1, 0), distances=())
    profile = Profile(model=spec.name, nights=(), rows=(), features=(feature,), holdout=())
    stores.lake.objects.put(layout.graph(spec.name, sha256), body)
    stores.lake.objects.put(layout.profile(spec.name, sha256), profile.to_json())
    return {"onnx_sha256": sha256, "onnx_key": layout.graph(spec.name, sha256)}


def constant_graph(spec: ModelSpec, score: float) -> bytes:
    """It takes all features in one matrix; none of them may be null."""
    from onnx import TensorProto, helper, numpy_helper

    texts = {name: list(spec.columns[name].values or ("a",)) for name in spec.features
             if not spec.columns[name].numeric}  # fmt: skip
    weights = np.zeros((len(spec.features), 1), np.float32)
    graph = helper.make_graph(
        [
            helper.make_node("MatMul", ["numbers", "weights"], ["nothing"]),
            helper.make_node("Add", ["nothing", "always"], ["score"]),
        ],
        "constant",
        [helper.make_tensor_value_info("numbers", TensorProto.FLOAT, ["n", len(spec.features)])],
        [helper.make_tensor_value_info("score", TensorProto.FLOAT, ["n", 1])],
        [
            numpy_helper.from_array(weights, "weights"),
            numpy_helper.from_array(np.array([score], np.float32), "always"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    feeds = model.metadata_props.add()
    feeds.key = "nightshift.feeds"
    feeds.value = json.dumps({"format": 1, "numbers": list(spec.features), "categories": texts})
    return bytes(model.SerializeToString(deterministic=True))


def seal_version(stores: Stores, model: str, version: str, gate: str = PASSED, **facts: Any) -> VersionRecord:
    """What a gate says of a version, in the lake alone."""
    known = {**FACTS, **facts, "model": model, "version": version, "gate": gate}
    record = VersionRecord.model_validate({**known, "reason": "a test", "origin": {"by": "tests"}})
    stores.versions.write(record)
    return record


def append_move(
    stores: Stores, model: str, version: str, alias: str = CHAMPION, *, night: str | None = None, **origin: str
) -> bool:
    """The next entry of the ledger; MLflow is not told."""
    ledger = stores.aliases.ledger(model)
    head = ledger.head()
    move = AliasMove(
        model=model, alias=alias, before=head.version(alias), after=version, reason="a test", origin=origin, night=night
    )  # fmt: skip
    return ledger.append(head, move)


def set_champion(stores: Stores, model: str, version: str, night: str | None = None) -> None:
    """Make a version the champion, in the ledger and in MLflow."""
    assert append_move(stores, model, version, night=night)
    stores.aliases.project(model)

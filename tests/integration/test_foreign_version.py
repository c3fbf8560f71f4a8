"""Who writes to MLflow, or to the lake, without the key: no foreign graph scores, nothing runs, each is one error.

Each attack is made with all rights but the key's, which is more than another user of the machine has.
"""

import hashlib
import io
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import cloudpickle
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import typer
from pydantic import SecretStr
from typer.testing import CliRunner

from nightshift.cli.model import app
from nightshift.cli.stack import _examine_lake
from nightshift.contracts import Dataset, Registered
from nightshift.errors import DamagedFile, ModelError, NightshiftError, UnreadableRecord, UnsafeGraph, UnsealedRecord
from nightshift.scoring.shards import FinishedShard
from nightshift.settings import settings
from nightshift.spec import ModelSpec, load_spec
from nightshift.steps.doctor import examine_lake
from nightshift.steps.evaluate import evaluate
from nightshift.steps.load import load
from nightshift.steps.maintain import maintain
from nightshift.steps.monitor import monitor
from nightshift.steps.optimize import optimize
from nightshift.steps.plan import plan
from nightshift.steps.predict import predict
from nightshift.steps.promote import promote
from nightshift.steps.rollback import rollback
from nightshift.steps.score import score
from nightshift.steps.seal import seal
from nightshift.steps.snapshot import snapshot
from nightshift.steps.train import register, train
from nightshift.stores import Stores, layout
from nightshift.stores.aliases import AliasMove
from nightshift.stores.ledger import LedgerEntry
from nightshift.stores.registry import CHAMPION
from tests.champions import register_version, seal_version

pytestmark = pytest.mark.stack

AS_OF, NIGHT, OTHER = "2024-01-12", "2024-01-12", "2024-01-13"
CHANGED = "another's"


class World(NamedTuple):
    """A model with one version, which is champion, and two scored nights; every test leaves it as it was."""

    spec: ModelSpec
    stores: Stores
    registered: Registered
    scores: pa.Table

    @property
    def objects(self) -> Any:
        return self.stores.lake.objects

    def read(self, night: str = NIGHT) -> pa.Table:
        lake = self.stores.lake
        return lake.read(lake.require(self.spec.key(Dataset.PREDICTIONS, night)))

    def files(self, dataset: Dataset, night: str = NIGHT) -> list[str]:
        manifest = self.stores.lake.require(self.spec.key(dataset, night))
        return [file.key for file in manifest.files]


@pytest.fixture(scope="module")
def world(
    make_project: Callable[..., Path],
    open_stores: Callable[..., Stores],
    tmp_path_factory: pytest.TempPathFactory,
) -> World:
    folder = make_project(tmp_path_factory.mktemp("foreign"), optimize={"variants": ["codes"]})
    spec, stores = load_spec(folder / "model.yaml"), open_stores(folder.parents[1])
    load(spec, "2024-01-02", OTHER, stores)
    registered = register(spec, train(spec, snapshot(spec, AS_OF, stores), stores), stores)
    verdict = evaluate(spec, optimize(spec, registered, stores), stores)
    assert promote(spec, verdict, stores).moved, verdict.reasons
    for night in (NIGHT, OTHER):
        predict(spec, night, stores)
        monitor(spec, night, stores)
    made = World(spec, stores, registered, pa.table({}))
    return made._replace(scores=made.read())


@contextmanager
def replaced(world: World, key: str, body: bytes | None) -> Iterator[None]:
    """Another body in the place of an object, or none, until the block ends."""
    before = world.objects.head(key)
    kept = world.objects.get(key)
    if body is None:
        world.objects.delete(key)
    else:
        world.objects._client.put_object(
            **world.objects._at(key), Body=body, Metadata=before.metadata if before else {}
        )
    try:
        yield
    finally:
        if kept is None:
            world.objects.delete(key)
        else:
            world.objects._client.put_object(**world.objects._at(key), Body=kept[0], Metadata=before.metadata)


def flipped(world: World, key: str) -> bytes:
    body, _ = world.objects.get(key)
    middle = len(body) // 2
    return bytes(body[:middle] + bytes([body[middle] ^ 1]) + body[middle + 1 :])


def rewritten(world: World, key: str) -> bytes:
    """The same rows, with another number in each."""
    table = pq.read_table(world.objects.open(key))
    for place, field in enumerate(table.schema):
        if pa.types.is_floating(field.type):
            values = pa.array(np.full(table.num_rows, 0.001), field.type)
            table = table.set_column(place, field, values)
    sink = io.BytesIO()
    pq.write_table(table, sink, write_page_checksum=True)
    return sink.getvalue()


def record_with(body: bytes, **changes: Any) -> bytes:
    """A record as somebody who knows the format writes it: with other facts, and a digest that fits."""
    content = json.loads(body) | changes
    content.pop("check")
    digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
    return json.dumps({**content, "check": digest}, indent=1).encode()


# A model file.


class Payload:
    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self) -> tuple[Any, ...]:
        return (self.file.write_text, ("ran",))


def test_a_replaced_model_file_runs_nothing_and_ends_in_one_clear_error(world: World, tmp_path: Path) -> None:
    """A cloudpickle in the place of the skops file, and a MLmodel that says so, ran a command."""
    written, foreign = tmp_path / "ran", tmp_path / "model.skops"
    client = world.stores.registry.client
    model_id = world.registered.trained.model_uri.removeprefix("models:/")
    kept = tmp_path / "kept"
    kept.mkdir()
    with world.stores.registry.session(world.spec.name) as mlflow:
        place = client.get_logged_model(model_id).artifact_location
        for name in ("model.skops", "MLmodel"):
            mlflow.artifacts.download_artifacts(artifact_uri=f"{place}/{name}", dst_path=str(kept))
    foreign.write_bytes(cloudpickle.dumps(Payload(written)))
    marked = tmp_path / "MLmodel"
    marked.write_text((kept / "MLmodel").read_text().replace("format: skops", "format: cloudpickle"))
    for file in (foreign, marked):
        upload(world, place, file)
    try:
        with pytest.raises(ModelError, match="it was replaced, and is not read") as error:
            optimize(world.spec, world.registered, world.stores)
        assert "train anew" in str(error.value.fix)
        assert not written.exists()
    finally:
        for name in ("model.skops", "MLmodel"):
            upload(world, place, kept / name)


def upload(world: World, place: str, file: Path) -> None:
    """Put a file where MLflow keeps a model's, as anybody who reaches it does."""
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    get_artifact_repository(place, tracking_uri=world.stores.registry.uri).log_artifact(str(file))


def test_a_training_of_an_earlier_version_says_to_train_anew(world: World) -> None:
    before = replace(world.registered, trained=replace(world.registered.trained, sha256=""))
    with pytest.raises(ModelError, match="does not say the digest of its model") as error:
        optimize(world.spec, before, world.stores)
    assert "train anew" in str(error.value.fix)


# A version.


def foreign_graph(world: World) -> tuple[str, str]:
    """A graph that says otherwise, with its profile beside it: digest and key."""
    import onnx

    pin = world.stores.versions.pin(world.spec.name, "1")
    body, _ = world.objects.get(pin.key)
    graph = onnx.load_model_from_string(body)
    graph.producer_name = CHANGED
    foreign = graph.SerializeToString()
    sha256 = hashlib.sha256(foreign).hexdigest()
    key = layout.graph(world.spec.name, sha256)
    world.objects.put(key, foreign)
    profile, _ = world.objects.get(layout.profile(world.spec.name, pin.sha256, pin.profile_sha256))
    world.objects.put(layout.profile(world.spec.name, sha256), profile)
    return sha256, key


def test_four_tags_in_mlflow_do_not_change_what_scores(world: World) -> None:
    """They made a graph of 662 bytes the model."""
    sha256, key = foreign_graph(world)
    tags = {"onnx_sha256": sha256, "onnx_key": key, "gate": "passed", "trained_through": "2020-01-01"}
    before = plan(world.spec, NIGHT, world.stores).pin
    facts, _ = world.stores.registry.facts(world.spec.name, "1")
    world.stores.registry.tag(world.spec.name, "1", tags)
    try:
        assert plan(world.spec, NIGHT, world.stores).pin == before
        predict(world.spec, NIGHT, world.stores)
        assert world.read().equals(world.scores)
    finally:
        world.stores.registry.tag(world.spec.name, "1", facts)


def test_a_version_of_somebody_else_s_does_not_score_though_the_alias_names_it(world: World) -> None:
    sha256, key = foreign_graph(world)
    client = world.stores.registry.client
    tags = {
        "onnx_sha256": sha256,
        "onnx_key": key,
        "gate": "passed",
        "snapshot_md5": "",
        "trained_through": "2020-01-01",
    }
    named = {f"nightshift.{name}": value for name, value in tags.items()}
    version = register_version(world.stores, world.spec.name, named)
    world.stores.registry.set_alias(world.spec.name, CHAMPION, version)
    try:
        with pytest.raises(ModelError, match=f"MLflow has the alias champion on version {version}"):
            plan(world.spec, NIGHT, world.stores)
        with pytest.raises(ModelError, match="has no sealed record in the lake"):
            rollback(world.spec, world.stores, to=version)
    finally:
        maintain(world.spec, world.stores)
        client.delete_model_version(world.spec.name, version)
    assert plan(world.spec, NIGHT, world.stores).pin.version == "1"


def forged_version(world: World, version: str = "1") -> bytes:
    """A record that says all that it should, but for its seal."""
    sha256, key = foreign_graph(world)
    record = world.stores.versions.record(world.spec.name, "1")
    assert record
    content = record.model_copy(update={"version": version, "onnx_sha256": sha256, "onnx_key": key})
    entry = LedgerEntry(number=1, previous="", history="", token="x", record=json.loads(content.model_dump_json()))
    return entry.to_json()


@pytest.mark.parametrize("head", [True, False])
def test_a_record_of_a_version_that_was_forged_without_the_key_is_one_clear_error(world: World, head: bool) -> None:
    log = layout.versions(world.spec.name, "1")
    forged_head = None
    if head:
        sha256, key = foreign_graph(world)
        body, _ = world.objects.get(layout.ledger_head(log))
        last = json.loads(body)["last"] | {"onnx_sha256": sha256, "onnx_key": key}
        forged_head = record_with(body, last=last)
    with (
        replaced(world, layout.ledger_entry(log, 1), forged_version(world)),
        replaced(world, layout.ledger_head(log), forged_head),
        pytest.raises(UnsealedRecord, match=r"000001\.json is not sealed by a key of NIGHTSHIFT_SEAL_KEY"),
    ):
        plan(world.spec, NIGHT, world.stores)


def test_a_forged_head_alone_changes_nothing(world: World) -> None:
    log = layout.versions(world.spec.name, "1")
    sha256, key = foreign_graph(world)
    body, _ = world.objects.get(layout.ledger_head(log))
    last = json.loads(body)["last"] | {"onnx_sha256": sha256, "onnx_key": key}
    before = plan(world.spec, NIGHT, world.stores).pin
    with replaced(world, layout.ledger_head(log), record_with(body, last=last)):
        assert plan(world.spec, NIGHT, world.stores).pin == before


@pytest.mark.parametrize("of", ["another version", "another model"])
def test_a_sealed_record_of_another_is_refused_here(world: World, of: str) -> None:
    model, version = (world.spec.name, "7") if of == "another version" else (f"{world.spec.name}_b", "1")
    seal_version(world.stores, model, version)
    body, _ = world.objects.get(layout.ledger_entry(layout.versions(model, version), 1))
    log = layout.versions(world.spec.name, "1")
    with (
        replaced(world, layout.ledger_entry(log, 1), body),
        replaced(world, layout.ledger_head(log), None),
        pytest.raises(UnsealedRecord, match="is not sealed"),
    ):
        plan(world.spec, NIGHT, world.stores)
    for key in list(world.objects.keys(layout.versions(model, version))):
        world.objects.delete(key)


def test_a_move_that_was_appended_without_the_key_is_one_clear_error(world: World) -> None:
    head = world.stores.aliases.ledger(world.spec.name).head()
    move = AliasMove(model=world.spec.name, alias=CHAMPION, before="1", after="2", reason="", origin={})
    content = json.loads(move.model_dump_json())
    entry = LedgerEntry(number=2, previous=head.digest, history=head.history, token="x", record=content)
    place = layout.ledger_entry(layout.ledger(world.spec.name), 2)
    with replaced(world, place, entry.to_json()), pytest.raises(UnsealedRecord, match="is not sealed"):
        plan(world.spec, NIGHT, world.stores)


# Bytes whose digest is recorded.


def test_a_graph_that_was_replaced_is_refused(world: World) -> None:
    pin = world.stores.versions.pin(world.spec.name, "1")
    planned = plan(world.spec, NIGHT, world.stores)
    (key,) = world.files(Dataset.PREDICTIONS)
    with (
        replaced(world, layout.shard_result(key), None),
        replaced(world, pin.key, flipped(world, pin.key)),
        pytest.raises(UnsafeGraph, match="pinned is"),
    ):
        score(world.spec, planned, planned.shards[0], world.stores)


def test_a_profile_that_was_replaced_is_refused(world: World) -> None:
    """All its distances were set to 1, and no alarm was in reach."""
    pin = world.stores.versions.pin(world.spec.name, "1")
    key = layout.profile(world.spec.name, pin.sha256, pin.profile_sha256)
    body, _ = world.objects.get(key)
    features = json.loads(body)["features"]
    for feature in features:
        feature["distances"] = [1.0 for _ in feature["distances"]]
    foreign = record_with(body, features=features)
    with replaced(world, key, foreign), pytest.raises(UnreadableRecord, match="pinned is"):
        monitor(world.spec, NIGHT, world.stores)


@pytest.mark.parametrize("how", [flipped, rewritten])
def test_an_input_that_was_rewritten_is_refused(world: World, how: Callable[[World, str], bytes]) -> None:
    (key,) = world.files(Dataset.VALIDATED)
    with replaced(world, key, how(world, key)), pytest.raises(DamagedFile, match="its digest is another"):
        plan(world.spec, NIGHT, world.stores)


def test_a_manifest_with_the_files_of_another_night_is_refused(world: World) -> None:
    place = layout.manifest(world.spec.key(Dataset.VALIDATED, NIGHT))
    body, _ = world.objects.get(place)
    other, _ = world.objects.get(layout.manifest(world.spec.key(Dataset.VALIDATED, OTHER)))
    exchanged = record_with(body, files=json.loads(other)["files"], rows=json.loads(other)["rows"])
    with replaced(world, place, exchanged), pytest.raises(UnreadableRecord, match="was not written for") as error:
        plan(world.spec, NIGHT, world.stores)
    assert "nightshift validate" in str(error.value.fix)


def test_a_shard_with_a_record_that_fits_it_is_scored_again(world: World) -> None:
    """Digest, size and check are right; only the seal is not, for nobody has the key."""
    (key,) = world.files(Dataset.PREDICTIONS)
    foreign = rewritten(world, key)
    place = layout.shard_result(key)
    body, _ = world.objects.get(place)
    planned = plan(world.spec, NIGHT, world.stores)
    facts = {"sha256": hashlib.sha256(foreign).hexdigest(), "bytes": len(foreign)}
    with replaced(world, key, foreign), replaced(world, place, record_with(body, **facts)):
        result = score(world.spec, planned, planned.shards[0], world.stores)
        assert result.sha256 != facts["sha256"]
    kept = world.objects.get_record(place, FinishedShard)
    assert kept
    assert result.sha256 == kept.sha256


def test_a_file_that_was_rewritten_is_not_healed_into_the_plain_prefix(world: World) -> None:
    """The shard said 0.001 everywhere, the plain file was gone, and maintenance published it."""
    (key,) = world.files(Dataset.PREDICTIONS)
    plain = layout.served_file(world.spec.key(Dataset.PREDICTIONS, NIGHT), 0)
    foreign = rewritten(world, key)
    size = len(world.objects.get(key)[0])
    with replaced(world, key, (foreign + b"\0" * size)[:size]), replaced(world, plain, None):
        with pytest.raises(NightshiftError, match="is not as it was written"):
            maintain(world.spec, world.stores)
        assert world.objects.head(plain) is None


def test_a_plain_file_that_was_rewritten_is_put_back(world: World) -> None:
    plain = layout.served_file(world.spec.key(Dataset.PREDICTIONS, NIGHT), 0)
    body, _ = world.objects.get(plain)
    with replaced(world, plain, flipped(world, plain)):
        maintain(world.spec, world.stores)
        assert world.objects.get(plain)[0] == body


# All of it at once.


def test_a_whole_lake_has_nothing_damaged(world: World) -> None:
    stages: list[str] = []
    findings = examine_lake(world.stores, lambda stage, done, total: stages.append(stage))
    assert [str(error) for error in findings.damaged] == []
    assert findings.examined > 100
    assert f"{world.spec.name}: reading files of snapshots" in stages


def damaged_objects(world: World) -> dict[str, str]:
    """Of each kind one object, and what the doctor calls it."""
    pin = world.stores.versions.pin(world.spec.name, "1")
    name = world.spec.name
    (raw,), (labels,) = world.files(Dataset.RAW), world.files(Dataset.LABELS)
    return {
        raw: "its digest is another",
        labels: "its digest is another",
        layout.served_file(world.spec.key(Dataset.VALIDATED, NIGHT), 0): "is not the file that the manifest",
        layout.manifest(world.spec.key(Dataset.MONITORING, NIGHT)): "is not a manifest",
        pin.key: "is not the graph",
        layout.profile(name, pin.sha256, pin.profile_sha256): "pinned is",
        layout.ledger_entry(layout.ledger(name), 1): "ledger",
        layout.ledger_entry(layout.versions(name, "1"), 1): "versions",
    }


def test_each_damaged_thing_is_one_line_with_what_mends_it(world: World) -> None:
    damaged = damaged_objects(world)
    bodies = {key: flipped(world, key) for key in damaged}
    with ExitStack() as stack:
        for key, body in bodies.items():
            stack.enter_context(replaced(world, key, body))
        findings = examine_lake(world.stores)
    for key, said in damaged.items():
        lines = [str(error.message) for error in findings.damaged if key in error.message]
        assert any(said in line for line in lines), key
    assert all(error.fix for error in findings.damaged)


def test_a_damaged_file_of_a_snapshot_is_found_though_this_machine_has_it(world: World) -> None:
    md5 = world.stores.versions.pin(world.spec.name, "1").snapshot_md5
    file = sorted(world.stores.snapshots.files(md5).values())[0]
    remote = world.stores.snapshots._remote._objects
    key = f"files/md5/{file[:2]}/{file[2:]}"
    body, _ = remote.get(key)
    remote.put(key, body[:-1] + bytes([body[-1] ^ 1]))
    try:
        (error,) = examine_lake(world.stores).damaged
        assert file in error.message
    finally:
        remote.put(key, body)


def test_the_doctor_ends_with_a_line_for_each_and_says_no(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("NIGHTSHIFT_LAKE", world.stores.settings.lake)
    monkeypatch.setenv("NIGHTSHIFT_DVC_REMOTE", world.stores.settings.dvc_remote)
    settings.cache_clear()
    (raw,) = world.files(Dataset.RAW)
    try:
        _examine_lake()
        assert "things of the lake were read: 0 are damaged" in capsys.readouterr().out
        with replaced(world, raw, flipped(world, raw)), pytest.raises(typer.Exit) as ended:
            _examine_lake()
    finally:
        monkeypatch.undo()
        settings.cache_clear()
    assert ended.value.exit_code == 1
    first, last = capsys.readouterr().out.splitlines()
    assert first.startswith(f"damaged: {world.objects.uri}/{raw} is not as it was written")
    assert f"nightshift ingest {world.spec.name} {NIGHT}" in first
    assert last.endswith("1 are damaged")


def test_what_there_is_to_seal_is_shown_and_asked(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nightshift.cli.model.open_model", lambda _: (world.spec, world.stores))
    done = CliRunner().invoke(app, ["seal", world.spec.name])
    assert (done.exit_code, done.output) == (0, f"{world.spec.name}: everything is sealed by the first key\n")
    new_key = "n" * 64
    old = world.stores.settings.seal_key
    assert old
    keys = SecretStr(f"{new_key},{old.get_secret_value()}")
    both = Stores(world.stores.settings.model_copy(update={"seal_key": keys}))
    monkeypatch.setattr("nightshift.cli.model.open_model", lambda _: (world.spec, both))
    refused = CliRunner().invoke(app, ["seal", world.spec.name], input="n\n")
    assert refused.exit_code == 1
    assert "the moves of its aliases, by which version 1 is champion" in refused.output
    assert "the records of version 1" in refused.output
    assert CliRunner().invoke(app, ["seal", world.spec.name, "--yes"]).exit_code == 0
    alone = Stores(world.stores.settings.model_copy(update={"seal_key": SecretStr(new_key)}))
    assert alone.aliases.champion(world.spec.name)[0].version == "1"
    # The first key again, for whoever comes after.
    keys = SecretStr(f"{old.get_secret_value()},{new_key}")
    seal(world.spec, Stores(world.stores.settings.model_copy(update={"seal_key": keys})))

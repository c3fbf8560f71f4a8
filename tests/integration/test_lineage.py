"""From a prediction back to the bytes it came from: explain, data checkout, data diff; also on another machine."""

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner, Result

from nightshift.cli.main import app
from nightshift.contracts import Dataset
from nightshift.errors import MissingPartition, ModelError, NoChampion, UsageError
from nightshift.settings import settings
from nightshift.spec import ModelSpec, load_spec
from nightshift.steps.checkout import checkout, find_snapshot
from nightshift.steps.diff import diff
from nightshift.steps.explain import explain
from nightshift.steps.ingest import ingest
from nightshift.steps.load import load
from nightshift.steps.predict import predict
from nightshift.steps.promote import promote
from nightshift.steps.retrain import train_and_gate
from nightshift.steps.snapshot import snapshot
from nightshift.steps.validate import validate
from nightshift.stores import Stores
from nightshift.stores.registry import Registry

pytestmark = pytest.mark.stack

AS_OF, LATER, NIGHT, UNLABELLED = "2024-01-07", "2024-01-08", "2024-01-08", "2024-01-09"


class World(NamedTuple):
    """Version 1 is the champion, trained as of 7 January; version 2 the challenger, as of the 8th."""

    spec: ModelSpec
    stores: Stores
    first: str
    second: str


@pytest.fixture(scope="module")
def world(
    make_project: Callable[..., Path], open_stores: Callable[..., Stores], tmp_path_factory: pytest.TempPathFactory
) -> World:
    training = {"window_days": 6, "holdout_days": 2}
    folder = make_project(tmp_path_factory.mktemp("lineage"), training=training, optimize={"variants": []})
    spec, stores = load_spec(folder / "model.yaml"), open_stores(folder.parents[1])
    load(spec, "2024-01-01", NIGHT, stores)
    ingest(spec, UNLABELLED, stores)
    validate(spec, UNLABELLED, stores)
    found = []
    for as_of, passes in ((AS_OF, True), (LATER, False)):
        frozen = snapshot(spec, as_of, stores)
        verdict = train_and_gate(spec, frozen, stores)
        promote(spec, replace(verdict, promote=passes), stores)
        found.append(frozen.md5)
    for night in (NIGHT, UNLABELLED):
        predict(spec, night, stores)
    return World(spec, stores, *found)


@pytest.fixture
def elsewhere(world: World, tmp_path: Path) -> Stores:
    """Another machine: git, the lake and MLflow, and nothing else."""
    return Stores(world.stores.settings.model_copy(update={"home": tmp_path / "elsewhere"}))


@pytest.fixture
def nightshift(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Result]]:
    """The command line on that other machine, in a folder of its own."""
    here = world.stores.settings
    for name, value in {
        "NIGHTSHIFT_PROJECT": str(here.project),
        "NIGHTSHIFT_HOME": str(tmp_path / "elsewhere"),
        "NIGHTSHIFT_LAKE": here.lake,
        "NIGHTSHIFT_DVC_REMOTE": here.dvc_remote,
        "COLUMNS": "300",
    }.items():
        monkeypatch.setenv(name, value)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    settings.cache_clear()
    yield lambda *words: CliRunner().invoke(app, list(words))
    settings.cache_clear()


def read(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def a_key(world: World, night: str = NIGHT, index: int = 7) -> tuple[str, ...]:
    """The key of some row of a night, as a person writes it."""
    lake = world.stores.lake
    row = lake.read(lake.require(world.spec.key(Dataset.PREDICTIONS, night))).slice(index, 1).to_pylist()[0]
    return tuple(f"{name}={row[name]}" for name in world.spec.keys)


def test_one_row_is_followed_all_the_way_back(world: World, elsewhere: Stores, tmp_path: Path) -> None:
    spec, key = world.spec, a_key(world)
    found = explain(spec, NIGHT, elsewhere, key)
    # The prediction, as people read it.
    people = pq.read_table(elsewhere.lake.objects.open(f"predictions/{spec.name}/day={NIGHT}/part-00000.parquet"))
    (row,) = [row for row in people.to_pylist() if tuple(f"{name}={row[name]}" for name in spec.keys) == key]
    assert found["row"]["prediction"] == {name: value for name, value in row.items() if name not in spec.keys}
    # Its version, and the graph.
    assert row["model_version"] == found["version"]["number"] == "1"
    graph = found["version"]["onnx_address"].removeprefix(f"{elsewhere.lake.objects.uri}/")
    body = elsewhere.lake.objects.get(graph)
    assert body
    assert hashlib.sha256(body[0]).hexdigest() == found["version"]["onnx_sha256"]
    # The MLflow run that the version came from.
    version = elsewhere.registry.client.get_model_version(spec.name, row["model_version"])
    assert row["run_id"] == version.run_id == found["training"]["mlflow_run"]
    run = elsewhere.registry.client.get_run(row["run_id"])
    assert found["training"]["mlflow_url"].endswith(
        f"/#/experiments/{run.info.experiment_id}/runs/{row['run_id']}?workflowType=machine_learning"
    )
    assert found["training"]["code_commit"] == run.data.tags["nightshift.commit"]
    # The training data, byte for byte.
    md5 = run.data.tags["dvc.md5"]
    assert md5 == found["training"]["snapshot_md5"] == world.first
    out = checkout(f"{spec.name}@{row['model_version']}", tmp_path / "out", elsewhere)
    assert (out.md5, out.nights, out.rows) == (md5, 6, 540)
    listing = [
        {"md5": hashlib.md5(body).hexdigest(), "relpath": path} for path, body in sorted(read(tmp_path / "out").items())
    ]
    assert hashlib.md5(json.dumps(listing).encode()).hexdigest() + ".dir" == md5
    # The night that was scored, and the raw one before it.
    validated = elsewhere.lake.require(spec.key(Dataset.VALIDATED, NIGHT))
    assert found["input"]["digest"] == validated.digest
    assert found["input"]["raw_digest"] == elsewhere.lake.require(spec.key(Dataset.RAW, NIGHT)).digest
    (source,) = [
        row
        for row in elsewhere.lake.read(elsewhere.lake.require(spec.key(Dataset.RAW, NIGHT))).to_pylist()
        if tuple(f"{name}={row[name]}" for name in spec.keys) == key
    ]
    assert found["row"]["values"] == {name: value for name, value in source.items() if name not in spec.keys}
    assert found["row"]["outcome"]["arrived"]
    assert found["row"]["outcome"]["value"] in {0.0, 1.0, None}
    assert found["row"]["quarantined"] is None
    (told,) = found["row"]["reasons"].values()
    assert told["score"] == pytest.approx(found["row"]["prediction"]["score"], abs=1e-6)
    assert told["sum_of_parts"] == pytest.approx(told["score"] - told["usual"], abs=1e-6)
    assert told["is_as_published"]
    assert {part["feature"] for part in told["features"]} == set(spec.features)


def test_before_the_labels_have_come_there_is_no_outcome(world: World) -> None:
    found = explain(world.spec, UNLABELLED, world.stores, a_key(world, UNLABELLED))["row"]
    assert found["outcome"] == {"arrived": False, "label": "late", "value": None}


def test_a_key_that_is_not_there_is_one_clear_error(world: World) -> None:
    with pytest.raises(UsageError, match=f"{world.spec.name} {NIGHT} has no row with site=north, number=99998"):
        explain(world.spec, NIGHT, world.stores, ("site=north", "number=99998"))
    with pytest.raises(MissingPartition, match="predictions has no night 2024-01-05"):
        explain(world.spec, "2024-01-05", world.stores, a_key(world))


def test_a_row_that_was_dropped_says_why(world: World) -> None:
    lake, spec = world.stores.lake, world.spec
    columns = lake.read(lake.require(spec.key(Dataset.VALIDATED, NIGHT))).slice(0, 2)
    dropped = columns.set_column(1, columns.schema.field("number"), pa.array([77777, 77778], pa.int32()))
    dropped = dropped.append_column("reasons", pa.array([["weight: range"], ["kind: null", "items: range"]]))
    dropped = dropped.append_column("offending", pa.array([["-1.0"], [None, "99"]]))
    lake.publish(lake.begin(spec.key(Dataset.QUARANTINE, NIGHT)), dropped, provenance={})
    site = dropped["site"][1].as_py()
    found = explain(spec, NIGHT, world.stores, (f"site={site}", "number=77778"))["row"]
    assert (found["prediction"], found["values"], found["reasons"]) == (None, None, None)
    (why,) = found["quarantined"]
    assert (why["reasons"], why["offending"]) == (["kind: null", "items: range"], [None, "99"])
    assert why["values"]["items"] == dropped["items"][1].as_py()
    with pytest.raises(UsageError, match="published or quarantined"):
        explain(spec, NIGHT, world.stores, (f"site={site}", "number=77779"))


@pytest.mark.parametrize("uri", [None, "http://127.0.0.1:9"])
def test_a_night_is_explained_without_mlflow(world: World, uri: str | None) -> None:
    alone = Stores(world.stores.settings.model_copy(update={"mlflow_uri": uri}))
    try:
        found = explain(world.spec, NIGHT, alone)["training"]
    finally:
        # A client makes its server that of the process.
        assert Registry(world.stores.settings).client
    assert (found["snapshot_md5"], found["mlflow_url"]) == (world.first, None)


def test_explain_prints_for_people_and_for_machines(world: World, nightshift: Callable[..., Result]) -> None:
    words = [word for part in a_key(world) for word in ("--key", part)]
    said = nightshift("explain", world.spec.name, NIGHT, *words, "--json")
    assert json.loads(said.output) == explain(world.spec, NIGHT, world.stores, a_key(world))
    shown = nightshift("explain", world.spec.name, NIGHT, *words).output
    for fact in (world.first, "onnx_sha256", "airflow", world.stores.lake.objects.uri, "score", "outcome"):
        assert fact in shown
    assert "because" in shown
    assert "points  it is" in shown
    assert "null" not in shown


@pytest.mark.parametrize("which", ["@champion", "@1", "", ".dir"])
def test_training_bytes_come_back_on_another_machine(
    world: World, elsewhere: Stores, tmp_path: Path, which: str
) -> None:
    name = world.spec.name + which if which.startswith("@") else world.first.removesuffix(".dir") + which
    out = checkout(name, tmp_path / "out", elsewhere)
    assert out.md5 == world.first
    assert read(tmp_path / "out") == read(world.stores.snapshots.checkout(world.first))
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_the_challenger_has_its_own_data(world: World) -> None:
    assert find_snapshot(f"{world.spec.name}@challenger", world.stores).md5 == world.second != world.first


def test_other_content_is_replaced_only_when_that_is_asked_for(
    world: World, elsewhere: Stores, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    checkout(world.first, folder, elsewhere)
    assert checkout(world.first, folder, elsewhere).rows == 540
    (folder / "notes").write_text("mine")
    with pytest.raises(UsageError, match="has other content") as error:
        checkout(world.first, folder, elsewhere)
    assert "--force" in str(error.value.fix)
    assert (folder / "notes").read_text() == "mine"
    checkout(world.second, folder, elsewhere, force=True)
    assert read(folder) == read(world.stores.snapshots.checkout(world.second))
    (folder / "notes").write_text("mine")
    monkeypatch.chdir(folder / "day=2024-01-03")
    with pytest.raises(UsageError, match="is where you work"):
        checkout(world.first, folder, elsewhere, force=True)
    with pytest.raises(UsageError, match="is a file"):
        checkout(world.first, folder / "notes", elsewhere, force=True)


def test_a_copy_does_not_carry_changes_back(world: World, elsewhere: Stores, tmp_path: Path) -> None:
    checkout(world.first, tmp_path / "one", elsewhere)
    for file in (tmp_path / "one").rglob("*.parquet"):
        file.write_bytes(b"spoilt")
    assert checkout(world.first, tmp_path / "two", elsewhere).rows == 540


@pytest.mark.parametrize(
    ("name", "kind", "said"),
    [
        ("{model}", UsageError, "names no snapshot"),
        ("{model}@best", UsageError, "names no snapshot"),
        ("{model}@0", UsageError, "names no snapshot"),
        ("nobody@champion", UsageError, "no model 'nobody'"),
        ("{model}@99", ModelError, "has no version 99"),
        ("0" * 32, MissingPartition, r"snapshot 0{32}\.dir is not in s3://dvc/"),
    ],
)
def test_a_name_of_nothing_is_one_clear_error(
    world: World, tmp_path: Path, name: str, kind: type[Exception], said: str
) -> None:
    with pytest.raises(kind, match=said):
        checkout(name.format(model=world.spec.name), tmp_path / "out", world.stores)
    assert not (tmp_path / "out").exists()


def test_a_model_without_a_champion_has_no_data_yet(
    make_project: Callable[..., Path], open_stores: Callable[..., Stores], tmp_path: Path
) -> None:
    folder = make_project(tmp_path)
    stores = open_stores(tmp_path)
    for alias, kind in (("champion", NoChampion), ("challenger", ModelError)):
        with pytest.raises(kind, match=f"{folder.name} has no {alias}"):
            find_snapshot(f"{folder.name}@{alias}", stores)


def test_a_moved_window_differs_by_its_ends(world: World, elsewhere: Stores) -> None:
    found = diff(f"{world.spec.name}@champion", f"{world.spec.name}@challenger", elsewhere)
    assert (found.a, found.b, found.partitions_same) == (world.first, world.second, 5)
    ends = [(one.partition, one.change, one.rows_added, one.rows_removed) for one in found.partitions]
    assert ends == [("day=2024-01-01", "removed", 0, 90), ("day=2024-01-07", "added", 90, 0)]
    # The .dir of both and the two files that differ: nothing else was fetched.
    cached = [path for path in (elsewhere.settings.home / "dvc-cache").rglob("*") if path.is_file()]
    assert len(cached) == 4
    assert diff(world.first, world.first, elsewhere).partitions == []


def test_a_diff_of_bare_md5s_is_told_the_model(world: World, nightshift: Callable[..., Result]) -> None:
    versions = world.stores.snapshots
    files = versions.files(world.first)
    path = "day=2024-01-03/part-00000.parquet"
    table = pq.ParquetFile(versions.bring(files[path], world.first)).read()
    late = pa.array([1.0 - (value or 0.0) for value in table["late"].to_pylist()[:2]] + table["late"].to_pylist()[2:])
    other = table.set_column(table.column_names.index("late"), "late", late.cast(pa.float32())).slice(0, 89)
    blobs = {name: versions.keep(_copier(versions.bring(md5, world.first)))[0] for name, md5 in files.items()}
    blobs[path] = versions.keep(lambda file: pq.write_table(other, file))[0]
    md5 = versions.freeze(blobs)
    bare = nightshift("data", "diff", world.first, md5)
    assert isinstance(bare.exception, UsageError)
    assert "--model" in str(bare.exception)
    said = json.loads(nightshift("data", "diff", world.first, md5, "--model", world.spec.name, "--json").output)
    (one,) = said["partitions"]
    assert [one[f"rows_{what}"] for what in ("added", "removed", "changed")] == [0, 1, 2]
    shown = nightshift("data", "diff", f"{world.spec.name}@1", md5).output
    assert "day=2024-01-03" in shown
    assert "1 partitions differ, 5 are the same" in shown


def test_checkout_at_the_command_line_says_what_it_brought(
    world: World, nightshift: Callable[..., Result], tmp_path: Path
) -> None:
    said = nightshift("data", "checkout", f"{world.spec.name}@champion")
    assert said.exit_code == 0
    for fact in (world.first, "540", str(tmp_path / "here" / "artifacts" / "data" / world.spec.name)):
        assert fact in said.output
    assert read(tmp_path / "here" / "artifacts" / "data" / world.spec.name)
    assert nightshift("data", "checkout", world.first, "--to", "mine").exit_code == 0
    assert read(tmp_path / "here" / "mine") == read(world.stores.snapshots.checkout(world.first))


def _copier(source: Path) -> Callable[[Path], Any]:
    return lambda file: file.write_bytes(source.read_bytes())

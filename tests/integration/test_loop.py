"""The loop on a small model, on real services: load, train, gate, score, explain, and all that may go wrong there."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from nightshift.contracts import Candidate, Dataset, Pin, Verdict
from nightshift.errors import (
    DataError,
    FromTheFuture,
    LostRows,
    MissingPartition,
    ModelError,
    NoChampion,
    NoSourceData,
    Superseded,
    UnsafeGraph,
    UsageError,
)
from nightshift.export.targets import TARGETS
from nightshift.modelling.labelled_night import join_night
from nightshift.profiles.profile import load_profile
from nightshift.scoring.graph import OnnxGraph
from nightshift.spec import ModelSpec, load_spec
from nightshift.steps.check import unlike_champion
from nightshift.steps.evaluate import evaluate
from nightshift.steps.explain import explain
from nightshift.steps.export import export
from nightshift.steps.ingest import ingest, ingest_labels
from nightshift.steps.load import load
from nightshift.steps.optimize import optimize
from nightshift.steps.plan import plan
from nightshift.steps.predict import predict, score_and_publish
from nightshift.steps.promote import promote
from nightshift.steps.publish import publish
from nightshift.steps.rollback import rollback
from nightshift.steps.score import score
from nightshift.steps.snapshot import snapshot
from nightshift.steps.train import register, train
from nightshift.steps.validate import validate
from nightshift.steps.verify_export import verify_export
from nightshift.stores import Stores
from nightshift.stores.manifest import Manifest
from nightshift.stores.parquet import nullable, schema_of
from tests.champions import set_champion

pytestmark = pytest.mark.stack

AS_OF, NIGHT, LATER = "2024-01-12", "2024-01-12", "2024-01-13"
Change = Callable[..., ModelSpec]


class World(NamedTuple):
    """A model with nights in the lake and versions in the registry, shared by the tests of this file in order."""

    spec: ModelSpec
    weak: ModelSpec
    stores: Stores
    no_champion: NoChampion
    first: Verdict
    better: Verdict
    same: Verdict


def candidate(spec: ModelSpec, stores: Stores) -> Candidate:
    trained = train(spec, snapshot(spec, AS_OF, stores), stores)
    registered = register(spec, trained, stores)
    assert register(spec, trained, stores) == registered
    return optimize(spec, registered, stores)


@pytest.fixture(scope="module")
def world(
    make_project: Callable[..., Path],
    open_stores: Callable[..., Stores],
    change: Change,
    tmp_path_factory: pytest.TempPathFactory,
) -> World:
    folder = make_project(tmp_path_factory.mktemp("loop"), training={"holdout_days": 6})
    spec, stores = load_spec(folder / "model.yaml"), open_stores(folder.parents[1])
    weak = change(spec, training={"parameters": {"max_iter": 2, "learning_rate": 0.05, "min_samples_leaf": 10}})
    loaded = load(spec, "2024-01-02", LATER, stores)
    assert (loaded.loaded, loaded.already_there) == (12, 0)
    with pytest.raises(NoChampion) as no_champion:
        plan(spec, NIGHT, stores)
    first = evaluate(weak, candidate(weak, stores), stores)
    promote(weak, first, stores)
    better = evaluate(spec, candidate(spec, stores), stores)
    promote(spec, better, stores)
    same = evaluate(spec, candidate(spec, stores), stores)
    promote(spec, same, stores)
    return World(spec, weak, stores, no_champion.value, first, better, same)


def read(world: World, night: str = NIGHT) -> pa.Table:
    lake = world.stores.lake
    return lake.read(lake.require(world.spec.key(Dataset.PREDICTIONS, night)))


def plain(world: World, night: str = NIGHT) -> pa.Table:
    keys = world.stores.lake.objects.keys(f"predictions/{world.spec.name}/day={night}/")
    return pa.concat_tables([pq.read_table(world.stores.lake.objects.open(key)) for key in keys])


def test_before_the_first_champion_prediction_says_how_to_get_one(world: World) -> None:
    assert f"{world.spec.name} has no champion yet" in str(world.no_champion)


def test_the_first_champion_needs_no_rival_but_beats_the_base_rate(world: World) -> None:
    assert (world.first.promote, world.first.champion, world.first.reasons) == (True, None, ["the first champion"])
    assert world.first.metrics["log_loss"] < world.first.metrics["base_rate_log_loss"]


def test_a_better_challenger_is_compared_on_the_holdout_and_promoted(world: World) -> None:
    assert (world.better.promote, world.better.champion) == (True, "1")
    assert "against version 1 (95% interval -" in world.better.reasons[0]
    assert world.better.metrics["gate_high"] < 0
    assert world.stores.aliases.version(world.spec.name, "champion") == "2"


def test_a_champion_is_never_compared_with_itself(world: World) -> None:
    assert not world.same.promote
    assert world.same.candidate.version == "3"
    assert world.same.reasons == ["its graph is that of the champion, version 2"]
    with pytest.raises(ModelError, match="version 3 has not passed its gate"):
        world.stores.versions.pin(world.spec.name, "3")


def test_evaluating_the_champion_again_does_not_take_it_out_of_service(world: World) -> None:
    again = evaluate(world.spec, world.better.candidate, world.stores)
    assert not again.promote
    assert not promote(world.spec, again, world.stores).moved
    assert promote(world.spec, world.better, world.stores).moved
    assert world.stores.aliases.version(world.spec.name, "champion") == "2"


def test_a_worse_challenger_is_refused_with_the_interval(world: World) -> None:
    worse = evaluate(world.spec, world.first.candidate, world.stores)
    assert not worse.promote
    assert "worse" in worse.reasons[0]
    assert worse.metrics["gate_low"] > 0


def test_a_gate_passed_against_another_champion_is_superseded(world: World) -> None:
    stale = replace(world.first, candidate=world.same.candidate, champion="1")
    with pytest.raises(Superseded, match="was compared with version 1, but the champion is now version 2"):
        promote(world.spec, stale, world.stores)


def test_rows_in_are_rows_out_with_their_provenance(world: World) -> None:
    ref = predict(world.spec, NIGHT, world.stores)
    found, pin = read(world), world.stores.aliases.champion(world.spec.name)[0]
    assert ref.rows == found.num_rows == 90
    assert found.schema.names == ["site", "number", "score", "prediction", "model_version", "run_id"]
    assert found.select(["site", "number"]).group_by(["site", "number"]).aggregate([]).num_rows == 90
    scores = found["score"].to_numpy()
    assert ((scores >= 0) & (scores <= 1)).all()
    assert np.array_equal(found["prediction"].to_numpy(), scores >= world.spec.predict.threshold)
    assert set(found["model_version"].to_pylist()) == {"2"}
    assert set(found["run_id"].to_pylist()) == {pin.run_id}
    assert plain(world).equals(found)


def test_the_same_night_again_is_the_same_night(world: World) -> None:
    one, other = (predict(world.spec, NIGHT, world.stores) for _ in range(2))
    assert one == other
    assert plain(world).num_rows == 90


def test_a_shard_scored_anew_gives_the_same_bytes(world: World) -> None:
    decided = plan(world.spec, NIGHT, world.stores)
    (shard,) = decided.shards
    first = score(world.spec, decided, shard, world.stores)
    for key in (first.key, first.key.replace(".parquet", ".json")):
        world.stores.lake.objects.delete(key)
    assert score(world.spec, decided, shard, world.stores) == first


def test_the_rows_counted_in_the_scoring_pass_are_the_rows_of_the_night(world: World) -> None:
    predict(world.spec, NIGHT, world.stores)
    lake = world.stores.lake
    published = lake.require(world.spec.key(Dataset.PREDICTIONS, NIGHT))
    profile = load_profile(Pin(**published.provenance["pin"]), lake)
    night = lake.read(lake.require(world.spec.key(Dataset.VALIDATED, NIGHT)))
    columns = {**{n: night[n] for n in night.column_names}, "score": read(world)["score"]}
    expected = profile.count(columns)
    assert published.counts == {name: found.tolist() for name, found in expected.items()}
    assert {sum(found) for found in published.counts.values()} == {90}
    moments = profile.moments(columns)
    assert published.moments.keys() == moments.keys()
    for name, found in moments.items():
        assert published.moments[name] == pytest.approx(list(found))


def test_a_missing_shard_is_lost_rows_and_changes_nothing(world: World) -> None:
    before, decided = read(world), plan(world.spec, NIGHT, world.stores)
    with pytest.raises(LostRows, match=r"shards \[\] came back, planned were \[0\]"):
        publish(world.spec, decided, [], world.stores)
    result = score(world.spec, decided, decided.shards[0], world.stores)
    with pytest.raises(LostRows):
        publish(world.spec, replace(decided, input_rows=91), [result], world.stores)
    assert read(world).equals(before)


def test_what_was_pinned_is_what_is_published_though_the_alias_moved(world: World) -> None:
    decided = plan(world.spec, LATER, world.stores)
    set_champion(world.stores, world.spec.name, "1")
    try:
        score_and_publish(world.spec, decided, world.stores)
        assert set(read(world, LATER)["model_version"].to_pylist()) == {"2"}
        assert explain(world.spec, LATER, world.stores)["version"]["number"] == "2"
    finally:
        set_champion(world.stores, world.spec.name, "2")


def test_explain_leads_from_a_night_to_everything_that_made_it(world: World) -> None:
    predict(world.spec, NIGHT, world.stores)
    found, pin = explain(world.spec, NIGHT, world.stores), world.stores.aliases.champion(world.spec.name)[0]
    assert [found["predictions"][name] for name in ("rows_in", "rows", "rows_quarantined")] == [90, 90, 0]
    assert found["version"]["onnx_sha256"] == pin.sha256
    assert found["training"]["snapshot_md5"] == world.better.candidate.trained.snapshot.md5
    assert (found["training"]["trained_through"], found["input"]["unchanged"]) == ("2024-01-11", True)
    objects = world.stores.lake.objects
    assert objects.head(found["input"]["validation"]["result_json"].removeprefix(f"{objects.uri}/"))
    # Of nights that were loaded together the last alone has a page.
    assert found["input"]["validation"]["data_docs"] is None
    predict(world.spec, LATER, world.stores)
    docs = explain(world.spec, LATER, world.stores)["input"]["validation"]["data_docs"]
    assert objects.head(docs.removeprefix(f"{objects.uri}/"))
    with pytest.raises(MissingPartition, match="predictions has no night 2024-01-05"):
        explain(world.spec, "2024-01-05", world.stores)


def test_an_export_gives_the_scores_of_the_night(world: World, tmp_path: Path) -> None:
    """Its graph alone, fed with a night's columns as they lie in the lake, gives the bits that were published."""
    folder = tmp_path / "triton"
    record = export(world.spec, "triton", folder, world.stores)
    assert (record.version, record.champion_sha256) == ("2", world.better.candidate.graph.sha256)
    assert record.snapshot_md5 == world.better.candidate.trained.snapshot.md5
    assert verify_export(str(folder)).same_bits == 20
    lake = world.stores.lake
    published = plain(world)
    keys = published.select(world.spec.keys)
    rows = keys.join(
        lake.read(lake.require(world.spec.key(Dataset.VALIDATED, NIGHT))), world.spec.keys, join_type="inner"
    )
    assert rows.num_rows == published.num_rows
    order = [(name, "ascending") for name in world.spec.keys]
    graph = OnnxGraph(world.spec, (folder / record.graph_file).read_bytes())
    assert graph.score(rows.sort_by(order)).tolist() == published.sort_by(order)["score"].to_pylist()


def test_nothing_is_exported_that_may_not_score(world: World, change: Change, tmp_path: Path) -> None:
    folder = tmp_path / "new"
    with pytest.raises(UsageError, match="no target is called 'tritno'") as error:
        export(world.spec, "tritno", folder, world.stores)
    assert str(error.value.fix) == f"--to one of: {', '.join(sorted(TARGETS))}"
    with pytest.raises(ModelError, match="version 3 has not passed its gate"):
        export(world.spec, "triton", folder, world.stores, version="3")
    with pytest.raises(NoChampion):
        export(change(world.spec, name="nobody"), "triton", folder, world.stores)
    with pytest.raises(
        UsageError, match=r"version 2 scores by trees, and openvino loads networks alone; its search has"
    ):
        export(world.spec, "openvino", folder, world.stores)
    assert export(world.spec, "azureml", folder, world.stores, version="1").version == "1"
    with pytest.raises(UsageError, match="is not an empty folder"):
        export(world.spec, "triton", folder, world.stores)


def test_a_night_that_the_model_has_seen_is_refused_unless_asked_for(world: World) -> None:
    with pytest.raises(FromTheFuture, match="was trained on nights through 2024-01-11 and would score 2024-01-11"):
        plan(world.spec, "2024-01-11", world.stores)
    assert plan(world.spec, "2024-01-11", world.stores, allow_future_model=True).input_rows == 90


def test_a_tampered_graph_is_not_opened_and_the_night_stays(world: World, change: Change) -> None:
    predict(world.spec, NIGHT, world.stores)
    # Another threshold is another shard; the one above would be found done, and no graph opened.
    other = change(world.spec, predict={"threshold": 0.9})
    before, pin = plain(world), world.stores.aliases.champion(world.spec.name)[0]
    body = world.stores.lake.objects.get(pin.key)[0]
    world.stores.lake.objects.put(pin.key, body[:-1] + bytes([body[-1] ^ 1]))
    try:
        with pytest.raises(UnsafeGraph, match=f"pinned is {pin.sha256}"):
            predict(other, NIGHT, world.stores)
    finally:
        world.stores.lake.objects.put(pin.key, body)
    assert plain(world).equals(before)


def test_rollback_gives_the_alias_back_and_the_ledger_knows(world: World) -> None:
    done = rollback(world.spec, world.stores, why="a test")
    assert (done.champion, done.previous, done.reason) == ("1", "2", "rollback: a test")
    assert world.stores.aliases.version(world.spec.name, "champion") == "1"
    with pytest.raises(UsageError, match="there is no earlier one"):
        rollback(world.spec, world.stores)
    with pytest.raises(ModelError, match="has not passed its gate"):
        rollback(world.spec, world.stores, to="3")
    rollback(world.spec, world.stores, to="2")
    moves = [(m.alias, m.before, m.after) for m in world.stores.aliases.ledger(world.spec.name).entries()]
    champion = [move[1:] for move in moves if move[0] == "champion"]
    assert champion == [(None, "1"), ("1", "2"), ("2", "1"), ("1", "2"), ("2", "1"), ("1", "2")]
    assert ("challenger", None, "3") in moves


def test_a_quarantined_row_that_comes_back_is_scored_once(world: World, change: Change) -> None:
    dropping = change(world.spec, columns={"amount": {"on_breach": "drop"}})
    lake = world.stores.lake
    good = lake.read(ingest_again(world)).to_pandas()
    good.loc[good["number"] == 7, "amount"] = -1.0
    schema = nullable(schema_of(dropping.columns))
    bad = pa.Table.from_pandas(good, schema, preserve_index=False)
    lake.publish(lake.begin(dropping.key(Dataset.RAW, NIGHT)), bad, provenance={})
    validate(dropping, NIGHT, world.stores)
    assert predict(dropping, NIGHT, world.stores).rows == 89
    assert 7 not in plain(world)["number"].to_pylist()
    ingest_again(world)
    validate(dropping, NIGHT, world.stores)
    assert predict(dropping, NIGHT, world.stores).rows == 90
    assert sorted(plain(world)["number"].to_pylist()) == list(range(1, 91))


def ingest_again(world: World) -> Manifest:
    ingest(world.spec, NIGHT, world.stores)
    return world.stores.lake.require(world.spec.key(Dataset.RAW, NIGHT))


def test_loading_again_does_nothing(world: World) -> None:
    again = load(world.spec, "2024-01-02", LATER, world.stores)
    assert (again.loaded, again.already_there, again.without_source) == (0, 12, [])


def test_a_night_without_source_is_skipped(world: World) -> None:
    with pytest.raises(NoSourceData, match="the source has no rows for 2024-02-29"):
        ingest(world.spec, "2024-02-29", world.stores)
    assert load(world.spec, "2024-02-29", "2024-02-29", world.stores).without_source == ["2024-02-29"]


def test_too_few_nights_are_nothing_to_learn_from(world: World) -> None:
    with pytest.raises(MissingPartition, match="nothing to learn from"):
        snapshot(world.spec, "2024-06-01", world.stores)


def test_labels_that_match_no_row_are_counted(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    from nightshift import sources

    def others(*asked: Any) -> pa.Table:
        table = ask(*asked)
        return table.set_column(table.schema.get_field_index("number"), "number", pc.add(table["number"], 1))

    ask = sources.labels
    monkeypatch.setattr(sources, "labels", others)
    ingest_labels(world.spec, LATER, world.stores)
    joined = join_night(world.spec, LATER, world.stores)
    assert joined.labels_without_row > 0
    assert joined.table.num_rows == world.stores.lake.require(world.spec.key(Dataset.VALIDATED, LATER)).rows


def test_a_single_class_cannot_be_learnt(world: World) -> None:
    from nightshift.modelling import holdout

    frozen = world.better.candidate.trained.snapshot
    table = holdout.read_snapshot(world.spec, world.stores.snapshots.checkout(frozen.md5))
    index = table.schema.get_field_index("late")
    always = table.set_column(index, "late", pa.array([1.0] * table.num_rows, pa.float32()))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(holdout, "read_snapshot", lambda *_: always)
        with pytest.raises(DataError, match="270 labelled rows, all with 1: a model needs two values"):
            train(world.spec, frozen, world.stores)


def test_check_knows_what_the_champion_could_not_score(world: World, change: Change) -> None:
    assert unlike_champion(world.spec, world.stores) == ""
    other = change(world.spec, columns={"weight": {"feature": False}, "number": {"feature": True}})
    message = unlike_champion(other, world.stores)
    assert "needs weight, which model.yaml has not as a feature and knows nothing of number" in message
    unknown = world.spec.model_copy(update={"name": "never_trained"})
    assert unlike_champion(unknown, world.stores) == ""
    classes = change(world.spec, label={"type": "multiclass", "classes": ["a", "b", "c"]})
    assert "was trained for a binary label" in unlike_champion(classes, world.stores)


def test_a_champion_on_fewer_features_is_compared_on_those(world: World, change: Change) -> None:
    more = change(world.spec, columns={"number": {"feature": True}})
    verdict = evaluate(more, candidate(more, world.stores), world.stores)
    assert f"against version {verdict.champion}" in verdict.reasons[0]
    assert "gate_mean" in verdict.metrics


@pytest.mark.parametrize("gone", [True, False])
def test_a_champion_on_what_is_no_feature_any_more_leaves_the_floors(world: World, change: Change, gone: bool) -> None:
    """A leak, say: with it no model without could ever be better."""
    without = change(world.spec, columns={"weight": {"feature": False}})
    if gone:
        columns = {name: column for name, column in world.spec.columns.items() if name != "weight"}
        without = world.spec.model_copy(update={"columns": columns})
    verdict = evaluate(without, candidate(without, world.stores), world.stores)
    assert verdict.promote
    assert verdict.reasons == [f"the first without weight, which version {verdict.champion} needs"]

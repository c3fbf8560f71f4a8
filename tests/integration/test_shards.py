"""Nights of several shards: only what is missing is scored, and what people read is one file."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from nightshift.contracts import Dataset, Plan, ShardResult, whole_plan
from nightshift.errors import DamagedFile, LostRows, SchemaMismatch, UsageError
from nightshift.scoring.shards import shard_file
from nightshift.spec import ModelSpec
from nightshift.steps.plan import plan
from nightshift.steps.publish import publish
from nightshift.steps.score import score
from nightshift.stores import Stores, parquet
from tests.sharded import NIGHT, SHARDS, ShardedNight, champion_of_shards

pytestmark = pytest.mark.stack

Change = Callable[..., ModelSpec]


@pytest.fixture(scope="module")
def world(
    make_project: Callable[..., Path], open_stores: Callable[..., Stores], tmp_path_factory: pytest.TempPathFactory
) -> ShardedNight:
    folder = make_project(tmp_path_factory.mktemp("shards"), predict=SHARDS)
    return champion_of_shards(folder, open_stores(folder.parents[1]))


def scored(world: ShardedNight, decided: Plan) -> list[ShardResult]:
    return [score(world.spec, decided, shard, world.stores) for shard in decided.shards]


def forget(world: ShardedNight, results: list[ShardResult]) -> None:
    for result in results:
        for key in (result.key.replace(".parquet", ".json"), result.key):
            world.stores.lake.objects.delete(key)


def plain(world: ShardedNight) -> pa.Table:
    (key,) = world.stores.lake.objects.keys(f"predictions/{world.spec.name}/day={NIGHT}/")
    return pq.read_table(world.stores.lake.objects.open(key))


def test_shards_are_row_groups_by_size_and_the_night_is_one_file_in_their_order(world: ShardedNight) -> None:
    decided = plan(world.spec, NIGHT, world.stores)
    assert [(s.first, s.last, s.rows) for s in decided.shards] == [(0, 2, 40), (2, 4, 40), (4, 5, 10)]
    results = scored(world, decided)
    publish(world.spec, decided, list(reversed(results)), world.stores)
    night = world.stores.lake.read(world.stores.lake.require(world.spec.key(Dataset.VALIDATED, NIGHT)))
    assert plain(world).select(["site", "number"]).equals(night.select(["site", "number"]))
    manifest = world.stores.lake.require(world.spec.key(Dataset.PREDICTIONS, NIGHT))
    assert (len(manifest.files), manifest.rows) == (1, 90)
    assert manifest.provenance["shards"] == [result.key for result in results]
    assert {sum(found) for found in manifest.counts.values()} == {90}


def test_a_run_again_scores_only_what_is_missing(world: ShardedNight) -> None:
    objects = world.stores.lake.objects
    results = scored(world, plan(world.spec, NIGHT, world.stores))
    forget(world, [results[1]])
    for kept in (results[0], results[2]):
        objects.copy(kept.key, kept.key, {"kept": "yes"})
    again = scored(world, plan(world.spec, NIGHT, world.stores))
    assert again == results
    untouched = [objects.head(result.key).metadata == {"kept": "yes"} for result in results]
    assert untouched == [True, False, True]


def test_a_finished_shard_whose_bytes_changed_is_scored_again(world: ShardedNight) -> None:
    objects = world.stores.lake.objects
    decided = plan(world.spec, NIGHT, world.stores)
    results = scored(world, decided)
    body, _ = objects.get(results[0].key)
    objects.put(results[0].key, body[:100] + bytes([body[100] ^ 4]) + body[101:])
    objects.put(results[1].key.replace(".parquet", ".json"), b"{")
    assert scored(world, decided) == results
    assert objects.get(results[0].key)[0] == body


def test_a_shard_whose_worker_died_before_saying_so_is_scored_again(world: ShardedNight) -> None:
    decided = plan(world.spec, NIGHT, world.stores)
    (first, *_) = scored(world, decided)
    world.stores.lake.objects.put(first.key, b"half")
    assert score(world.spec, decided, decided.shards[0], world.stores) == first
    assert world.stores.lake.objects.head(first.key).size == first.bytes


def test_another_threshold_version_or_input_is_another_shard(world: ShardedNight, change: Change) -> None:
    decided = plan(world.spec, NIGHT, world.stores)
    (shard, *_) = decided.shards
    others = [
        score(change(world.spec, predict={"threshold": 0.9}), decided, shard, world.stores),
        score(world.spec, replace(decided, pin=replace(decided.pin, version="7")), shard, world.stores),
        score(world.spec, decided, replace(shard, last=1), world.stores),
        score(world.spec, decided, shard, world.stores),
    ]
    of_other_input = shard_file(world.spec, decided, replace(shard, sha256="0" * 64))
    assert len({of_other_input.key, *(result.key for result in others)}) == 5


def test_an_input_that_is_not_what_was_planned_is_not_scored(world: ShardedNight) -> None:
    decided = plan(world.spec, NIGHT, world.stores)
    with pytest.raises(DamagedFile, match="its digest is another") as error:
        score(world.spec, decided, replace(decided.shards[0], sha256="0" * 64), world.stores)
    assert error.value.fix.startswith("make it anew: nightshift validate ")


def test_other_shard_sizes_publish_the_same_rows(world: ShardedNight, change: Change) -> None:
    decided = plan(world.spec, NIGHT, world.stores)
    publish(world.spec, decided, scored(world, decided), world.stores)
    before, rescaled = plain(world), ShardedNight(change(world.spec, predict={"shard_rows": 1}), world.stores)
    decided = plan(rescaled.spec, NIGHT, world.stores)
    assert len(decided.shards) == 5
    publish(rescaled.spec, decided, scored(rescaled, decided), world.stores)
    assert plain(world).equals(before)


def test_a_shard_of_too_few_rows_or_another_schema_changes_nothing(world: ShardedNight, change: Change) -> None:
    decided = plan(world.spec, NIGHT, world.stores)
    results = scored(world, decided)
    publish(world.spec, decided, results, world.stores)
    before = plain(world)
    with pytest.raises(LostRows, match="has 39 rows, its shard 40"):
        publish(world.spec, decided, [replace(results[0], rows=39), *results[1:]], world.stores)
    foreign = rewritten(world, results[0], lambda table: table.rename_columns({"score": "chance"}))
    with pytest.raises(SchemaMismatch, match="is not the pinned"):
        publish(world.spec, decided, [foreign, *results[1:]], world.stores)
    assert plain(world).equals(before)
    forget(world, results)


def rewritten(world: ShardedNight, result: ShardResult, change: Callable[[pa.Table], pa.Table]) -> ShardResult:
    """A shard's file with other content under its key, and its true digest."""
    objects = world.stores.lake.objects
    table = change(pq.read_table(objects.open(result.key)))
    with objects.stream(result.key) as sink:
        rows = parquet.write(table.to_batches(), table.schema, sink)
    return replace(result, rows=rows, bytes=sink.bytes, sha256=sink.sha256)


def planned_for(world: ShardedNight, version: str) -> Plan:
    """A plan of the same night for another version of the same graph."""
    decided = plan(world.spec, NIGHT, world.stores)
    return replace(decided, pin=replace(decided.pin, version=version))


def test_results_of_two_plans_are_not_one_night(world: ShardedNight) -> None:
    mine, other = plan(world.spec, NIGHT, world.stores), planned_for(world, "8")
    before = plain(world)
    mixed = [
        score(world.spec, decided, decided.shards[i], world.stores) for i, decided in enumerate((mine, other, mine))
    ]
    with pytest.raises(LostRows, match=r"shards \[0, 2\] came back, planned were \[0, 1, 2\]"):
        publish(world.spec, mine, mixed, world.stores)
    assert plain(world).equals(before)


def test_results_of_a_dead_plan_beside_one_s_own_change_nothing(world: ShardedNight) -> None:
    """As Airflow hands on the results of mapped tasks that a cleared run has no more."""
    mine, other = plan(world.spec, NIGHT, world.stores), planned_for(world, "8")
    results = [*scored(world, mine), *scored(world, other)]
    publish(world.spec, mine, results, world.stores)
    assert set(plain(world)["model_version"].to_pylist()) == {mine.pin.version}


def test_a_shard_with_rows_of_two_versions_is_refused(world: ShardedNight) -> None:
    decided = plan(world.spec, NIGHT, world.stores)
    results = scored(world, decided)
    before = plain(world)

    def half_of_another(table: pa.Table) -> pa.Table:
        versions = ["1"] * 20 + ["2"] * 20
        return table.set_column(table.column_names.index("model_version"), "model_version", pa.array(versions))

    mixed = rewritten(world, results[0], half_of_another)
    with pytest.raises(LostRows, match="has rows of version 2, planned was 1"):
        publish(world.spec, decided, [mixed, *results[1:]], world.stores)
    assert plain(world).equals(before)
    forget(world, results)


def test_a_result_whose_file_is_of_another_machine_is_refused(world: ShardedNight) -> None:
    """Parquet of one kind of processor and the record of another, which may differ in a last bit."""
    decided = plan(world.spec, NIGHT, world.stores)
    results = scored(world, decided)
    stranger = replace(results[0], sha256="f" * 64)
    with pytest.raises(DamagedFile, match="its digest is another"):
        publish(world.spec, decided, [stranger, *results[1:]], world.stores)


def test_parts_of_two_plans_are_refused(world: ShardedNight) -> None:
    mine, other = plan(world.spec, NIGHT, world.stores), planned_for(world, "8")
    assert whole_plan(mine.parts()) == mine
    with pytest.raises(UsageError, match="were planned apart, for version 1 in generation"):
        whole_plan([mine.parts()[0], *other.parts()[1:]])


def test_a_night_that_lacks_a_column_of_the_model_says_which(world: ShardedNight) -> None:
    lake = world.stores.lake
    night = lake.read(lake.require(world.spec.key(Dataset.VALIDATED, NIGHT)))
    lake.publish(
        lake.begin(world.spec.key(Dataset.VALIDATED, "2024-01-20")), night.drop_columns(["amount"]), provenance={}
    )
    decided = plan(world.spec, "2024-01-20", world.stores)
    with pytest.raises(SchemaMismatch, match=r"version 1 needs amount, which validated \S+ 2024-01-20 lacks"):
        score(world.spec, decided, decided.shards[0], world.stores)


def test_two_versions_are_never_laid_out_alike(world: ShardedNight) -> None:
    """Equal scores of equal length would lie at equal places, and a reader between two files would mix them."""
    decided = plan(world.spec, NIGHT, world.stores)
    layouts = []
    for version in ("1", "7"):
        pinned = replace(decided, pin=replace(decided.pin, version=version))
        publish(world.spec, pinned, scored(world, pinned), world.stores)
        manifest = world.stores.lake.require(world.spec.key(Dataset.PREDICTIONS, NIGHT))
        found = world.stores.lake.source(manifest.files[0]).open().metadata
        layouts.append([found.row_group(group).num_rows for group in range(found.num_row_groups)])
        decided = plan(world.spec, NIGHT, world.stores)
    assert [sum(layout) for layout in layouts] == [90, 90]
    assert layouts[0] != layouts[1]

"""Snapshots are incremental: what is known of a night is used, what is lost is made again, the bytes are the same."""

import multiprocessing
import shutil
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from nightshift.contracts import Dataset, SnapshotRef
from nightshift.partitions import between
from nightshift.settings import Settings
from nightshift.spec import ModelSpec
from nightshift.steps import _join_cache as join_cache
from nightshift.steps.ingest import ingest, ingest_labels
from nightshift.steps.snapshot import snapshot
from nightshift.steps.validate import validate
from nightshift.stores import Stores
from nightshift.stores.objects import Objects

pytestmark = pytest.mark.stack

FIRST, LAST, AS_OF, NEXT = "2024-01-01", "2024-01-11", "2024-01-11", "2024-01-12"


@pytest.fixture
def loaded(spec: ModelSpec, stores: Stores, small_rows: Callable[..., pa.Table]) -> Stores:
    """Eleven nights in the lake, as validate and ingest publish them."""
    rows = small_rows(spec, FIRST, nights=11)
    for night in between(FIRST, LAST):
        mine = rows.filter(pc.equal(rows["day"], night))
        for dataset, columns in (("validated", list(spec.columns)), ("labels", [*spec.keys, spec.label.column])):
            draft = stores.lake.begin(spec.key(dataset, night))
            stores.lake.publish(draft, mine.select(columns), provenance={})
    return stores


@pytest.fixture
def elsewhere(loaded: Stores, tmp_path: Path) -> Stores:
    """Another machine, which has nothing but the lake."""
    return Stores(loaded.settings.model_copy(update={"home": tmp_path / "elsewhere"}))


def remote(stores: Stores) -> dict[str, object]:
    return {item.key: item for item in Objects(stores.settings, stores.settings.dvc_remote).listing("")}


def forget(spec: ModelSpec, stores: Stores) -> None:
    stores.lake.objects.delete(f"snapshots/{spec.name}/nights.json")


def take_away_rows(spec: ModelSpec, nights: set[str], stores: Stores) -> None:
    """The rows of these nights can no longer be read: whoever tries fails."""
    for dataset in ("validated", "labels"):
        for night in nights:
            for key in list(stores.lake.objects.keys(f"generations/{dataset}/{spec.name}/{night}/")):
                stores.lake.objects.delete(key)


def freeze_in_process(spec: ModelSpec, settings: Settings) -> SnapshotRef:
    return snapshot(spec, AS_OF, Stores(settings))


def test_a_window_moved_by_a_day_reads_and_pushes_that_day_only(spec: ModelSpec, elsewhere: Stores) -> None:
    first = snapshot(spec, AS_OF, elsewhere)
    before = remote(elsewhere)
    take_away_rows(spec, set(elsewhere.lake.partitions(Dataset.VALIDATED, spec.name)) - {LAST}, elsewhere)
    moved = snapshot(spec, NEXT, elsewhere)
    assert (first.nights, first.last_night, moved.nights, moved.last_night) == (10, "2024-01-10", 10, LAST)
    assert moved.rows == first.rows == 900
    after = remote(elsewhere)
    assert len(after.keys() - before.keys()) == 2
    assert {key: after[key] for key in before} == before
    assert len(elsewhere.snapshots.files(first.md5).items() ^ elsewhere.snapshots.files(moved.md5).items()) == 2


def test_a_moved_window_is_what_it_is_without_any_memory(spec: ModelSpec, loaded: Stores, elsewhere: Stores) -> None:
    snapshot(spec, AS_OF, loaded)
    remembered = snapshot(spec, NEXT, loaded)
    forget(spec, loaded)
    assert snapshot(spec, NEXT, elsewhere) == remembered


def test_another_machine_uses_what_is_known_and_has_the_files(
    spec: ModelSpec, loaded: Stores, elsewhere: Stores
) -> None:
    frozen = snapshot(spec, AS_OF, loaded)
    take_away_rows(spec, set(loaded.lake.partitions(Dataset.VALIDATED, spec.name)), loaded)
    assert snapshot(spec, AS_OF, elsewhere) == frozen
    assert len(list(elsewhere.snapshots.checkout(frozen.md5).rglob("*.parquet"))) == 10


def test_a_file_that_is_nowhere_any_more_is_made_again(spec: ModelSpec, loaded: Stores, elsewhere: Stores) -> None:
    frozen = snapshot(spec, AS_OF, loaded)
    lost = loaded.snapshots.files(frozen.md5)[f"day={FIRST}/part-00000.parquet"]
    objects = Objects(loaded.settings, loaded.settings.dvc_remote)
    objects.delete(f"files/md5/{lost[:2]}/{lost[2:]}")
    shutil.rmtree(loaded.settings.home / "dvc-cache")
    assert snapshot(spec, AS_OF, elsewhere) == frozen
    assert objects.head(f"files/md5/{lost[:2]}/{lost[2:]}")


def test_a_night_that_only_this_machine_still_has_is_pushed_again(spec: ModelSpec, loaded: Stores) -> None:
    frozen = snapshot(spec, AS_OF, loaded)
    objects = Objects(loaded.settings, loaded.settings.dvc_remote)
    for key in list(objects.keys("")):
        objects.delete(key)
    take_away_rows(spec, set(loaded.lake.partitions(Dataset.VALIDATED, spec.name)), loaded)
    assert snapshot(spec, AS_OF, loaded) == frozen
    assert len(remote(loaded)) == 11


def test_a_night_that_was_published_anew_is_joined_anew(spec: ModelSpec, loaded: Stores, project: Path) -> None:
    before = snapshot(spec, AS_OF, loaded)
    night = loaded.lake.require(spec.key(Dataset.LABELS, "2024-01-05"))
    labels = loaded.lake.read(night)
    turned = labels.set_column(2, "late", [[1.0 - (value or 0.0) for value in labels["late"].to_pylist()]])
    loaded.lake.publish(loaded.lake.begin(spec.key(Dataset.LABELS, "2024-01-05")),
                        turned.cast(labels.schema), provenance={})  # fmt: skip
    after = snapshot(spec, AS_OF, loaded)
    changed = loaded.snapshots.files(before.md5).items() ^ loaded.snapshots.files(after.md5).items()
    assert {path for path, _ in changed} == {"day=2024-01-05/part-00000.parquet"}


def test_ingesting_the_same_rows_again_changes_nothing(spec: ModelSpec, loaded: Stores) -> None:
    before, known = snapshot(spec, AS_OF, loaded), join_cache.load(spec, loaded)
    for step in (ingest, validate, ingest_labels):
        step(spec, "2024-01-05", loaded)
    assert snapshot(spec, AS_OF, loaded) == before
    assert join_cache.load(spec, loaded) == known


def test_a_spec_with_other_columns_knows_no_night(
    spec: ModelSpec, loaded: Stores, change: Callable[..., ModelSpec]
) -> None:
    snapshot(spec, AS_OF, loaded)
    columns = {name: column.model_dump(mode="json") for name, column in spec.columns.items() if name != "weight"}
    other = ModelSpec.model_validate({**spec.model_dump(mode="json"), "columns": columns})
    assert set(join_cache.digests(other, loaded).values()).isdisjoint(join_cache.digests(spec, loaded).values())
    assert join_cache.digests(change(spec, training={"seed": 8}), loaded) == join_cache.digests(spec, loaded)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"2024-01-01": {"md5": 1}}'])
def test_a_memory_that_cannot_be_read_is_no_memory(spec: ModelSpec, loaded: Stores, body: bytes) -> None:
    frozen = snapshot(spec, AS_OF, loaded)
    loaded.lake.objects.put(f"snapshots/{spec.name}/nights.json", body)
    assert snapshot(spec, AS_OF, loaded) == frozen
    assert len(join_cache.load(spec, loaded)) == 10


def test_two_runs_side_by_side_make_the_same_snapshot(spec: ModelSpec, loaded: Stores, elsewhere: Stores) -> None:
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
        one, other = pool.map(freeze_in_process, [spec] * 2, [loaded.settings] * 2)
    assert one == other
    assert len(list(elsewhere.snapshots.checkout(one.md5).rglob("*.parquet"))) == 10
    assert len(join_cache.load(spec, loaded)) == 10

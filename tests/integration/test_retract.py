"""A night that is taken back: nobody reads a row of it, no run that works meanwhile brings it back, ingest does."""

import datetime as dt
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from typer.testing import CliRunner

import nightshift.steps.ingest as ingest_step
import nightshift.steps.monitor as monitor_step
import nightshift.steps.validate as validate_step
from nightshift.cli.main import app
from nightshift.contracts import Dataset, NightReport
from nightshift.errors import DataError, LaterRecord, MissingPartition, RowsGone, Superseded, UnreadableRecord
from nightshift.monitoring import drifts
from nightshift.monitoring.accuracy import read_record, standing_record
from nightshift.monitoring.night_record import read_night_record
from nightshift.partitions import following, shifted
from nightshift.settings import settings
from nightshift.spec import ModelSpec, load_spec
from nightshift.steps._night_files import NightFiles
from nightshift.steps.explain import explain
from nightshift.steps.govern import StartedRetrains, gather
from nightshift.steps.ingest import ingest, ingest_labels
from nightshift.steps.load import load
from nightshift.steps.maintain import maintain
from nightshift.steps.monitor import monitor
from nightshift.steps.plan import plan
from nightshift.steps.predict import predict, score_and_publish
from nightshift.steps.promote import promote
from nightshift.steps.retract import retract
from nightshift.steps.retrain import train_and_gate
from nightshift.steps.snapshot import snapshot
from nightshift.steps.validate import validate
from nightshift.stores import Stores, layout
from nightshift.stores.manifest import CHAMPION_MOVE, Manifest, sequences
from nightshift.stores.parquet import nullable, schema_of

pytestmark = pytest.mark.stack

LEARNT_FROM = following("2024-01-01", 6)
AS_OF = "2024-01-07"
# Each test takes nights of its own.
NIGHTS = iter(following("2024-01-08", 50))
MADE = (Dataset.RAW, Dataset.QUARANTINE, Dataset.VALIDATED, Dataset.PREDICTIONS, Dataset.MONITORING)
GONE = {
    Dataset.RAW: MADE,
    Dataset.VALIDATED: MADE[1:],
    Dataset.PREDICTIONS: MADE[3:],
}


class World(NamedTuple):
    """A model with a champion, trained on six nights."""

    spec: ModelSpec
    stores: Stores

    def validated(self, night: str) -> None:
        """As the step does, without Great Expectations, which take most of its time."""
        ingest(self.spec, night, self.stores)
        ingest_labels(self.spec, night, self.stores)
        lake, schema = self.stores.lake, nullable(schema_of(self.spec.columns))
        draft = lake.begin(self.spec.key(Dataset.VALIDATED, night))
        quarantine = lake.begin(self.spec.key(Dataset.QUARANTINE, night))
        raw = lake.require(self.spec.key(Dataset.RAW, night))
        lake.commit(quarantine, [], schema, rows_in=0, inputs=sequences(raw), provenance={})
        inputs = sequences(raw, lake.require(quarantine.key))
        files = [lake.add_copy(draft, 0, file) for file in raw.files]
        lake.commit(draft, files, schema, rows_in=raw.rows, inputs=inputs, provenance={"input": raw.digest})

    def monitored(self, night: str) -> NightReport:
        self.validated(night)
        predict(self.spec, night, self.stores)
        return monitor(self.spec, night, self.stores)

    def retract(self, night: str, dataset: Dataset = Dataset.RAW) -> Any:
        return retract(self.spec, night, self.stores, dataset=dataset, why="wrong prices")

    def manifest(self, dataset: Dataset, night: str) -> Manifest | None:
        return self.stores.lake.manifest(self.spec.key(dataset, night))

    def readable(self, night: str) -> set[Dataset]:
        """Datasets of which somebody may read the night, by the manifest, by a listing or in the plain prefix."""
        lake, readable = self.stores.lake, set()
        for dataset in Dataset:
            key = self.spec.key(dataset, night)
            plain = [file for file in lake.objects.keys(layout.served_night(key)) if layout.is_parquet(file)]
            if plain or lake.published(key) or night in lake.partitions(dataset, self.spec.name):
                readable.add(dataset)
        return readable

    @contextmanager
    def damaged(self, dataset: Dataset, night: str, body: bytes | None = None) -> Iterator[None]:
        """A manifest that is cut in half, or is something else, for a while."""
        key, objects = layout.manifest(self.spec.key(dataset, night)), self.stores.lake.objects
        stored = objects.get(key)
        assert stored
        objects.put(key, body or stored[0][: len(stored[0]) // 2])
        yield
        objects.put(key, stored[0])


@pytest.fixture(scope="module")
def world(
    make_project: Callable[..., Path], open_stores: Callable[..., Stores], tmp_path_factory: pytest.TempPathFactory
) -> World:
    folder = make_project(
        tmp_path_factory.mktemp("retract"),
        training={"window_days": 6, "holdout_days": 2},
        optimize={"variants": []},
        night={"history": {"nights": 3, "min_share": 0.1}},
    )
    spec, stores = load_spec(folder / "model.yaml"), open_stores(folder.parents[1])
    made = World(spec, stores)
    for night in LEARNT_FROM:
        made.validated(night)
    promote(spec, train_and_gate(spec, snapshot(spec, AS_OF, stores), stores), stores)
    return made


@pytest.fixture
def night() -> str:
    return next(NIGHTS)


@pytest.mark.parametrize("dataset", GONE)
def test_no_reader_of_either_way_sees_a_row_of_a_night_that_was_taken_back(world, night, dataset) -> None:
    world.monitored(night)
    assert world.readable(night) == {*Dataset} - {Dataset.QUARANTINE, Dataset.SHADOW} | (
        {Dataset.QUARANTINE} & world.readable(night)
    )
    result = world.retract(night, dataset)
    assert world.readable(night) & {*GONE[dataset]} == set()
    assert {Dataset.LABELS, *MADE} - {*GONE[dataset]} - world.readable(night) <= {Dataset.QUARANTINE}
    # Nobody stands in a shadow here, and who might come to is too late.
    of_shadow = set() if dataset == Dataset.PREDICTIONS else {Dataset.SHADOW}
    assert set(result.rows) == {*GONE[dataset]} | of_shadow
    assert result.rows["predictions"] == 90
    for gone in GONE[dataset]:
        with pytest.raises(MissingPartition, match=f"was taken back by {result.by}: wrong prices") as error:
            world.stores.lake.require(world.spec.key(gone, night))
        assert error.value.fix.startswith(result.bring_back)


@pytest.mark.parametrize("dataset", GONE)
def test_a_night_comes_back_by_the_steps_that_made_it(world, night, dataset) -> None:
    world.monitored(night)
    before = {made: world.manifest(made, night).sequence for made in MADE}
    world.retract(night, dataset)
    world.retract(night, dataset)
    ingest(world.spec, night, world.stores)
    validate(world.spec, night, world.stores)
    predict(world.spec, night, world.stores)
    monitor(world.spec, night, world.stores)
    assert {*MADE} - {Dataset.QUARANTINE} <= world.readable(night)
    assert all(world.manifest(made, night).sequence == before[made] + 2 for made in GONE[dataset])
    assert read_night_record(world.spec, night, world.stores) is not None
    assert explain(world.spec, night, world.stores)["input"]["unchanged"]


@pytest.mark.parametrize(
    ("dataset", "is_published"),
    [
        (Dataset.RAW, True),
        (Dataset.VALIDATED, False),
        (Dataset.PREDICTIONS, True),
        (Dataset.PREDICTIONS, False),
    ],
)
def test_a_prediction_that_was_planned_before_publishes_nothing(world, night, dataset, is_published) -> None:
    world.validated(night)
    if is_published:
        predict(world.spec, night, world.stores)
    planned = plan(world.spec, night, world.stores)
    world.retract(night, dataset)
    with pytest.raises(Superseded, match=r"was taken back by .* while this run worked: wrong prices"):
        score_and_publish(world.spec, planned, world.stores)
    assert Dataset.PREDICTIONS not in world.readable(night)


def test_a_prediction_by_a_newer_champion_that_was_planned_before_publishes_nothing(world, night) -> None:
    world.validated(night)
    predict(world.spec, night, world.stores)
    planned = plan(world.spec, night, world.stores)
    old = world.manifest(Dataset.PREDICTIONS, night)
    # The night that stands was scored by the champion before.
    before = old.model_copy(update={"inputs": old.inputs | {CHAMPION_MOVE: 0}})
    world.stores.lake.objects.put_record(layout.manifest(old.key), before)
    world.retract(night, Dataset.PREDICTIONS)
    with pytest.raises(Superseded, match="was taken back"):
        score_and_publish(world.spec, planned, world.stores)


@pytest.mark.parametrize("dataset", [Dataset.RAW, Dataset.VALIDATED])
def test_a_validation_that_began_before_publishes_nothing(world, night, dataset, monkeypatch) -> None:
    ingest(world.spec, night, world.stores)
    monkeypatch.setattr(validate_step, "check", meanwhile(validate_step.check, lambda: world.retract(night, dataset)))
    with pytest.raises(Superseded, match="was taken back"):
        validate(world.spec, night, world.stores)
    assert world.readable(night) & {Dataset.VALIDATED, Dataset.QUARANTINE} == set()


def test_an_ingestion_that_began_before_does_not_bring_the_night_back(world, night, monkeypatch) -> None:
    ingest(world.spec, night, world.stores)
    features = meanwhile(ingest_step.sources.features, lambda: world.retract(night))
    monkeypatch.setattr(ingest_step.sources, "features", features)
    with pytest.raises(Superseded, match="was taken back"):
        ingest(world.spec, night, world.stores)
    assert Dataset.RAW not in world.readable(night)


@pytest.mark.parametrize("task", [ingest, ingest_labels, validate, plan, monitor])
def test_a_task_that_is_tried_again_after_the_night_was_taken_back_does_not_bring_it_back(world, night, task) -> None:
    """Airflow tries it again hours later; a run that a person starts, or clears, begins later than that."""
    world.monitored(night)
    settings_here = world.stores.settings
    began = dt.datetime(2024, 3, 1, tzinfo=dt.UTC)
    tried_again = Stores(settings_here, began=began)
    retracting = Stores(settings_here, {"airflow_run": "them"}, began + dt.timedelta(hours=1))
    started_after = Stores(settings_here, began=began + dt.timedelta(hours=2))
    retract(world.spec, night, retracting, why="wrong prices")
    retract(world.spec, night, retracting, dataset=Dataset.LABELS, why="wrong prices")
    gone = " was taken back by them after this run had begun: wrong prices"
    with pytest.raises(Superseded, match=gone):
        task(world.spec, night, tried_again)
    assert world.readable(night) == set()
    ingest(world.spec, night, started_after)
    assert world.readable(night) == {Dataset.RAW}


def test_a_load_that_comes_to_a_night_which_was_taken_back_meanwhile_goes_on(world, night) -> None:
    later = next(NIGHTS)
    began = dt.datetime(2024, 3, 1, tzinfo=dt.UTC)
    ingest(world.spec, night, world.stores)
    loading = Stores(world.stores.settings, began=began)
    retracting = Stores(world.stores.settings, {"airflow_run": "them"}, began + dt.timedelta(minutes=1))
    listed = loading.lake.retracted

    def retracted(*args: Any) -> list[str]:
        nights = listed(*args)
        retract(world.spec, night, retracting, why="wrong prices")
        return nights

    loading.lake.retracted = retracted
    loaded = load(world.spec, night, later, loading)
    assert (loaded.loaded, loaded.retracted) == (1, [night])
    assert Dataset.RAW not in world.readable(night)


@pytest.mark.parametrize(("owner", "where"), [(drifts, "measure"), (NightFiles, "write"), (monitor_step, "log_points")])
def test_a_monitor_that_worked_meanwhile_leaves_no_record(world, night, monkeypatch, owner, where) -> None:
    world.validated(night)
    predict(world.spec, night, world.stores)
    late = meanwhile(getattr(owner, where), lambda: world.retract(night, Dataset.PREDICTIONS))
    monkeypatch.setattr(owner, where, late)
    if where == "log_points":
        monitor(world.spec, night, world.stores)
    else:
        with pytest.raises(Superseded, match="was taken back"):
            monitor(world.spec, night, world.stores)
    key = world.spec.key(Dataset.MONITORING, night)
    assert list(world.stores.lake.objects.keys(layout.served_night(key))) == []


def test_a_record_that_a_zombie_writes_of_a_night_that_was_taken_back_is_not_read(world, night) -> None:
    later = shifted(night, 1)
    assert next(NIGHTS) == later
    world.monitored(night)
    report = world.monitored(later)
    objects = world.stores.lake.objects
    kept = {}
    for key in (layout.drift(world.spec.key(Dataset.MONITORING, night)), layout.accuracy(world.spec.name, night)):
        kept[key] = objects.get(key)
    before = gather(world.spec, report, StartedRetrains(), world.stores)
    assert read_night_record(world.spec, night, world.stores) is not None
    assert standing_record(world.spec, night, world.stores) is not None
    world.retract(night)
    assert [objects.get(key) for key in kept] == [None, None]
    for key, (body, _) in kept.items():
        objects.put(key, body)
    assert read_record(world.spec.name, night, world.stores) is not None
    assert read_night_record(world.spec, night, world.stores) is None
    assert standing_record(world.spec, night, world.stores) is None
    after = gather(world.spec, report, StartedRetrains(), world.stores)
    assert (after.drifted[night], after.lost[night]) == (None, None)
    assert after.new_nights == before.new_nights - 1
    # Nor is it measured again.
    assert night not in monitor(world.spec, later, world.stores).accuracy_nights


def test_a_late_copy_of_a_night_that_was_taken_back_goes_with_the_next_maintenance(world, night) -> None:
    world.validated(night)
    predict(world.spec, night, world.stores)
    objects, key = world.stores.lake.objects, world.spec.key(Dataset.PREDICTIONS, night)
    (file,) = world.manifest(Dataset.PREDICTIONS, night).files
    world.retract(night)
    objects.copy(file.key, layout.served_file(key, 0), {"generation": "of a zombie"})
    maintain(world.spec, world.stores)
    assert Dataset.PREDICTIONS not in world.readable(night)


def test_training_leaves_the_night_out_and_says_so_and_load_does_not_bring_it_back(world) -> None:
    first, *_, night, last = LEARNT_FROM
    whole = snapshot(world.spec, AS_OF, world.stores)
    world.retract(night)
    loaded = load(world.spec, first, last, world.stores)
    assert (loaded.loaded, loaded.already_there, loaded.retracted) == (0, 5, [night])
    frozen = snapshot(world.spec, AS_OF, world.stores)
    assert (frozen.retracted, frozen.missing, frozen.nights) == ([night], [], whole.nights - 1)
    assert frozen.rows == whole.rows - 90
    world.validated(night)
    again = snapshot(world.spec, AS_OF, world.stores)
    assert (again.md5, again.retracted) == (whole.md5, [])


def test_what_was_taken_back_is_explained(world, night) -> None:
    world.validated(night)
    predict(world.spec, night, world.stores)
    world.retract(night)
    with pytest.raises(MissingPartition, match=r"was taken back by .*: wrong prices") as error:
        explain(world.spec, night, world.stores)
    assert error.value.fix == f"nightshift ingest {world.spec.name} {night}, to bring it back"


def test_a_night_that_never_was_is_not_taken_back(world) -> None:
    with pytest.raises(MissingPartition, match="never published"):
        world.retract("2024-12-24")
    assert world.manifest(Dataset.RAW, "2024-12-24") is None


def test_a_night_is_taken_back_at_the_command_line(world, night, monkeypatch) -> None:
    ingest(world.spec, night, world.stores)
    here = world.stores.settings
    monkeypatch.setenv("NIGHTSHIFT_PROJECT", str(here.project))
    monkeypatch.setenv("NIGHTSHIFT_LAKE", here.lake)
    settings.cache_clear()
    words = ["retract", world.spec.name, night, "--from", "raw", "--why", "sent twice"]
    shown = CliRunner().invoke(app, words).output
    settings.cache_clear()
    assert "sent twice" in shown
    assert f"nightshift ingest {world.spec.name} {night}" in shown
    assert world.manifest(Dataset.RAW, night).retracted.why == "sent twice"


# A manifest that cannot be read


@pytest.mark.parametrize("dataset", [*GONE, Dataset.MONITORING])
def test_a_damaged_manifest_is_one_error_whose_remedy_mends_it(world, night, dataset) -> None:
    world.monitored(night)
    before = world.manifest(dataset, night)
    with world.damaged(dataset, night):
        with pytest.raises(UnreadableRecord) as error:
            world.monitored(night)
        assert not isinstance(error.value, LaterRecord)
        command = f"nightshift retract {world.spec.name} {night} --from {dataset}, then make it anew: nightshift "
        assert error.value.fix.startswith(command)
        assert world.retract(night, dataset).rows[str(dataset)] == 0
        replaced = world.manifest(dataset, night)
        assert replaced.retracted
        if dataset != Dataset.MONITORING:
            assert replaced.sequence == before.sequence + 1
        world.monitored(night)
        good = world.stores.lake.objects.get(layout.manifest(world.spec.key(dataset, night)))
    world.stores.lake.objects.put(layout.manifest(world.spec.key(dataset, night)), good[0])
    assert {*MADE} - {Dataset.QUARANTINE} <= world.readable(night)


def test_a_manifest_of_a_later_version_is_not_damaged_and_not_taken_back(world, night) -> None:
    world.validated(night)
    key = layout.manifest(world.spec.key(Dataset.VALIDATED, night))
    body, _ = world.stores.lake.objects.get(key)
    later = body.replace(b'"format": 2', b'"format": 3')
    with world.damaged(Dataset.VALIDATED, night, later):
        for attempt in (lambda: plan(world.spec, night, world.stores), lambda: world.retract(night)):
            with pytest.raises(LaterRecord) as error:
                attempt()
            assert error.value.fix == "install the version of Nightshift that wrote it"
    assert world.manifest(Dataset.RAW, night).retracted is None


def test_one_unreadable_night_costs_no_other(world, caplog) -> None:
    first, *_, bad, last = LEARNT_FROM
    with world.damaged(Dataset.RAW, bad), world.damaged(Dataset.VALIDATED, bad):
        loaded = load(world.spec, first, last, world.stores)
        assert (loaded.unreadable, loaded.loaded, loaded.already_there) == ([bad], 0, 5)
        assert snapshot(world.spec, AS_OF, world.stores).unreadable == [bad]
        # A check that compares with the nights before.
        validate(world.spec, last, world.stores)
        world.validated(AS_OF)
    good, unscored, late = next(NIGHTS), next(NIGHTS), next(NIGHTS)
    for night in (good, unscored, late):
        world.monitored(night)
    for night in (good, unscored):
        world.stores.lake.objects.delete(layout.accuracy(world.spec.name, night))
    with world.damaged(Dataset.PREDICTIONS, unscored), world.damaged(Dataset.RAW, good):
        accuracy_nights = monitor(world.spec, late, world.stores).accuracy_nights
        assert good in accuracy_nights
        assert unscored not in accuracy_nights
        predict(world.spec, late, world.stores)
        with world.damaged(Dataset.VALIDATED, good):
            assert explain(world.spec, good, world.stores)["input"]["unchanged"] is False
    assert f"validated/{world.spec.name} {bad} is left out" in caplog.text
    assert f"predictions/{world.spec.name} {unscored} is left out" in caplog.text


# A source that has nothing any more


def test_a_source_that_has_no_row_of_a_published_night_any_more_is_an_error(world, night, monkeypatch) -> None:
    world.validated(night)
    for name, make, dataset in (
        ("features", ingest, Dataset.RAW),
        ("labels", ingest_labels, Dataset.LABELS),
    ):
        monkeypatch.setattr(ingest_step.sources.functions, "call_beside", lambda *_: [])
        with pytest.raises(DataError, match=rf"no rows any more for {dataset}/\S+ {night}, of which 90") as error:
            make(world.spec, night, world.stores)
        assert type(error.value) is RowsGone, name
        assert f"nightshift retract {world.spec.name} {night} --from {dataset}" in error.value.fix


def meanwhile(step: Callable[..., Any], act: Callable[[], Any]) -> Callable[..., Any]:
    """The same function, before which something else happens once."""
    acts = iter([act])

    def late(*args: Any, **kwargs: Any) -> Any:
        for happens in acts:
            happens()
        return step(*args, **kwargs)

    return late

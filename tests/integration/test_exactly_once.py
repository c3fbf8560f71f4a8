"""What a commit is based on: nothing older replaces anything newer, nothing missing is success, no bit flips unseen."""

import datetime as dt
import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from botocore.exceptions import ClientError

from nightshift.contracts import Dataset, PartitionKey
from nightshift.errors import DamagedFile, DataError, LakeUnavailable, MissingPartition, NightshiftError, Superseded
from nightshift.modelling.labelled_night import labelled
from nightshift.monitoring.accuracy import measure_arrived
from nightshift.pages.overview import one_night
from nightshift.partitions import shifted
from nightshift.scoring import shards
from nightshift.sources.functions import _beside
from nightshift.spec import ModelSpec, load_spec
from nightshift.steps import ingest as ingest_step
from nightshift.steps.evaluate import evaluate
from nightshift.steps.ingest import ingest, ingest_labels
from nightshift.steps.load import load
from nightshift.steps.maintain import sweep
from nightshift.steps.monitor import monitor
from nightshift.steps.optimize import optimize
from nightshift.steps.plan import plan
from nightshift.steps.predict import predict, score_and_publish
from nightshift.steps.promote import promote
from nightshift.steps.publish import publish
from nightshift.steps.score import score
from nightshift.steps.snapshot import snapshot
from nightshift.steps.train import register, train
from nightshift.steps.validate import validate
from nightshift.stores import Stores, commit, layout
from nightshift.stores.manifest import CHAMPION_MOVE, Manifest
from nightshift.stores.parquet_source import ParquetSource
from tests.conftest import SOURCE

pytestmark = pytest.mark.stack

TRAINED, NIGHT = "2024-01-12", "2024-01-13"


class World(NamedTuple):
    """A model with a champion, in a project of its own."""

    spec: ModelSpec
    stores: Stores
    source: Path

    def correct(self, statement: str) -> None:
        """The source gives other rows from now on: ``frame`` is a night of it, ``night`` its date."""
        text = self.source.read_text().split("# corrected")[0]
        body = f"    frame = _good(night)\n    {statement}\n    return frame\n"
        self.source.write_text(f"{text}# corrected\n_good = orders\ndef orders(night):\n{body}")
        _beside.cache_clear()

    def manifest(self, dataset: Dataset, night: str = NIGHT) -> Manifest:
        return self.stores.lake.require(self.spec.key(dataset, night))

    def rows(self, dataset: Dataset, night: str = NIGHT) -> pa.Table:
        return self.stores.lake.read(self.manifest(dataset, night))

    def plain(self, dataset: Dataset, night: str = NIGHT) -> pa.Table:
        objects = self.stores.lake.objects
        keys = objects.keys(layout.served_night(self.spec.key(dataset, night)))
        return pa.concat_tables([pq.read_table(objects.open(key)) for key in keys])

    def ready(self, night: str) -> None:
        ingest(self.spec, night, self.stores)
        validate(self.spec, night, self.stores)


@pytest.fixture(scope="module")
def trained(
    make_project: Callable[..., Path], open_stores: Callable[..., Stores], tmp_path_factory: pytest.TempPathFactory
) -> World:
    columns = {"amount": {"on_breach": "drop"}, "note": {"type": "string", "feature": False}}
    source = SOURCE.replace('"express":', '"note": ["one"] * rows, "express":')
    folder = make_project(
        tmp_path_factory.mktemp("once"), source=source, columns=columns, night={"max_quarantined_share": 0.5}
    )
    spec, stores = load_spec(folder / "model.yaml"), open_stores(folder.parents[1])
    load(spec, "2024-01-02", TRAINED, stores)
    fitted = train(spec, snapshot(spec, TRAINED, stores), stores)
    promote(spec, evaluate(spec, optimize(spec, register(spec, fitted, stores), stores), stores), stores)
    return World(spec, stores, folder / "source.py")


@pytest.fixture
def world(trained: World) -> Iterator[World]:
    """The same with a validated night that nothing was done with yet."""
    before = trained.source.read_text()
    _forget(trained)
    trained.ready(NIGHT)
    yield trained
    trained.source.write_text(before)
    _beside.cache_clear()


def _forget(world: World) -> None:
    for dataset in Dataset:
        key = world.spec.key(dataset, NIGHT)
        for prefix in (layout.served_night(key), f"{layout.generations(dataset, key.model)}{NIGHT}/"):
            for each in list(world.stores.lake.objects.keys(prefix)):
                world.stores.lake.objects.delete(each)
        world.stores.lake.objects.delete(layout.manifest(key))


def meanwhile(monkeypatch: pytest.MonkeyPatch, where: Any, name: str, act: Callable[[], object]) -> None:
    """Right after the first call of a function returns, something else happens, once."""
    real = getattr(where, name)

    def slow(*args: Any, **kwargs: Any) -> Any:
        result = real(*args, **kwargs)
        monkeypatch.setattr(where, name, real)
        act()
        return result

    monkeypatch.setattr(where, name, slow)


CORRECTED = "frame['amount'] = frame['amount'] + 1"


def test_a_run_that_read_its_input_before_a_correction_does_not_replace_the_newer_night(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def another() -> None:
        world.correct(CORRECTED)
        world.ready(NIGHT)
        predict(world.spec, NIGHT, world.stores)

    from nightshift.steps import plan as step

    meanwhile(monkeypatch, step, "_refuse_the_future", another)
    slow = plan(world.spec, NIGHT, world.stores)
    newer = world.manifest(Dataset.PREDICTIONS)
    with pytest.raises(Superseded):
        score_and_publish(world.spec, slow, world.stores)
    assert world.manifest(Dataset.PREDICTIONS) == newer
    assert newer.provenance["input"] == world.manifest(Dataset.VALIDATED).digest


def test_the_newer_input_wins_though_the_older_was_published_first(world: World) -> None:
    older = plan(world.spec, NIGHT, world.stores)
    world.correct(CORRECTED)
    world.ready(NIGHT)
    newer = plan(world.spec, NIGHT, world.stores)
    score_and_publish(world.spec, older, world.stores)
    published = score_and_publish(world.spec, newer, world.stores)
    standing = world.manifest(Dataset.PREDICTIONS)
    assert standing.generation == published.generation
    assert standing.provenance["input"] == world.manifest(Dataset.VALIDATED).digest
    with pytest.raises(Superseded):
        score_and_publish(world.spec, older, world.stores)
    assert world.plain(Dataset.PREDICTIONS).equals(world.rows(Dataset.PREDICTIONS))


def test_a_validation_of_the_older_raw_night_never_stands_over_one_of_the_newer(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    from nightshift.steps import validate as step

    def another() -> None:
        world.correct(CORRECTED)
        world.ready(NIGHT)

    world.correct("frame.loc[:9, 'amount'] = -1")
    ingest(world.spec, NIGHT, world.stores)
    meanwhile(monkeypatch, step, "check", another)
    with pytest.raises(Superseded):
        validate(world.spec, NIGHT, world.stores)
    assert world.manifest(Dataset.VALIDATED).provenance["input"] == world.manifest(Dataset.RAW).digest


def test_a_row_is_never_left_both_validated_and_in_quarantine(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    from nightshift.steps import validate as step

    def another() -> None:
        world.correct("frame['amount'] = frame['amount'].abs()")
        world.ready(NIGHT)

    world.correct("frame.loc[:9, 'amount'] = -1")
    ingest(world.spec, NIGHT, world.stores)
    meanwhile(monkeypatch, step, "_write_reports", another)
    with pytest.raises(Superseded):
        validate(world.spec, NIGHT, world.stores)
    assert (world.manifest(Dataset.QUARANTINE).rows, world.manifest(Dataset.VALIDATED).rows) == (0, 90)
    ingest_labels(world.spec, NIGHT, world.stores)
    assert labelled(world.spec, NIGHT, world.stores).num_rows == 90


def test_of_two_validations_side_by_side_both_datasets_are_of_one(
    world: World, change: Callable[..., ModelSpec], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of one raw night by two specs: one commits its quarantine, then the other, then each its night."""
    from nightshift.steps import validate as step

    world.correct("frame.loc[:9, 'amount'] = -1")
    ingest(world.spec, NIGHT, world.stores)
    lenient = change(world.spec, columns={"amount": {"min": -5.0}})
    meanwhile(monkeypatch, step, "_write_rows", lambda: validate(lenient, NIGHT, world.stores))
    with pytest.raises(Superseded):
        validate(world.spec, NIGHT, world.stores)
    night, quarantine = world.manifest(Dataset.VALIDATED), world.manifest(Dataset.QUARANTINE)
    assert (night.rows, quarantine.rows) == (90, 0)
    assert night.inputs["quarantine"] == quarantine.sequence


@pytest.mark.parametrize("is_refused", [False, True])
def test_a_validation_that_slept_over_a_newer_one_leaves_its_report_alone(
    world: World, monkeypatch: pytest.MonkeyPatch, is_refused: bool
) -> None:
    """The page that people read is of the rows that stand, also when those of before would have been refused."""
    from nightshift.steps import validate as step

    objects = world.stores.lake.objects
    last = 89 if is_refused else 9
    world.correct(f"frame.loc[:{last}, 'amount'] = -1")
    ingest(world.spec, NIGHT, world.stores)

    def corrected() -> None:
        world.correct("frame['amount'] = frame['amount'] + 1")
        world.ready(NIGHT)
        reports.append(objects.get(layout.validation_result(world.spec.key(Dataset.VALIDATED, NIGHT))))

    reports: list[Any] = []
    meanwhile(monkeypatch, step, "check", corrected)
    with pytest.raises(Superseded):
        validate(world.spec, NIGHT, world.stores)
    assert objects.get(layout.validation_result(world.spec.key(Dataset.VALIDATED, NIGHT))) == reports[0]


def test_a_validation_that_died_between_its_two_commits_is_not_learnt_from(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    from nightshift.steps import validate as step

    def died() -> None:
        raise KeyboardInterrupt

    ingest_labels(world.spec, NIGHT, world.stores)
    world.correct("frame.loc[:9, 'amount'] = -1")
    ingest(world.spec, NIGHT, world.stores)
    with monkeypatch.context() as patch:
        meanwhile(patch, step, "_write_rows", died)
        with pytest.raises(KeyboardInterrupt):
            validate(world.spec, NIGHT, world.stores)
    with pytest.raises(MissingPartition, match="its quarantine is of another validation"):
        labelled(world.spec, NIGHT, world.stores)
    # It costs its own night: a training goes on without it, and says so.
    frozen = snapshot(world.spec, shifted(NIGHT, world.spec.label.delay_days), world.stores)
    assert (frozen.unreadable, frozen.last_night < NIGHT) == ([NIGHT], True)
    validate(world.spec, NIGHT, world.stores)
    assert labelled(world.spec, NIGHT, world.stores).num_rows == 80


@pytest.mark.parametrize(("dataset", "reader", "act"), [
    (Dataset.RAW, "features", ingest), (Dataset.LABELS, "labels", ingest_labels),
])  # fmt: skip
def test_a_copy_that_read_the_source_before_its_correction_does_not_undo_it(
    world: World, dataset: Dataset, reader: str, act: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def another() -> None:
        world.correct("frame.loc[0, ['amount', 'late']] = [3.0, 1.0 - frame['late'].fillna(0).iloc[0]]")
        act(world.spec, NIGHT, world.stores)

    meanwhile(monkeypatch, ingest_step.sources, reader, another)
    mine = act(world.spec, NIGHT, world.stores)
    assert world.manifest(dataset).digest == mine.digest
    other = act(world.spec, NIGHT, world.stores)
    assert other == mine


def test_equal_predictions_of_a_new_input_say_so_and_monitoring_goes_on(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As by chance in nights of few rows: both are laid out alike.
    monkeypatch.setattr(shards, "first_rows", lambda *_: 7)
    monkeypatch.setattr(shards, "empty_groups", lambda *_: 0)
    before = predict(world.spec, NIGHT, world.stores)
    world.correct("frame['note'] = 'another'")
    world.ready(NIGHT)
    assert predict(world.spec, NIGHT, world.stores).digest == before.digest
    standing = world.manifest(Dataset.PREDICTIONS)
    assert standing.provenance["input"] == world.manifest(Dataset.VALIDATED).digest
    assert standing.sequence > before.sequence
    monitor(world.spec, NIGHT, world.stores)


def test_the_same_again_changes_no_manifest(world: World) -> None:
    predict(world.spec, NIGHT, world.stores)
    before = [world.manifest(dataset) for dataset in (Dataset.RAW, Dataset.VALIDATED, Dataset.QUARANTINE)]
    scored = world.manifest(Dataset.PREDICTIONS)
    world.ready(NIGHT)
    predict(world.spec, NIGHT, world.stores)
    assert [world.manifest(each.dataset) for each in before] == before
    assert world.manifest(Dataset.PREDICTIONS) == scored


def test_a_first_night_that_is_published_again_is_told_as_it_stands(world: World) -> None:
    """As by a task that is cleared: its plan knows of no manifest, and what was made of the night names its number."""
    decided = plan(world.spec, NIGHT, world.stores)
    results = [score(world.spec, decided, shard, world.stores) for shard in decided.shards]
    first = publish(world.spec, decided, results, world.stores)
    monitor(world.spec, NIGHT, world.stores)
    assert publish(world.spec, decided, results, world.stores).sequence == first.sequence
    assert world.manifest(Dataset.PREDICTIONS).sequence == first.sequence


@pytest.mark.parametrize("dataset", [Dataset.RAW, Dataset.VALIDATED, Dataset.PREDICTIONS])
@pytest.mark.parametrize("damage", ["gone", "flipped"])
def test_making_a_night_anew_brings_back_a_file_that_was_lost(world: World, dataset: Dataset, damage: str) -> None:
    predict(world.spec, NIGHT, world.stores)
    before = world.rows(dataset)
    (file,) = world.manifest(dataset).files
    objects = world.stores.lake.objects
    body, _ = objects.get(file.key)
    if damage == "gone":
        objects.delete(file.key)
    else:
        objects.put(file.key, body[:50] + bytes([body[50] ^ 1]) + body[51:])
    with pytest.raises((MissingPartition, DamagedFile), match=r"nightshift (ingest|validate|predict) "):
        world.rows(dataset)
    steps = {Dataset.RAW: ingest, Dataset.VALIDATED: validate, Dataset.PREDICTIONS: predict}
    steps[dataset](world.spec, NIGHT, world.stores)
    assert world.rows(dataset).equals(before)
    assert world.plain(dataset).equals(before)


def test_predictions_that_are_lost_in_both_places_are_made_anew(world: World) -> None:
    predict(world.spec, NIGHT, world.stores)
    before = world.rows(Dataset.PREDICTIONS)
    objects = world.stores.lake.objects
    (file,) = world.manifest(Dataset.PREDICTIONS).files
    for key in (file.key, *objects.keys(layout.served_night(world.spec.key(Dataset.PREDICTIONS, NIGHT)))):
        objects.delete(key)
    predict(world.spec, NIGHT, world.stores)
    assert world.rows(Dataset.PREDICTIONS).equals(before)
    assert world.plain(Dataset.PREDICTIONS).equals(before)


def test_a_file_that_is_gone_is_no_outage(world: World) -> None:
    (file,) = world.manifest(Dataset.VALIDATED).files
    decided = plan(world.spec, NIGHT, world.stores)
    world.stores.lake.objects.delete(file.key)
    for act in (
        lambda: ParquetSource(world.stores.lake.objects, file.key).open(),
        lambda: score(world.spec, decided, decided.shards[0], world.stores),
    ):
        with pytest.raises(MissingPartition, match="is named by a manifest but is not there") as error:
            act()
        assert error.value.fix == f"make this night anew: nightshift validate {world.spec.name} {NIGHT}"


def test_a_copy_whose_source_is_gone_is_an_error_and_no_manifest_names_a_file_that_was_never_written(
    world: World,
) -> None:
    standing = world.manifest(Dataset.VALIDATED)
    draft = world.stores.lake.begin(standing.key)
    (raw,) = world.manifest(Dataset.RAW).files
    world.stores.lake.objects.delete(raw.key)
    with pytest.raises(MissingPartition, match="is not there"):
        world.stores.lake.add_copy(draft, 0, raw)
    inputs = standing.inputs
    with pytest.raises(MissingPartition, match="is not there"):
        world.stores.lake.commit(draft, [raw], pa.schema([]), rows_in=raw.rows, provenance={}, inputs=inputs)
    assert world.manifest(Dataset.VALIDATED) == standing


def test_a_page_of_a_listing_that_is_not_found_is_an_error(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    real = world.stores.lake.objects._client.list_objects_v2

    def second_page_is_lost(**request: Any) -> Any:
        if "ContinuationToken" in request:
            response = {"Error": {"Code": "404"}, "ResponseMetadata": {"HTTPStatusCode": 404}}
            raise ClientError(response, "ListObjectsV2")
        return real(**request | {"MaxKeys": 2})

    monkeypatch.setattr(world.stores.lake.objects._client, "list_objects_v2", second_page_is_lost)
    with pytest.raises(LakeUnavailable, match="lost a page of its listing"):
        world.stores.lake.partitions(Dataset.RAW, world.spec.name)


def test_a_manifest_deleted_while_a_night_is_scored_is_made_anew(world: World) -> None:
    predict(world.spec, NIGHT, world.stores)
    world.correct(CORRECTED)
    world.ready(NIGHT)
    decided = plan(world.spec, NIGHT, world.stores)
    world.stores.lake.objects.delete(layout.manifest(world.spec.key(Dataset.PREDICTIONS, NIGHT)))
    ref = score_and_publish(world.spec, decided, world.stores)
    assert world.manifest(Dataset.PREDICTIONS).generation == ref.generation


def test_a_night_whose_manifest_was_deleted_by_hand_goes_on_where_it_was(world: World) -> None:
    predict(world.spec, NIGHT, world.stores)
    world.correct(CORRECTED)
    ingest(world.spec, NIGHT, world.stores)
    validate(world.spec, NIGHT, world.stores)
    world.stores.lake.objects.delete(layout.manifest(world.spec.key(Dataset.RAW, NIGHT)))
    world.ready(NIGHT)
    world.correct(CORRECTED)
    world.ready(NIGHT)
    predict(world.spec, NIGHT, world.stores)
    assert world.manifest(Dataset.VALIDATED).provenance["input"] == world.manifest(Dataset.RAW).digest


def test_what_a_cleared_publish_commits_is_not_collected(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its results came by XCom days ago, and maintenance takes what is old at that very moment."""
    decided = plan(world.spec, NIGHT, world.stores)
    results = [score(world.spec, decided, shard, world.stores) for shard in decided.shards]
    # The store counts in seconds.
    time.sleep(3)

    def collect() -> None:
        sweep(world.spec, world.stores, dt.timedelta(seconds=1.5))

    meanwhile(monkeypatch, commit, "_require_files", collect)
    publish(world.spec, decided, results, world.stores)
    assert world.plain(Dataset.PREDICTIONS).equals(world.rows(Dataset.PREDICTIONS))


def test_a_ledger_that_came_back_from_an_older_copy_does_not_stop_scoring(world: World) -> None:
    """Its numbers begin again: what was published names a move that it has no more."""
    predict(world.spec, NIGHT, world.stores)
    key = world.spec.key(Dataset.PREDICTIONS, NIGHT)
    published = world.manifest(Dataset.PREDICTIONS)
    later = published.model_copy(update={"inputs": {**published.inputs, CHAMPION_MOVE: 40}})
    world.stores.lake.objects.put_record(layout.manifest(key), later)
    world.correct("frame['amount'] = frame['amount'] + 1")
    world.ready(NIGHT)
    predict(world.spec, NIGHT, world.stores)
    again = world.manifest(Dataset.PREDICTIONS)
    assert again.digest != published.digest
    assert again.inputs[CHAMPION_MOVE] == 40


def test_predictions_that_a_person_published_cost_their_own_night(world: World) -> None:
    predict(world.spec, NIGHT, world.stores)
    key = world.spec.key(Dataset.PREDICTIONS, NIGHT)
    draft = world.stores.lake.begin(key)
    world.stores.lake.publish(draft, world.rows(Dataset.PREDICTIONS), provenance={"by": "hand"})
    with pytest.raises(DataError, match="does not say which version scored it") as error:
        monitor(world.spec, NIGHT, world.stores)
    assert error.value.fix == f"make it anew: nightshift predict {world.spec.name} {NIGHT}"
    ingest_labels(world.spec, NIGHT, world.stores)
    arrives = shifted(NIGHT, world.spec.label.delay_days)
    measured = measure_arrived(world.spec, arrives, world.stores)
    assert NIGHT not in [record.night for record in measured]
    row = one_night(world.spec, NIGHT, world.stores).nights[0]
    assert (row.state, row.version) == ("published", "")


def test_a_file_that_s3_cannot_copy_is_refused_before_the_commit(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commit, "MOST_COPIED_BYTES", 10)
    with pytest.raises(DataError, match="S3 copies files of up to 10"):
        predict(world.spec, NIGHT, world.stores)
    assert world.stores.lake.manifest(world.spec.key(Dataset.PREDICTIONS, NIGHT)) is None


@pytest.mark.parametrize("seed", range(3))
def test_no_flipped_bit_of_an_input_is_published(world: World, seed: int) -> None:
    right = score_and_publish(world.spec, plan(world.spec, NIGHT, world.stores), world.stores)
    dice, objects = random.Random(seed), world.stores.lake.objects
    (file,) = world.manifest(Dataset.VALIDATED).files
    body, _ = objects.get(file.key)
    for _ in range(8):
        flipped = bytearray(body)
        flipped[dice.randrange(len(body))] ^= 1 << dice.randrange(8)
        objects.put(file.key, bytes(flipped))
        for shard in plan_shards(world):
            objects.delete(shard)
        with pytest.raises(NightshiftError):
            predict(world.spec, NIGHT, world.stores)
    objects.put(file.key, body)
    assert predict(world.spec, NIGHT, world.stores).digest == right.digest


def plan_shards(world: World) -> list[str]:
    folder = f"{layout.generations(Dataset.PREDICTIONS, world.spec.name)}{NIGHT}/shards/"
    return [key for key in world.stores.lake.objects.keys(folder) if key.endswith(".json")]


@pytest.mark.parametrize("is_first", [True, False])
def test_a_paused_copy_does_not_set_readers_back(world: World, monkeypatch: pytest.MonkeyPatch, is_first: bool) -> None:
    """It put the manifest, or looked at it, then stood still while another night was published, then copies."""
    from nightshift.stores import lake, plain

    if not is_first:
        predict(world.spec, NIGHT, world.stores)
        world.correct("frame['amount'] = frame['amount'] + 2")
        world.ready(NIGHT)

    def another() -> None:
        world.correct(CORRECTED)
        world.ready(NIGHT)
        predict(world.spec, NIGHT, world.stores)

    seen: list[str] = []
    decided = plan(world.spec, NIGHT, world.stores)
    results = [score(world.spec, decided, shard, world.stores) for shard in decided.shards]
    if is_first:
        meanwhile(monkeypatch, lake, "commit", another)
    else:
        meanwhile(monkeypatch, plain, "_stands", another)
    real = world.stores.lake.objects.copy

    def watched(*arguments: Any) -> None:
        try:
            real(*arguments)
        finally:
            seen.append(world.stores.lake.objects.head(arguments[1]).metadata.get("generation", ""))

    monkeypatch.setattr(world.stores.lake.objects, "copy", watched)
    publish(world.spec, decided, results, world.stores)
    newest = world.manifest(Dataset.PREDICTIONS).generation
    assert newest != decided.generation
    since = seen[seen.index(newest) :]
    assert set(since) == {newest}
    assert len(since) > 1


def test_a_manifest_under_the_key_of_another_night_is_not_believed(world: World) -> None:
    objects = world.stores.lake.objects
    body, _ = objects.get(layout.manifest(world.spec.key(Dataset.RAW, NIGHT)))
    stranger = PartitionKey(Dataset.RAW, world.spec.name, "day", "2024-01-30")
    objects.put(layout.manifest(stranger), body)
    with pytest.raises(NightshiftError, match="is the manifest of raw/"):
        world.stores.lake.manifest(stranger)
    objects.delete(layout.manifest(stranger))

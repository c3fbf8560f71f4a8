"""Rows and labels of a night come late, change, go and gain classes: each is counted and said, and the nights go on."""

import datetime as dt
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytest
import yaml
from typer.testing import CliRunner, Result

import nightshift.steps.validate as validate_step
from nightshift.cli.main import app
from nightshift.contracts import Dataset, SnapshotRef
from nightshift.errors import DataError, SchemaMismatch
from nightshift.monitoring.accuracy import measure_arrived
from nightshift.partitions import following
from nightshift.settings import settings
from nightshift.spec import ModelSpec, load_spec
from nightshift.steps._explain_row import parse_key, row_of
from nightshift.steps.ingest import ingest, ingest_arrived_labels
from nightshift.steps.load import load
from nightshift.steps.predict import predict
from nightshift.steps.promote import promote
from nightshift.steps.retrain import train_and_gate
from nightshift.steps.snapshot import snapshot
from nightshift.steps.validate import validate
from nightshift.stores import Stores
from nightshift.validation.results import ValidationResult

pytestmark = pytest.mark.stack

# A Monday.
NIGHTS = following("2024-03-04", 9)
CLASSES = ["early", "late", "ontime"]
ROWS = 40


def orders(night: str) -> pd.DataFrame:
    """Forty orders of a night, whose outcome is a matter of the items, and which the date alone decides."""
    rng = np.random.default_rng(dt.date.fromisoformat(night).toordinal())
    items = rng.integers(1, 13, ROWS)
    noise = rng.normal(0, 0.4, ROWS)
    return pd.DataFrame({
        "day": dt.date.fromisoformat(night),
        "order_id": np.arange(1, ROWS + 1),
        "line": [None if place % 10 == 0 else "ab"[place % 2] for place in range(ROWS)],
        "items": items,
        "amount": rng.gamma(2.0, 40.0, ROWS),
        "late": [CLASSES[place] for place in np.digitize(items + noise, [4.5, 8.5])],
    })


MODEL: dict[str, Any] = {
    "description": "How does an order come back?",
    "source": {"files": "incoming/*.parquet"},
    "partition": {"column": "day", "start": NIGHTS[0]},
    "keys": ["order_id", "line"],
    "columns": {
        "order_id": {"type": "int64", "feature": False},
        "line": {"type": "string", "nullable": True, "feature": False},
        "items": {"type": "int64"},
        "amount": {"type": "float64"},
    },
    "label": {"column": "late", "type": "multiclass", "classes": CLASSES, "delay_days": 1},
    "training": {
        "window_days": 9,
        "holdout_days": 2,
        "trainer": "hist_gradient_boosting",
        "parameters": {"max_iter": 20, "max_leaf_nodes": 6, "min_samples_leaf": 5},
    },
    "gates": {"resamples": 100, "at_least": {"roc_auc": 0.55}},
    "optimize": {"variants": []},
    "drift": {"features": ["items", "amount"]},
}


class Walk(NamedTuple):
    """A project with a model, files beside it, and a person at its command line."""

    stores: Stores
    name: str

    @property
    def project(self) -> Path:
        return self.stores.settings.project

    @property
    def file(self) -> Path:
        return self.project / "models" / self.name / "model.yaml"

    @property
    def spec(self) -> ModelSpec:
        return load_spec(self.file)

    def write(self, **changes: Any) -> None:
        """The spec with some of its sections replaced."""
        self.file.parent.mkdir(parents=True, exist_ok=True)
        self.file.write_text(yaml.safe_dump({"name": self.name, **MODEL, **changes}, sort_keys=False))

    def put(self, frame: pd.DataFrame, name: str, folder: str = "incoming") -> None:
        (self.project / folder).mkdir(exist_ok=True)
        frame.to_parquet(self.project / folder / f"{name}.parquet", index=False)

    def nights(self, *nights: str) -> None:
        for night in nights:
            self.put(orders(night), night)

    def outcomes(self, night: str, late: int = 0) -> None:
        """A night's outcomes in a table of their own; the first so many are late."""
        frame = orders(night)[["order_id", "line", "late"]].rename(columns={"late": "Result"})
        frame.loc[: late - 1, "Result"] = "late"
        folder = self.project / "outcomes" / f"of={night}"
        folder.mkdir(parents=True, exist_ok=True)
        frame.to_parquet(folder / "part.parquet", index=False)

    def run(self, *words: str) -> Result:
        return CliRunner().invoke(app, [*words[:1], self.name, *words[1:]])

    def snapshot(self, as_of: str) -> SnapshotRef:
        return snapshot(self.spec, as_of, self.stores)

    def train(self, as_of: str) -> Any:
        verdict = train_and_gate(self.spec, self.snapshot(as_of), self.stores)
        promote(self.spec, verdict, self.stores)
        return verdict

    def figures(self, run_id: str) -> dict[str, float]:
        return dict(self.stores.registry.client.get_run(run_id).data.metrics)

    def provenance(self, dataset: Dataset, night: str) -> dict[str, Any]:
        return self.stores.lake.require(self.spec.key(dataset, night)).provenance


@pytest.fixture
def walk(open_stores: Callable[[Path], Stores], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Walk]:
    root = tmp_path / "project"
    root.mkdir()
    (root / "nightshift.toml").write_text("format = 1\n")
    stores = open_stores(root)
    monkeypatch.setenv("NIGHTSHIFT_PROJECT", str(root))
    monkeypatch.setenv("NIGHTSHIFT_HOME", str(stores.settings.home))
    monkeypatch.setenv("NIGHTSHIFT_LAKE", stores.settings.lake)
    monkeypatch.setenv("NIGHTSHIFT_DVC_REMOTE", stores.settings.dvc_remote)
    settings.cache_clear()
    # What it says is tested elsewhere, and takes most of a night's time.
    monkeypatch.setattr(validate_step, "report", lambda checks, *_: ValidationResult([], len(checks), {}, str))
    person = Walk(stores, f"orders_{stores.settings.lake[-8:]}")
    person.write()
    yield person
    settings.cache_clear()


def test_null_keys_are_equal_wherever_rows_are_joined(walk: Walk) -> None:
    """In the check for repeated keys they were, in the joins they were not: four labels of forty matched no row."""
    walk.nights(*NIGHTS[:3])
    load(walk.spec, NIGHTS[0], NIGHTS[2], walk.stores)
    frozen = walk.snapshot(NIGHTS[3])
    assert (frozen.rows, frozen.labels_without_row) == (3 * ROWS, {})
    night = walk.stores.lake.require(walk.spec.key(Dataset.VALIDATED, NIGHTS[0]))
    key = parse_key(walk.spec, ("order_id=1", "line="))
    assert row_of(walk.spec, key, night, walk.stores)["outcome"]["value"] == orders(NIGHTS[0])["late"][0]


def test_late_rows_and_rows_taken_back_are_counted_and_training_goes_on(walk: Walk, caplog) -> None:
    walk.nights(*NIGHTS[:7])
    load(walk.spec, NIGHTS[0], NIGHTS[5], walk.stores)
    ingest(walk.spec, NIGHTS[6], walk.stores)
    validate(walk.spec, NIGHTS[6], walk.stores)
    late = orders(NIGHTS[6]).tail(3)
    walk.put(late.assign(order_id=late["order_id"] + 100), "late")
    walk.nights(NIGHTS[7])
    assert walk.run("ingest", NIGHTS[7]).exit_code == 0
    frozen = walk.snapshot(NIGHTS[7])
    assert frozen.labels_without_row == {NIGHTS[6]: 3}
    said = f"nightshift ingest {walk.name} {NIGHTS[6]}; nightshift validate {walk.name} {NIGHTS[6]}"
    assert said in caplog.text
    ingest(walk.spec, NIGHTS[6], walk.stores)
    validate(walk.spec, NIGHTS[6], walk.stores)
    mended = walk.snapshot(NIGHTS[7])
    assert (mended.labels_without_row, mended.rows) == ({}, frozen.rows + 3)


def test_a_night_without_rows_keeps_no_label_of_another_night_away(walk: Walk) -> None:
    """No rows on Saturday and Sunday: Friday's labels come with Saturday's run."""
    friday, saturday = NIGHTS[4], NIGHTS[5]
    walk.nights(*NIGHTS[:5])
    assert walk.run("ingest", friday).exit_code == 0
    shown = walk.run("ingest", saturday)
    assert shown.exit_code == 0
    assert "no rows for 2024-03-09" in shown.output
    assert friday in walk.stores.lake.partitions(Dataset.LABELS, walk.name)


def test_a_night_that_is_refused_keeps_no_label_away_and_is_an_error(walk: Walk) -> None:
    walk.nights(*NIGHTS[:2])
    walk.put(orders(NIGHTS[1]).drop(columns="items"), NIGHTS[1])
    shown = walk.run("ingest", NIGHTS[1])
    assert isinstance(shown.exception, SchemaMismatch)
    assert walk.stores.lake.partitions(Dataset.LABELS, walk.name) == [NIGHTS[0]]


def with_a_new_class(night: str) -> pd.DataFrame:
    frame = orders(night)
    frame.loc[:3, "late"] = "returned"
    return frame


def test_a_new_class_is_counted_and_nothing_stops(walk: Walk, caplog) -> None:
    """``ingest`` said: add it. Then ``train`` said: take it out; and scoring had stopped meanwhile."""
    walk.nights(*NIGHTS[:7])
    load(walk.spec, NIGHTS[0], NIGHTS[6], walk.stores)
    champion = walk.train(NIGHTS[6]).candidate.version
    came, after = NIGHTS[7:9]
    walk.put(with_a_new_class(came), came)
    walk.nights(after)
    assert walk.run("ingest", came).exit_code == 0
    validate(walk.spec, came, walk.stores)
    assert walk.run("ingest", after).exit_code == 0
    assert "label.classes lacks 'returned' (4)" in caplog.text
    assert walk.stores.lake.require(walk.spec.key(Dataset.LABELS, came)).rows == ROWS
    late = orders(NIGHTS[6]).tail(3)
    walk.put(late.assign(order_id=late["order_id"] + 100), "late")
    ingest_arrived_labels(walk.spec, came, walk.stores)
    predict(walk.spec, came, walk.stores)
    (before, *_) = [one for one in measure_arrived(walk.spec, after, walk.stores) if one.night == came]
    assert (before.labelled, before.without_label, before.labels_not_taught) == (ROWS - 4, 4, 4)

    walk.write(label={**MODEL["label"], "classes": ["early", "late", "returned", "ontime"]})
    predict(walk.spec, came, walk.stores)
    published = walk.stores.lake.read(walk.stores.lake.require(walk.spec.key(Dataset.PREDICTIONS, came)))
    assert published["score_returned"].null_count == ROWS
    assert set(published["prediction"].to_pylist()) <= set(CLASSES)
    (again,) = [one for one in measure_arrived(walk.spec, after, walk.stores) if one.night == came]
    assert (again.labelled, again.labels_not_taught) == (ROWS - 4, 4)
    assert again.metrics["log_loss"] == pytest.approx(before.metrics["log_loss"])

    verdict = walk.train(after)
    assert verdict.candidate.trained.classes == CLASSES
    assert f"against version {champion}" in verdict.reasons[0]
    figures = walk.figures(verdict.candidate.trained.run_id)
    assert (figures["rows_of_unknown_class"], figures["labels_without_row"]) == (4, 3)


def test_once_a_class_has_rows_it_is_learnt_also_where_the_holdout_has_none(walk: Walk) -> None:
    for night in NIGHTS[:3]:
        walk.put(with_a_new_class(night), night)
    walk.nights(*NIGHTS[3:7])
    walk.write(label={**MODEL["label"], "classes": [*CLASSES, "returned"]})
    load(walk.spec, NIGHTS[0], NIGHTS[6], walk.stores)
    verdict = walk.train(NIGHTS[7])
    assert verdict.candidate.trained.classes == [*CLASSES, "returned"]
    assert (verdict.promote, verdict.reasons[1:]) == (
        True,
        ["no row of the judged nights is returned: it was not judged"],
    )
    a_corrected_label_is_measured_anew(walk)


def a_corrected_label_is_measured_anew(walk: Walk) -> None:
    scored, next_run, later_run = NIGHTS[7], NIGHTS[8], "2024-04-01"
    walk.nights(scored)
    load(walk.spec, scored, scored, walk.stores)
    predict(walk.spec, scored, walk.stores)
    (before,) = measure_arrived(walk.spec, next_run, walk.stores)
    walk.put(orders(scored).assign(late="late"), scored)
    walk.write(label={**MODEL["label"], "classes": [*CLASSES, "returned"], "corrected_within": 30})
    assert scored in [ref.partition for ref in ingest_arrived_labels(walk.spec, later_run, walk.stores)]
    (after,) = measure_arrived(walk.spec, later_run, walk.stores)
    assert (after.night, after.measured_by) == (scored, later_run)
    assert after.metrics["accuracy"] != before.metrics["accuracy"]


def test_after_a_renamed_column_the_errors_lead_to_a_scored_night(walk: Walk) -> None:
    walk.nights(*NIGHTS[:7])
    load(walk.spec, NIGHTS[0], NIGHTS[5], walk.stores)
    walk.train(NIGHTS[5])
    columns = dict(MODEL["columns"])
    columns["price"] = {**columns.pop("amount"), "source": "amount"}
    walk.write(columns=columns, drift={"features": ["items", "price"]})
    scored = NIGHTS[6]
    for verb in ("ingest", "validate"):
        assert walk.run(verb, scored).exit_code == 0
    with pytest.raises(SchemaMismatch, match=r"needs amount; model\.yaml has no column amount any more") as error:
        predict(walk.spec, scored, walk.stores)
    assert f"nightshift load {walk.name}" in str(error.value.fix)
    with pytest.raises(SchemaMismatch, match=r"before model\.yaml had price") as error:
        walk.snapshot(NIGHTS[5])
    command = str(error.value.fix)
    assert command == f"nightshift load {walk.name} {NIGHTS[0]} {NIGHTS[4]}"
    assert walk.run("load", *command.split()[-2:]).exit_code == 0
    assert walk.train(NIGHTS[5]).promote
    assert predict(walk.spec, scored, walk.stores).rows == ROWS


def test_labels_of_a_table_of_their_own_come_late_and_change(walk: Walk) -> None:
    own = {"files": "outcomes/**/*.parquet", "night": "path", "column": "of"}
    walk.write(label={**MODEL["label"], "source": own, "source_column": "Result", "corrected_within": 3})
    for night in NIGHTS[:6]:
        walk.put(orders(night).drop(columns="late"), night)
    for night in NIGHTS[:3]:
        walk.outcomes(night)
    loaded = load(walk.spec, NIGHTS[0], NIGHTS[3], walk.stores)
    assert (loaded.loaded, loaded.without_labels) == (4, [NIGHTS[3]])
    assert walk.snapshot(NIGHTS[3]).nights == 3

    walk.outcomes(NIGHTS[3])
    walk.outcomes(NIGHTS[2], late=5)
    brought = ingest_arrived_labels(walk.spec, NIGHTS[5], walk.stores)
    assert [ref.partition for ref in brought] == [NIGHTS[3], NIGHTS[2], NIGHTS[1]]
    assert walk.provenance(Dataset.LABELS, NIGHTS[2])["as_of"] == NIGHTS[5]
    assert "as_of" not in walk.provenance(Dataset.LABELS, NIGHTS[1])


def test_labels_that_were_due_at_a_run_that_was_missed_come_with_the_next(walk: Walk) -> None:
    walk.nights(*NIGHTS[:5])
    for night in NIGHTS[:3]:
        ingest(walk.spec, night, walk.stores)
    ingest_arrived_labels(walk.spec, NIGHTS[1], walk.stores)
    brought = ingest_arrived_labels(walk.spec, NIGHTS[4], walk.stores)
    assert [ref.partition for ref in brought] == [NIGHTS[3], NIGHTS[2], NIGHTS[1]]
    brought = ingest_arrived_labels(walk.spec, NIGHTS[4], walk.stores)
    assert [ref.partition for ref in brought] == [NIGHTS[3]]


def test_labels_of_their_own_without_a_file_yet_cost_nothing(walk: Walk, caplog: pytest.LogCaptureFixture) -> None:
    own = {"files": "outcomes/**/*.parquet", "night": "path", "column": "of"}
    walk.write(label={**MODEL["label"], "source": own, "source_column": "Result"})
    for night in NIGHTS[:3]:
        walk.put(orders(night).drop(columns="late"), night)
    loaded = load(walk.spec, NIGHTS[0], NIGHTS[1], walk.stores)
    assert (loaded.loaded, loaded.without_labels) == (2, NIGHTS[:2])
    assert caplog.text.count("no file matches outcomes/**/*.parquet yet") == 1
    shown = walk.run("ingest", NIGHTS[2])
    assert shown.exit_code == 0
    assert "no file matches outcomes/**/*.parquet yet: the night has no labels" in shown.output
    walk.outcomes(NIGHTS[0])
    assert load(walk.spec, NIGHTS[0], NIGHTS[1], walk.stores).without_labels == [NIGHTS[1]]


def test_days_without_a_run_are_not_missed_and_their_rows_are_taken(walk: Walk) -> None:
    walk.write(partition={**MODEL["partition"], "schedule": "0 2 */2 * *"})
    walk.nights(NIGHTS[0], NIGHTS[1], NIGHTS[4])
    loaded = load(walk.spec, NIGHTS[0], NIGHTS[5], walk.stores)
    scheduled = walk.spec.partition.nights_between(NIGHTS[0], NIGHTS[5])
    there = {NIGHTS[0], NIGHTS[1], NIGHTS[4]}
    assert (loaded.loaded, loaded.without_source) == (3, [night for night in scheduled if night not in there])
    assert set(walk.snapshot(NIGHTS[5]).missing) == set(loaded.without_source) - {NIGHTS[5]}


def test_labels_of_their_own_that_repeat_a_key_are_refused(walk: Walk) -> None:
    outcomes = orders(NIGHTS[0])[["day", "order_id", "line", "late"]]
    walk.put(pd.concat([outcomes, outcomes.head(2)]), "all", "outcomes")
    walk.write(label={**MODEL["label"], "source": {"files": "outcomes/*.parquet"}})
    with pytest.raises(DataError, match=r"2 rows repeat a key \(order_id, line\)"):
        ingest_arrived_labels(walk.spec, NIGHTS[1], walk.stores)


def test_a_file_without_a_label_column_is_a_night_without_labels_yet(walk: Walk) -> None:
    walk.nights(*NIGHTS[:4])
    for night in NIGHTS[4:6]:
        walk.put(orders(night).drop(columns="late"), night)
    loaded = load(walk.spec, NIGHTS[0], NIGHTS[5], walk.stores)
    assert (loaded.loaded, loaded.without_labels, loaded.without_source) == (6, NIGHTS[4:6], [])
    shown = walk.run("ingest", NIGHTS[5])
    assert shown.exit_code == 0
    assert "no column late yet" in shown.output


def moments(night: str) -> pd.DataFrame:
    """Orders around midnight in Greenwich: which night they are of is a matter of the clock."""
    frame = orders(night)
    midnight = pd.Timestamp(night, tz="UTC")
    hours = np.where(np.arange(ROWS) < 12, 1, 12)
    return frame.assign(day=[midnight + pd.Timedelta(hours=int(hour)) for hour in hours])


def test_another_clock_brings_every_night_anew_and_nothing_is_learnt_twice(walk: Walk, caplog) -> None:
    """``load`` saw all nights there, and twelve rows of the seam were learnt from as of both nights."""
    for number, night in enumerate(NIGHTS[:6]):
        frame = moments(night)
        walk.put(frame.assign(order_id=frame["order_id"] + 100 * number), night)
    load(walk.spec, NIGHTS[0], NIGHTS[5], walk.stores)
    walk.write(partition={**MODEL["partition"], "timezone": "America/New_York"})
    load(walk.spec, NIGHTS[3], NIGHTS[5], walk.stores)
    frozen = walk.snapshot(NIGHTS[6])
    assert frozen.other_clock == NIGHTS[:3]
    assert f"nightshift load {walk.name} {NIGHTS[0]} {NIGHTS[5]}" in caplog.text
    loaded = load(walk.spec, NIGHTS[0], NIGHTS[5], walk.stores)
    assert (loaded.loaded, loaded.already_there) == (3, 3)
    whole = walk.snapshot(NIGHTS[6])
    assert (whole.other_clock, whole.nights) == ([], 6)
    folder = walk.stores.snapshots.checkout(whole.md5)
    ids = pd.read_parquet(folder)["order_id"]
    assert ids.is_unique


def test_another_source_is_loaded_anew_and_what_it_has_no_more_stays(walk: Walk) -> None:
    walk.nights(*NIGHTS[:3])
    load(walk.spec, NIGHTS[0], NIGHTS[2], walk.stores)
    walk.write(source={"files": "elsewhere/*.parquet"})
    for night in NIGHTS[1:3]:
        walk.put(orders(night), night, "elsewhere")
    loaded = load(walk.spec, NIGHTS[0], NIGHTS[2], walk.stores)
    assert (loaded.loaded, loaded.gone) == (2, [NIGHTS[0]])
    assert load(walk.spec, NIGHTS[1], NIGHTS[2], walk.stores).already_there == 2
    assert walk.stores.lake.require(walk.spec.key(Dataset.VALIDATED, NIGHTS[0])).rows == ROWS


def test_nights_under_the_name_of_before_stay_when_a_column_is_renamed(walk: Walk, caplog) -> None:
    """``load``, and with it every training of Airflow, ended at the first night of before."""
    walk.nights(*NIGHTS[:2])
    load(walk.spec, NIGHTS[0], NIGHTS[1], walk.stores)
    columns = {**MODEL["columns"], "amount": {**MODEL["columns"]["amount"], "source": "sum"}}
    walk.write(columns=columns)
    walk.put(orders(NIGHTS[2]).rename(columns={"amount": "sum"}), NIGHTS[2])
    loaded = load(walk.spec, NIGHTS[0], NIGHTS[2], walk.stores)
    assert (loaded.loaded, loaded.kept) == (1, NIGHTS[:2])
    assert f"{walk.name} {NIGHTS[0]} is left as it is" in caplog.text
    walk.put(orders(NIGHTS[3]), NIGHTS[3])
    with pytest.raises(SchemaMismatch):
        load(walk.spec, NIGHTS[3], NIGHTS[3], walk.stores)


def test_labels_that_cannot_be_read_are_an_error_each_time_until_they_were_there_once(walk: Walk) -> None:
    walk.put(orders(NIGHTS[0]).assign(late=[["a"]] * ROWS), NIGHTS[0])
    for _ in range(2):
        with pytest.raises(SchemaMismatch):
            load(walk.spec, NIGHTS[0], NIGHTS[0], walk.stores)
    walk.put(orders(NIGHTS[0]), NIGHTS[0])
    assert load(walk.spec, NIGHTS[0], NIGHTS[0], walk.stores).loaded == 1


def test_a_missed_night_whose_labels_are_refused_stops_no_other_run(walk: Walk, caplog) -> None:
    walk.nights(*NIGHTS[:5])
    for night in NIGHTS[:4]:
        ingest(walk.spec, night, walk.stores)
    walk.put(orders(NIGHTS[1]).assign(late=[["a"]] * ROWS), NIGHTS[1])
    brought = ingest_arrived_labels(walk.spec, NIGHTS[4], walk.stores)
    assert [ref.partition for ref in brought] == [NIGHTS[3], NIGHTS[2], NIGHTS[0]]
    assert f"the labels of {NIGHTS[1]}, which no run has brought, are refused" in caplog.text


def test_a_training_says_which_nights_nobody_brought(walk: Walk, caplog) -> None:
    walk.nights(*NIGHTS[:5])
    load(walk.spec, NIGHTS[0], NIGHTS[3], walk.stores)
    assert walk.snapshot(NIGHTS[5]).missing == [NIGHTS[4]]
    assert f"nightshift load {walk.name} {NIGHTS[4]} {NIGHTS[4]}" in caplog.text


def test_a_night_of_before_sources_were_written_down_counts_as_unchanged(walk: Walk) -> None:
    walk.nights(NIGHTS[0])
    load(walk.spec, NIGHTS[0], NIGHTS[0], walk.stores)
    for dataset in (Dataset.VALIDATED, Dataset.LABELS):
        manifest = walk.stores.lake.require(walk.spec.key(dataset, NIGHTS[0]))
        table = walk.stores.lake.read(manifest)
        draft = walk.stores.lake.begin(manifest.key)
        walk.stores.lake.publish(draft, table.slice(1), provenance={})
    assert load(walk.spec, NIGHTS[0], NIGHTS[0], walk.stores).already_there == 1


def test_a_model_is_retired_with_its_data(walk: Walk) -> None:
    walk.nights(*NIGHTS[:6])
    load(walk.spec, NIGHTS[0], NIGHTS[4], walk.stores)
    ingest(walk.spec, NIGHTS[5], walk.stores)
    asked = walk.run("retire")
    assert (asked.exit_code, walk.file.exists()) == (1, True)
    shown = walk.run("retire", "--yes", "--why", "nobody asks any more")
    assert shown.exit_code == 0, shown.output
    assert "nobody asks any more" in shown.output
    assert "MLflow" in shown.output
    assert not walk.file.exists()
    lake = walk.stores.lake
    assert {dataset: lake.partitions(dataset, walk.name) for dataset in Dataset} == {name: [] for name in Dataset}
    again = walk.run("retire", "--yes")
    assert again.exit_code == 0, again.output

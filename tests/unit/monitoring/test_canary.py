"""A canary, night by night and together: each version's rows apart, for every kind of label."""

from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest

from nightshift.contracts import CanaryPin, Dataset, Pin
from nightshift.modelling.label_types import label_type
from nightshift.monitoring.canary.evidence import CanaryEvidence
from nightshift.monitoring.canary.measure import CanaryPartition, measure_canary
from nightshift.monitoring.canary.page import render, title
from nightshift.monitoring.canary.readout import readings
from nightshift.monitoring.canary.record import CanaryNight, GroupOfRows, RowSums
from nightshift.partitions import following
from nightshift.spec.canary import Canary
from nightshift.stores.canaries import StandingCanary
from nightshift.stores.manifest import Manifest

NIGHT = "2024-01-12"
# The champion's rows first, then those of the canary.
VERSIONS = ["1", "1", "1", "2", "2", "2"]
ROWS = len(VERSIONS)
OF_BINARY = [0.1, 0.9, 0.2, 0.2, 0.8, 0.6]
OF_CLASSES = [[0.6, 0.3, 0.1]] * 5 + [[0.1, 0.1, 0.8]]
OF_NUMBERS = [1.0, 2.0, 3.0, 1.0, 2.0, 9.0]
OF_SETS = [[0.8, 0.2, 0.2]] * 5 + [[0.8, 0.8, 0.2]]
OF_QUANTILES = [[1.0, 2.0, 3.0]] * 5 + [[0.0, 3.0, 6.0]]


def pin(version):
    return Pin(model="m", version=version, run_id="r", sha256="a", key="k", snapshot_md5="b", trained_through=NIGHT)


class Night:
    """What a lake has of one night: by whom each row was scored, how, and with which outcomes."""

    def __init__(self, spec, scores, outcomes=None, night=NIGHT, threshold=None):
        self.spec, self.night, self.tables = spec, night, {}
        columns = label_type(spec).published_columns(np.array(scores, np.float32))
        fields = label_type(spec).published_fields()
        typed = {field.name: pa.array(column, field.type) for field, column in zip(fields, columns, strict=True)}
        predictions = self.put(Dataset.PREDICTIONS, {**typed, "model_version": VERSIONS, "run_id": ["r"] * ROWS})
        labels = None
        if outcomes is not None:
            cast = label_type(spec).cast(pa.array(outcomes), "here")
            labels = self.put(Dataset.LABELS, {spec.label.column: cast})
        self.partition = CanaryPartition(predictions, CanaryPin(pin("2"), 0.5, 7, threshold), labels)

    def put(self, dataset, columns):
        table = pa.table({"site": ["north"] * ROWS, "number": pa.array(range(ROWS), pa.int32()), **columns})
        self.tables[dataset] = table
        provenance = {"pin": vars(pin("1"))} if dataset is Dataset.PREDICTIONS else {}
        return Manifest(
            dataset=dataset, model="m", column="day", partition=self.night, generation="g", previous=None, rows=ROWS,
            rows_in=ROWS, rows_quarantined=0, schema={field.name: str(field.type) for field in table.schema},
            files=(), provenance=provenance,
        )  # fmt: skip


def measured(night, before=None):
    nights = {each.night: each for each in (night, before) if each}

    def read(manifest, columns=None):
        table = nights[manifest.partition].tables[manifest.dataset]
        return table.select(columns) if columns else table

    stores = SimpleNamespace(lake=SimpleNamespace(read=read))
    return measure_canary(night.spec, night.partition, before.partition if before else None, stores)


def named(spec, text):
    """The spec's classes for a, b and c."""
    if text is None:
        return None
    classes = dict(zip("abc", spec.label.classes, strict=True))
    return "|".join(classes[letter] for letter in text.split("|") if letter)


@pytest.mark.parametrize(
    ("kind", "scores", "outcomes", "losses"),
    [
        ("binary", OF_BINARY, [0, 1, None, 0, None, 1], (-np.log(0.9 * 0.9), -np.log(0.8 * 0.6))),
        ("multiclass", OF_CLASSES, ["a", "a", None, "a", None, "c"], (-np.log(0.6 * 0.6), -np.log(0.6 * 0.8))),
        ("regression", OF_NUMBERS, [1.0, 3.0, None, 2.0, None, 5.0], (1.0, 1.0 + 16.0)),
    ],
)
def test_a_night_says_what_each_version_made_of_its_own_rows(of_kind, kind, scores, outcomes, losses):
    spec = of_kind(kind)
    if spec.label.classes:
        outcomes = [named(spec, text) for text in outcomes]
    before = measured(Night(spec, scores))
    assert (before.has_labels, before.labels, before.rows) == (False, "", ROWS)
    record = measured(Night(spec, scores, outcomes))
    assert (record.version, record.champion, record.number, record.share) == ("2", "1", 7, 0.5)
    assert (record.of_champion.rows, record.of_champion.labelled) == (3, 2)
    assert (record.of_canary.rows, record.of_canary.labelled) == (3, 2)
    known = (record.of_champion.figures["loss"].total, record.of_canary.figures["loss"].total)
    assert known == pytest.approx(losses, abs=1e-5)
    assert title(record) == f"{NIGHT}: version 2 scored 50.0% of the rows as a canary"
    assert "Its labels are not there yet" in render(before)
    assert "mean loss of a labelled row" in render(record)
    assert CanaryNight.from_json(record.to_json(), "here") == record


@pytest.mark.parametrize(
    ("kind", "scores", "outcomes"),
    [("multilabel", OF_SETS, ["a", "", "a", "a", "", "a|b"]), ("quantile", OF_QUANTILES, [2.0, 1, 2, 2.0, 1, 5])],
)
def test_rows_of_several_scores_have_a_loss_and_no_mean_score(of_kind, kind, scores, outcomes):
    spec = of_kind(kind)
    if spec.label.classes:
        outcomes = [named(spec, text) for text in outcomes]
    record = measured(Night(spec, scores, outcomes))
    assert (set(record.of_champion.figures), record.has_labels) == ({"loss"}, True)


def test_shares_and_scores_are_those_of_what_each_of_them_decided(of_kind, change):
    """By its own threshold, which the canary's pin has where a training sets it."""
    costs = {"false_alarm": 1.0, "miss": 4.0}
    learnt = {"costs": costs, "learn_threshold": True, "threshold": None}
    spec = change(of_kind("binary"), predict=learnt, gates={"metric": "cost"})
    night = Night(spec.with_threshold(0.5), OF_BINARY, [0, 1, 0, 0, 0, 1], threshold=0.7)
    night.spec = spec
    record = measured(night)
    assert (record.metric, record.of_champion.mean("predicted"), record.of_canary.mean("predicted")) == (
        "cost",
        pytest.approx(1 / 3),
        pytest.approx(1 / 3),
    )
    assert record.of_champion.mean("score") == pytest.approx(0.4)
    # One row that came was missed, and one that did not was alarmed about.
    assert record.of_canary.figures["loss"].total == 5.0


def test_how_alike_a_key_is_on_two_nights_is_measured_in_its_group(of_kind):
    spec = of_kind("regression")
    first = Night(spec, OF_NUMBERS, [0.0, 2.0, 3.0, 1.0, 2.0, 7.0], night="2024-01-11")
    record = measured(Night(spec, OF_NUMBERS, [0.0, 2.0, None, 1.0, 2.0, 6.0]), first)
    champion, canary = record.of_champion.figures["loss"], record.of_canary.figures["loss"]
    # Losses 1, 0 after 1, 0, 0; and 0, 0, 9 after 0, 0, 4.
    assert (champion.before, champion.again) == (3, pytest.approx(0.5 * 2 / 3 + 0.5 / 3))
    assert (canary.before, canary.again) == (3, pytest.approx(3 * 4 / 3 * 2 + 6 * 8 / 3))
    assert measured(Night(spec, OF_NUMBERS, [0.0] * ROWS)).of_canary.figures["loss"].before == 0


def record_of(night, harm, noise):
    champion = RowSums(rows=90, total=45.0)
    canary = RowSums(rows=10, total=10 * (0.5 + harm + noise))
    return CanaryNight(
        model="m", night=night, version="2", champion="1", number=7, share=0.1, predictions="p", labels="l",
        metric="log_loss", of_champion=GroupOfRows(rows=90, figures={"loss": champion}),
        of_canary=GroupOfRows(rows=10, figures={"loss": canary}),
    )  # fmt: skip


NOISE = 0.02 * np.random.default_rng(7).normal(size=60)


def evidence(harm, nights, **rule):
    records = [record_of(night, harm, NOISE[place]) for place, night in enumerate(following("2024-01-02", nights))]
    standing = StandingCanary(SimpleNamespace(version="2"), champion="1", since="2024-01-02", share=0.1, number=7)
    return CanaryEvidence(Canary(**rule), standing, records)


@pytest.mark.parametrize(
    ("harm", "nights", "outcome"),
    [(0.5, 9, "open"), (0.5, 10, "harmful"), (0.0, 27, "open"), (0.0, 28, "held"), (-0.5, 28, "held")],
)
def test_nights_together_take_it_back_or_let_it_take_over(harm, nights, outcome):
    judged = evidence(harm, nights)
    assert judged.outcome == outcome
    assert judged.row.verdict == outcome
    assert f"{nights} of 28 labelled nights" in judged.reason


def test_nights_that_all_say_the_same_take_nobody_back():
    judged = CanaryEvidence(Canary(), evidence(0, 1).canary, [record_of(n, 0.5, 0) for n in following(NIGHT, 12)])
    assert (judged.outcome, judged.difference) == ("open", None)
    assert "say all the same" in judged.reason


def test_the_readout_tells_each_version_and_the_difference_for_one_look_and_for_many():
    *others, loss = readings(evidence(0.1, 20).nights, 0.95)
    assert [other.difference for other in others] == [None, None]
    assert (loss.name, loss.nights) == ("loss", 20)
    assert loss.champion.mean == pytest.approx(0.5)
    assert loss.canary.mean == pytest.approx(0.6, abs=0.02)
    assert loss.sequence.low < loss.difference.low < 0.1 < loss.difference.high < loss.sequence.high
    assert readings(evidence(0.1, 1).nights, 0.95)[-1].difference is None

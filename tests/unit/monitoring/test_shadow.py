"""A challenger in shadow, night by night and together: the same for every kind of label."""

from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest

from nightshift.contracts import Dataset
from nightshift.errors import LostRows
from nightshift.modelling.label_types import label_type
from nightshift.monitoring.shadow.measure import measure_shadow, summed_by
from nightshift.monitoring.shadow.page import render, title
from nightshift.monitoring.shadow.record import ShadowNight
from nightshift.monitoring.shadow.verdict import ShadowEvidence
from nightshift.partitions import following
from nightshift.spec.shadow import Shadow
from nightshift.stores.manifest import Manifest
from nightshift.stores.shadows import StandingShadow

ROWS = 4
NIGHT = "2024-01-12"
OF_BINARY = ([0.1, 0.9, 0.2, 0.4], [0.2, 0.8, 0.2, 0.6])
OF_CLASSES = ([[0.6, 0.3, 0.1]] * 4, [[0.6, 0.3, 0.1]] * 3 + [[0.1, 0.1, 0.8]])
OF_NUMBERS = ([1.0, 2.0, 3.0, 4.0], [1.0, 2.0, 3.0, 9.0])
# Of three classes each by itself, and quantiles 0.1, 0.5 and 0.9 of which the challenger's are wider.
OF_SETS = ([[0.8, 0.2, 0.2]] * 4, [[0.8, 0.2, 0.2]] * 3 + [[0.8, 0.8, 0.2]])
OF_QUANTILES = ([[1.0, 2.0, 3.0]] * 4, [[1.0, 2.0, 3.0]] * 3 + [[0.0, 3.0, 6.0]])


class Night:
    """What a lake has of one night: by whom it was scored, how, and with which outcomes."""

    def __init__(self, spec, scores, outcomes=None):
        self.spec, self.tables, self.manifests = spec, {}, {}
        for dataset, version, of_version in zip((Dataset.PREDICTIONS, Dataset.SHADOW), "12", scores, strict=True):
            columns = label_type(spec).published_columns(np.array(of_version, np.float32))
            fields = label_type(spec).published_fields()
            typed = {field.name: pa.array(column, field.type) for field, column in zip(fields, columns, strict=True)}
            self.put(dataset, typed, version)
        if outcomes is not None:
            self.put(Dataset.LABELS, {spec.label.column: label_type(spec).cast(pa.array(outcomes), "here")}, None)

    def put(self, dataset, columns, version):
        table = pa.table({"site": ["north"] * ROWS, "number": pa.array(range(ROWS), pa.int32()), **columns})
        pin = {"model": "m", "version": version, "run_id": "r", "sha256": "a", "key": "k", "snapshot_md5": "b"}
        self.tables[dataset] = table
        self.manifests[dataset] = Manifest(
            dataset=dataset, model="m", column="day", partition=NIGHT, generation=f"g{version}", previous=None,
            rows=ROWS, rows_in=ROWS, rows_quarantined=0, schema={field.name: str(field.type) for field in table.schema},
            files=(), provenance={"pin": {**pin, "trained_through": "2024-01-01"}} if version else {},
        )  # fmt: skip

    def read(self, manifest, columns=None):
        table = self.tables[manifest.dataset]
        return table.select(columns) if columns else table

    @property
    def record(self):
        stores = SimpleNamespace(lake=self)
        labels = self.manifests.get(Dataset.LABELS)
        scored = (self.manifests[Dataset.PREDICTIONS], self.manifests[Dataset.SHADOW])
        return measure_shadow(self.spec, *scored, labels, stores)


def named(spec, text):
    """The spec's classes for a, b and c."""
    if text is None:
        return None
    classes = dict(zip("abc", spec.label.classes, strict=True))
    return "|".join(classes[letter] for letter in text.split("|") if letter)


@pytest.mark.parametrize(
    ("kind", "scores", "outcomes", "same", "at_most", "difference"),
    [
        ("binary", OF_BINARY, [0.0, 1.0, None, 1.0], 0.75, 0.2, -np.log(0.8 * 0.8 * 0.6) + np.log(0.9 * 0.9 * 0.4)),
        ("multiclass", OF_CLASSES, ["a", "a", None, "c"], 0.75, 0.7, np.log(0.1) - np.log(0.8)),
        ("regression", OF_NUMBERS, [1.0, 2.0, None, 5.0], None, 5.0, 16.0 - 1.0),
        ("multilabel", OF_SETS, ["a", "", None, "a|b"], 0.75, 0.6, (np.log(0.2) - np.log(0.8)) / 3),
        ("quantile", OF_QUANTILES, [2.0, 1.0, None, 5.0], None, 3.0, (1.6 - 3.7) / 3),
    ],
)
def test_a_night_says_how_far_apart_the_two_are_and_who_lost_less(
    of_kind, kind, scores, outcomes, same, at_most, difference
):
    spec = of_kind(kind)
    if spec.label.classes:
        outcomes = [named(spec, text) for text in outcomes]
    before = Night(spec, scores).record
    assert (before.labelled, before.labels, before.version, before.champion) == (0, "", "2", "1")
    record = Night(spec, scores, outcomes).record
    assert (record.labelled, record.disagreement.same) == (3, same)
    assert record.disagreement.at_most == pytest.approx(at_most, abs=1e-6)
    assert record.difference == pytest.approx(difference, abs=1e-5)
    assert "version 2" in title(record)
    assert "Who was right" in render(record, "http://mlflow")
    assert "labels are not there yet" in render(before, "http://mlflow")
    assert ShadowNight.from_json(record.to_json(), "here") == record


def test_costs_are_those_of_what_each_of_them_decided(of_kind, change):
    """By its own threshold, which its manifest has where a training sets it."""
    costs = {"false_alarm": 1.0, "miss": 4.0}
    spec = change(of_kind("binary"), predict={"costs": costs, "threshold": 0.2}, gates={"metric": "cost"})
    record = Night(spec, OF_BINARY, [0.0, 1.0, 0.0, 0.0]).record
    assert record.metric == "cost"
    assert (record.champion_loss, record.difference) == (2.0, 1.0)


def test_what_decides_is_summed_over_rows_where_it_can_be(of_kind, change):
    spec = of_kind("binary")
    assert summed_by(change(spec, gates={"metric": "brier"})) == "brier"
    assert summed_by(change(spec, gates={"metric": "roc_auc"})) == "log_loss"


def test_other_rows_are_no_comparison(of_kind):
    night = Night(of_kind("regression"), OF_NUMBERS)
    night.tables[Dataset.SHADOW] = night.tables[Dataset.SHADOW].slice(1)
    with pytest.raises(LostRows, match="its rows are not those of the champion's"):
        _ = night.record


@pytest.mark.parametrize("renamed", [{"score": "p_late"}, {"prediction": "flagged"}])
@pytest.mark.parametrize("whose", [{Dataset.PREDICTIONS}, {Dataset.SHADOW}, {Dataset.PREDICTIONS, Dataset.SHADOW}])
def test_a_night_of_other_columns_than_the_spec_has_now_says_nothing(of_kind, change, renamed, whose):
    spec = of_kind("binary")
    before, night = Night(spec, OF_BINARY), Night(change(spec, predict=renamed), OF_BINARY)
    assert night.record is not None
    for dataset in whose:
        night.tables[dataset], night.manifests[dataset] = before.tables[dataset], before.manifests[dataset]
    assert night.record is None


def evidence(differences, look=1, **rule):
    """Nights of 100 rows on which the champion lost 0.5 a row."""
    nights = []
    for night, difference in zip(following("2024-01-02", len(differences)), differences, strict=True):
        record = ShadowNight(
            model="m", night=night, version="2", champion="1", predictions="p", shadow="s", rows=100,
            disagreement=None, metric="log_loss", labelled=100, difference=100 * difference, champion_loss=50.0,
        )  # fmt: skip
        nights.append(record)
    standing = StandingShadow(record=None, champion="1", since="2024-01-02", number=2, look=look)
    return ShadowEvidence(Shadow(**rule), standing, nights)


NOISE = 0.02 * np.random.default_rng(7).normal(size=60)


@pytest.mark.parametrize(
    ("shift", "nights", "outcome"),
    [
        (-0.2, 9, "open"),
        (-0.2, 10, "better"),
        (0.2, 10, "worse"),
        (0.0, 12, "open"),
        (0.0, 60, "ended"),
    ],
)
def test_nights_together_decide(shift, nights, outcome):
    judged = evidence(NOISE[:nights] + shift, gain=0.001)
    assert judged.outcome == outcome
    assert judged.row.verdict == outcome


@pytest.mark.parametrize(
    ("kind", "poor", "good", "outcomes"),
    [
        ("multilabel", [0.3, 0.6, 0.5], [0.9, 0.5, 0.1], ["a", "a|b"]),
        ("quantile", [10.0, 11.0, 12.0], [-1.0, 0.0, 1.0], [-1.2, -0.5, 0.2, 0.7, 1.3]),
    ],
)
@pytest.mark.parametrize("verdict", ["better", "worse"])
def test_measured_nights_decide_for_labels_of_several_scores(of_kind, kind, poor, good, outcomes, verdict):
    spec = of_kind(kind)
    by_version = (poor, good) if verdict == "better" else (good, poor)
    scores = [[of_version] * ROWS for of_version in by_version]
    random = np.random.default_rng(3)
    measured = []
    for night in following("2024-01-02", 12):
        came = list(random.choice(outcomes, ROWS))
        labels = [named(spec, str(text)) for text in came] if spec.label.classes else came
        measured.append(Night(spec, scores, labels).record.model_copy(update={"night": night}))
    standing = StandingShadow(record=None, champion="1", since="2024-01-02", number=2, look=1)
    judged = ShadowEvidence(Shadow(), standing, measured)
    assert judged.outcome == verdict
    assert judged.reason.startswith(spec.metric)


@pytest.mark.parametrize("difference", [-0.3, 0.3, 0.0, 1e-300])
@pytest.mark.parametrize(("nights", "outcome"), [(10, "open"), (59, "open"), (60, "ended")])
def test_nights_without_spread_decide_nothing(difference, nights, outcome):
    judged = evidence([difference] * nights)
    assert (judged.outcome, judged.difference) == (outcome, None)
    assert f"all {nights} labelled nights against version 1 in its shadow say the same" in judged.reason
    assert judged.row.low is None


def test_who_surely_gains_too_little_is_stopped():
    assert evidence(NOISE, gain=0.05).outcome == "futile"
    assert "surely no gain of 0.05" in evidence(NOISE, gain=0.05).reason
    assert evidence(NOISE).gain == pytest.approx(0.005)


def test_each_challenger_of_a_champion_is_asked_for_more():
    first, second, third = (evidence(NOISE[:20] - 0.05, look=look) for look in (1, 2, 3))
    assert [judged.alpha for judged in (first, second, third)] == pytest.approx([0.025, 0.05 / 6, 0.05 / 12])
    assert first.difference.high < second.difference.high < third.difference.high

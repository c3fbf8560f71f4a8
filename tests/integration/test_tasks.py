"""A regression, a multiclass and a binary set that are not the flights, from source to monitored night."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import sklearn.datasets
from sklearn import metrics as reference

from nightshift.contracts import Dataset, NightReport, PartitionRef, Verdict
from nightshift.errors import OtherLabel, SchemaMismatch
from nightshift.modelling.holdout import read_split
from nightshift.modelling.inputs import model_inputs
from nightshift.modelling.label_types import label_type
from nightshift.modelling.label_types.quantile import in_order
from nightshift.modelling.labelled_night import labelled
from nightshift.monitoring.accuracy import Accuracy, measure_arrived, read_record
from nightshift.monitoring.drift import MIN_NIGHTS
from nightshift.monitoring.night_record import read_night_record
from nightshift.profiles.profile import load_profile
from nightshift.spec import Label, ModelSpec, load_spec
from nightshift.steps.ingest import ingest_labels
from nightshift.steps.load import load
from nightshift.steps.monitor import monitor
from nightshift.steps.plan import plan
from nightshift.steps.predict import predict
from nightshift.steps.promote import promote
from nightshift.steps.retrain import train_and_gate
from nightshift.steps.score import score
from nightshift.steps.snapshot import snapshot
from nightshift.stores import Stores
from nightshift.training.evidence import read_evidence

pytestmark = pytest.mark.stack

WINDOW, HOLDOUT, LATER = 24, 10, 3
FIRST = pd.Timestamp("2024-01-01")
TRAINED_ON, *SCORED = [(FIRST + pd.Timedelta(days=WINDOW + n)).date().isoformat() for n in range(LATER)]

SOURCE = '''"""One of scikit-learn's sets, cut into nights; rows and labels of a night depend on its date alone."""

import datetime as dt

import numpy as np
import pandas as pd
from sklearn.datasets import load_{data}

NIGHTS = {nights}
FIRST = dt.date(2024, 1, 1)


def rows(night):
    data = load_{data}(as_frame=True)
    numbers = {numbers}
    frame = pd.DataFrame(numbers.astype("float32"), columns=[f"x{{i}}" for i in range(numbers.shape[1])])
    # One number as words, and some nulls.
    frame["size"] = pd.cut(frame["x2"], 3, labels=["small", "middle", "large"]).astype("str")
    frame.loc[frame.index % 9 == 4, "x3"] = np.nan
    frame["label"] = {label}
    frame["row"] = np.arange(len(frame), dtype="int32")
    order = np.random.default_rng(4).permutation(len(frame))
    place = (night - FIRST).days
    if not 0 <= place < NIGHTS:
        return frame.iloc[:0]
    return frame.iloc[np.array_split(order, NIGHTS)[place]]


def features(night):
    return rows(night).drop(columns="label")


def labels(night):
    found = rows(night)[["row", "label"]].copy()
    # One row in forty has no outcome.
    found.loc[found["row"] % 40 == 7, "label"] = None
    return found
'''


class Case(NamedTuple):
    """A set of scikit-learn's, which numbers of it are taken, what its label is, and how it is trained."""

    data: str
    numbers: str
    columns: int
    label: str
    spec: dict[str, Any]
    trainer: str
    parameters: dict[str, Any]
    gates: dict[str, Any]
    training: dict[str, Any] | None = None


NUMBERS = [str(number) for number in range(400)]
# Every check of every column is made anew for each night, so no case has more columns than it needs.
TEN = "data.data.to_numpy()[:, :10]"
SUMS_OF_BLOCKS = "data.images.reshape(-1, 4, 2, 4, 2).sum(axis=(2, 4)).reshape(-1, 16)"
THREE = ["benign", "malignant", "unclear"]
TREES = {"max_iter": 15, "learning_rate": 0.3, "max_leaf_nodes": 6, "min_samples_leaf": 8}
LEAVES = {"n_estimators": 15, "learning_rate": 0.3, "num_leaves": 6, "min_child_samples": 8}
SMALL_TREES = {"n_estimators": 40, "learning_rate": 0.1, "max_depth": 2, "min_child_weight": 5}
CASES = {
    "regression": Case(
        "diabetes", TEN, 10, "data.target", {"type": "regression"}, "xgboost", SMALL_TREES, {"at_least": {"r2": 0.2}}
    ),
    "multiclass": Case(
        "digits", SUMS_OF_BLOCKS, 16, "data.target",
        {"type": "multiclass", "classes": [str(digit) for digit in range(10)]},
        "lightgbm", LEAVES, {"at_least": {"accuracy": 0.8, "roc_auc": 0.9}},
    ),
    "binary": Case(
        "breast_cancer", TEN, 10, 'np.where(data.target == 1, "benign", "malignant")', {"positive": "malignant"},
        "neural_network", {"hidden_layer_sizes": "16", "max_iter": 800, "early_stopping": False, "tol": 0.001},
        {"at_least": {"roc_auc": 0.9}}, {"calibration": "platt", "recency_half_life": 30},
    ),
    "quantile": Case(
        "diabetes", TEN, 10, "data.target", {"type": "quantile", "quantiles": [0.1, 0.5, 0.9]},
        "hist_gradient_boosting", {"max_iter": 40, "learning_rate": 0.1, "max_leaf_nodes": 4, "min_samples_leaf": 20},
        {"at_least": {"pinball_skill": 0.05, "coverage_error": 0.25}},
    ),
}  # fmt: skip


class World(NamedTuple):
    """A model that went the whole way."""

    kind: str
    spec: ModelSpec
    stores: Stores
    pipeline: Any
    verdict: Verdict
    published: PartitionRef
    reports: list[NightReport]

    def read(self, night: str = SCORED[0]) -> pd.DataFrame:
        lake = self.stores.lake
        return lake.read(lake.require(self.spec.key(Dataset.PREDICTIONS, night))).to_pandas()

    def outcomes(self, night: str = SCORED[0]) -> pa.Table:
        return labelled(self.spec, night, self.stores)

    def record(self) -> Accuracy:
        found = read_record(self.spec.name, SCORED[0], self.stores)
        assert found
        return found


def model(case: Case, make_project: Callable[..., Path], root: Path) -> Path:
    source = SOURCE.format(data=case.data, numbers=case.numbers, label=case.label, nights=WINDOW + LATER)
    folder = make_project(root, source=source)
    numbers = {f"x{place}": {"type": "float32", "nullable": place == 3} for place in range(case.columns)}
    spec = {
        "name": folder.name,
        "description": f"scikit-learn's {case.data}",
        "source": {"python": "source.py"},
        "partition": {"column": "day", "start": "2024-01-01"},
        "keys": ["row"],
        "columns": {"row": {"type": "int32", "feature": False}, **numbers, "size": {"type": "string"}},
        "label": {"column": "label", "delay_days": 1, **case.spec},
        "training": {
            "window_days": WINDOW, "holdout_days": HOLDOUT, "trainer": case.trainer, "parameters": case.parameters,
            **(case.training or {}),
        },
        "gates": {"resamples": 200, **case.gates},
        "optimize": {"variants": ["codes"]},
        "predict": {"score": "p", "prediction": "said"},
        "drift": {"features": ["x3", "size"]},
    }  # fmt: skip
    (folder / "model.yaml").write_text(json.dumps(spec))
    return folder


@pytest.fixture(scope="module", params=list(CASES))
def world(
    request: pytest.FixtureRequest,
    make_project: Callable[..., Path],
    open_stores: Callable[..., Stores],
    tmp_path_factory: pytest.TempPathFactory,
) -> World:
    folder = model(CASES[request.param], make_project, tmp_path_factory.mktemp(request.param))
    spec, stores = load_spec(folder / "model.yaml"), open_stores(folder.parents[1])
    loaded = load(spec, "2024-01-01", SCORED[-1], stores)
    assert loaded.loaded == WINDOW + LATER
    assert load(spec, "2024-01-01", SCORED[-1], stores).loaded == 0
    verdict = train_and_gate(spec, snapshot(spec, TRAINED_ON, stores), stores)
    assert verdict.promote, verdict.reasons
    promote(spec, verdict, stores)
    published, reports = [], []
    for night in SCORED:
        published.append(predict(spec, night, stores))
        reports.append(monitor(spec, night, stores))
    with stores.registry.session(spec.name) as mlflow:
        pipeline = mlflow.sklearn.load_model(verdict.candidate.trained.model_uri)
    return World(request.param, spec, stores, pipeline, verdict, published[0], reports)


def expected(world: World, table: pa.Table) -> np.ndarray:
    """What scikit-learn says of the rows, in the shape of the published columns."""
    frame = model_inputs(world.spec, table)
    if world.kind == "regression":
        return np.asarray(world.pipeline.predict(frame)).reshape(-1, 1)
    if world.kind == "quantile":
        return in_order(world.pipeline.predict(frame), 1)
    probabilities = world.pipeline.predict_proba(frame)
    return probabilities if world.kind == "multiclass" else probabilities[:, 1:]


def test_the_gate_lets_the_first_champion_through(world: World) -> None:
    assert world.verdict.promote, world.verdict.reasons
    assert world.stores.aliases.version(world.spec.name, "champion") == "1"


def test_what_is_published_is_what_scikit_learn_says_of_the_same_rows(world: World) -> None:
    found, rows = world.read(), world.outcomes()
    assert world.published.rows == rows.num_rows == len(found) > 10
    assert found["row"].tolist() == rows["row"].to_pylist()
    columns = {"binary": ["p"], "multiclass": [f"p_{digit}" for digit in range(10)], "regression": ["said"]}
    columns["quantile"] = ["p_q10", "p_q50", "p_q90"]
    names = columns[world.kind]
    assert list(found) == list(dict.fromkeys(["row", *names, "said", "model_version", "run_id"]))
    scores = expected(world, rows)
    assert found[names].to_numpy() == pytest.approx(scores, rel=1e-5, abs=1e-5)
    if world.kind == "binary":
        assert found["said"].tolist() == (scores[:, 0] >= 0.5).tolist()
    if world.kind == "quantile":
        assert found["said"].tolist() == found["p_q50"].tolist()
    if world.kind == "multiclass":
        assert found["said"].tolist() == [str(place) for place in scores.argmax(axis=1)]


def test_metrics_of_the_judged_nights_are_those_of_scikit_learn(world: World) -> None:
    split = read_split(world.spec, world.verdict.candidate.trained.snapshot, world.stores)
    judged, scores = read_evidence(world.spec, world.verdict.candidate, split, world.stores)
    labels, found = judged.labels, world.verdict.metrics
    scores = scores.reshape(len(labels), -1)
    assert len(np.unique(judged.nights)) > HOLDOUT
    if world.kind == "regression":
        wanted = {
            "rmse": reference.root_mean_squared_error(labels, scores),
            "mae": reference.mean_absolute_error(labels, scores),
            "r2": reference.r2_score(labels, scores),
        }
    elif world.kind == "quantile":
        levels = enumerate([0.1, 0.5, 0.9])
        losses = [reference.mean_pinball_loss(labels, scores[:, place], alpha=level) for place, level in levels]
        is_inside = (labels >= scores[:, 0]) & (labels <= scores[:, 2])
        wanted = {"pinball": np.mean(losses), "coverage": is_inside.mean()}
    elif world.kind == "multiclass":
        wanted = {
            "log_loss": reference.log_loss(labels, scores),
            "accuracy": reference.accuracy_score(labels, scores.argmax(axis=1)),
            "roc_auc": reference.roc_auc_score(labels, scores, multi_class="ovr"),
            "f1": reference.f1_score(labels, scores.argmax(axis=1), average="macro"),
        }
    else:
        wanted = {
            "log_loss": reference.log_loss(labels, scores[:, 0]),
            "roc_auc": reference.roc_auc_score(labels, scores[:, 0]),
            "f1": reference.f1_score(labels, scores[:, 0] >= 0.5),
        }
    assert {name: found[name] for name in wanted} == pytest.approx(wanted, rel=1e-3)
    assert len(split.unlabelled.labels) > 0


def test_a_night_is_watched_by_what_it_publishes(world: World) -> None:
    watched = "p" if world.kind == "binary" else "said"
    record = read_night_record(world.spec, SCORED[0], world.stores)
    assert record
    by_name = {feature.feature: feature for feature in record.drift.features}
    assert set(by_name) == {"x3", "size", watched}
    assert by_name[watched].calibrated
    assert HOLDOUT >= MIN_NIGHTS
    found = world.read()
    assert sum(by_name[watched].counts) == len(found)
    assert by_name[watched].kind == ("category" if world.kind == "multiclass" else "numeric")
    if world.kind == "multiclass":
        counted = dict(zip(by_name[watched].categories, by_name[watched].counts, strict=False))
        assert {name: n for name, n in counted.items() if n} == found["said"].value_counts().to_dict()


def test_the_counts_of_the_scoring_pass_are_those_of_the_rows(world: World) -> None:
    lake, pin = world.stores.lake, world.stores.aliases.champion(world.spec.name)[0]
    profile = load_profile(pin, lake)
    manifest = lake.require(world.spec.key(Dataset.PREDICTIONS, SCORED[0]))
    columns = {**dict(zip(world.outcomes().column_names, world.outcomes().columns, strict=True))}
    columns |= {name: lake.read(manifest)[name] for name in ("said", *world.spec.scores)}
    assert {n: list(v) for n, v in manifest.counts.items()} == {
        n: v.tolist() for n, v in profile.count(columns).items()
    }


def test_a_night_whose_labels_arrived_is_measured_in_the_loss_of_its_model(world: World) -> None:
    assert world.reports[1].accuracy_nights == [SCORED[0]]
    record, rows = world.record(), world.outcomes()
    known = np.array([label is not None for label in rows["label"].to_pylist()])
    assert (record.rows, record.labelled) == (rows.num_rows, known.sum())
    labels, scores = np.array(rows["label"].to_pylist(), dtype=object)[known], expected(world, rows)[known]
    if world.kind == "regression":
        wanted = {"squared_error": reference.mean_squared_error(labels.astype(float), scores)}
    elif world.kind == "quantile":
        levels = enumerate([0.1, 0.5, 0.9])
        truth = labels.astype(float)
        losses = [reference.mean_pinball_loss(truth, scores[:, place], alpha=level) for place, level in levels]
        wanted = {"pinball": np.mean(losses)}
        assert set(record.skill.uncovered) == {"q10", "q50", "q90"}
        assert record.skill.uncovered["q10"] == pytest.approx(0.1 - (truth <= scores[:, 0]).mean())
        assert record.metrics["coverage"] is not None
    elif world.kind == "multiclass":
        wanted = {"log_loss": reference.log_loss(labels.astype(int), scores, labels=range(10))}
    else:
        wanted = {"log_loss": reference.log_loss(labels.astype(float), scores[:, 0], labels=[0, 1])}
    assert record.loss == next(iter(wanted))
    assert record.metrics[record.loss] == pytest.approx(wanted[record.loss], rel=1e-3)
    assert record.limit is not None
    assert record.skill.rank is not None
    assert record.pooled.nights == (record.night,)
    assert record.lost is record.pooled.lost
    page = world.stores.lake.objects.get(world.reports[1].report_key)
    assert page
    assert record.loss.replace("_", " ") in page[0].decode()


def test_a_label_stays_with_its_row_whatever_the_index_of_the_frame(world: World) -> None:
    """The source gives frames with an index of their own; labels laid against it went to other rows, or to none."""
    data = getattr(sklearn.datasets, f"load_{CASES[world.kind].data}")()
    for row, label in world.outcomes().select(["row", "label"]).to_pandas().itertuples(index=False):
        true = data.target[row]
        wanted = {"regression": true, "quantile": true, "multiclass": str(true), "binary": float(true == 0)}[world.kind]
        assert pd.isna(label) if row % 40 == 7 else label == wanted


def relabelled(spec: ModelSpec, **changes: Any) -> ModelSpec:
    return spec.model_copy(update={"label": Label.model_validate({**spec.label.model_dump(), **changes})})


def test_labels_of_another_kind_are_refused_with_what_was_got(world: World) -> None:
    changes, said = {
        "regression": ({"type": "binary"}, "a binary label is true or false"),
        "quantile": ({"type": "binary", "quantiles": []}, "a binary label is true or false"),
        "multiclass": ({"classes": ["0", "1", "2"]}, r"which label\.classes lacks"),
        "binary": ({"type": "regression", "positive": None}, "a regression's label is a number"),
    }[world.kind]
    with pytest.raises(SchemaMismatch, match=rf"label label .*{said}"):
        ingest_labels(relabelled(world.spec, **changes), SCORED[0], world.stores)


def test_a_changed_kind_of_label_brings_the_nights_again(world: World) -> None:
    """Labels of one kind in some nights and of another in the rest would be a snapshot that nothing can read."""
    changes, kind = {
        "regression": ({"type": "multiclass", "classes": NUMBERS}, pa.string()),
        "quantile": ({"type": "multiclass", "classes": NUMBERS, "quantiles": []}, pa.string()),
        "multiclass": ({"type": "regression", "classes": []}, pa.float64()),
        "binary": ({"type": "multiclass", "classes": THREE, "positive": None}, pa.string()),
    }[world.kind]
    other = relabelled(world.spec, **changes)
    assert measure_arrived(other, SCORED[-1], world.stores) == []
    with pytest.raises(SchemaMismatch, match=rf"a {other.label.type} label is {kind}"):
        label_type(other).as_targets(labelled(other, SCORED[-1], world.stores)["label"])
    assert load(other, SCORED[-1], SCORED[-1], world.stores).loaded == 1
    assert labelled(other, SCORED[-1], world.stores)["label"].type == kind
    assert load(world.spec, SCORED[-1], SCORED[-1], world.stores).loaded == 1


@pytest.mark.parametrize("world", ["multiclass"], indirect=True)
def test_a_candidate_for_other_classes_is_not_held_against_a_champion_that_never_heard_of_them(world: World) -> None:
    """Its graph could not be opened, so no candidate could ever follow a change of the label."""
    other = relabelled(world.spec, classes=tuple(reversed(world.spec.label.classes)))
    with pytest.raises(OtherLabel, match=r"was trained for .*\"0\", \"1\".* is now .*\"9\", \"8\""):
        score(other, plan(other, SCORED[0], world.stores), plan(other, SCORED[0], world.stores).shards[0], world.stores)
    verdict = train_and_gate(other, snapshot(other, TRAINED_ON, world.stores), world.stores)
    assert (verdict.promote, verdict.champion) == (True, "1")
    assert verdict.reasons[0].startswith("the first for this label; of version 1: ")
    assert verdict.metrics["accuracy"] > 0.8

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nightshift.errors import LostRows
from nightshift.modelling.metrics import binary_metrics
from nightshift.monitoring.accuracy_record import is_lost
from nightshift.monitoring.arrivals import arrived
from nightshift.monitoring.labelled import join, metrics, of_this_label
from nightshift.monitoring.limit import loss_limit
from nightshift.profiles.profile import HoldoutNight


def predictions(numbers, scores):
    sites = ["north"] * len(numbers)
    return pa.table({"site": sites, "number": pa.array(numbers, pa.int32()), "score": pa.array(scores, pa.float32())})


def labels(numbers, outcomes):
    sites = ["north"] * len(numbers)
    return pa.table({"site": sites, "number": pa.array(numbers, pa.int32()), "late": pa.array(outcomes, pa.float32())})


def holdout(losses, rows=100, variance=0.25):
    return [
        HoldoutNight(night=f"2024-01-{i + 1:02d}", rows=rows, loss=v, variance=variance) for i, v in enumerate(losses)
    ]


def test_every_prediction_is_kept_whether_labelled_or_not(spec):
    scores, outcomes, orphans = join(
        spec, predictions([3, 1, 2, 4], [0.3, 0.1, 0.2, 0.4]), labels([9, 3, 2, 1], [1.0, 0.0, None, 1.0])
    )
    assert scores.tolist() == pytest.approx([0.1, 0.2, 0.3, 0.4])
    assert np.isnan(outcomes).tolist() == [False, True, False, True]
    assert outcomes[[0, 2]].tolist() == [1, 0]
    assert orphans == 1


@pytest.mark.parametrize("keys", [[1, 1], [1, 2, 2]])
def test_repeated_keys_of_labels_are_an_error(spec, keys):
    with pytest.raises(LostRows, match="duplicate keys"):
        join(spec, predictions([1, 2], [0.1, 0.2]), labels(keys, [0.0] * len(keys)))


def test_metrics_of_known_scores(spec):
    found = metrics(spec, "log_loss", np.array([0.9, 0.6, 0.4, 0.2]), np.array([1.0, 0.0, 1.0, 0.0]))
    assert found == pytest.approx({
        "roc_auc": 0.75,
        "pr_auc": 5 / 6,
        "log_loss": -np.log([0.9, 0.4, 0.4, 0.8]).mean(),
        "brier": np.mean([0.01, 0.36, 0.36, 0.04]),
        "f1": 0.5,
        "accuracy": 0.5,
        "base_rate": 0.5,
        "base_rate_log_loss": np.log(2),
    })


@pytest.mark.parametrize("outcome", [0.0, 1.0])
def test_a_night_of_one_class_has_no_area(spec, outcome):
    found = metrics(spec, "log_loss", np.array([0.2, 0.7]), np.full(2, outcome))
    assert found["roc_auc"] is None
    assert found["log_loss"] == pytest.approx(-np.log(np.abs(1 - outcome - np.array([0.2, 0.7]))).mean())


def test_a_night_without_labels_has_no_metrics(spec):
    assert set(metrics(spec, "brier", np.array([]), np.array([])).values()) == {None}


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=40))
@settings(deadline=None)
def test_no_constant_beats_the_base_rate(rows):
    scores, outcomes = np.array([r[0] for r in rows]), np.array([float(r[1]) for r in rows])
    constant = binary_metrics(outcomes, np.full(len(rows), scores.mean()), 0.5)
    assert constant["log_loss"] >= constant["base_rate_log_loss"] - 1e-9


def test_quiet_nights_lose_accuracy_as_often_as_promised():
    rng = np.random.default_rng(0)
    lost = [
        rng.normal(0.5, 0.1) > loss_limit(holdout(rng.normal(0.5, 0.1, 14), variance=0.0), 100, 0.05)
        for _ in range(1500)
    ]
    assert np.mean(lost) == pytest.approx(0.05, abs=0.02)


def test_nights_of_few_rows_have_a_wider_limit():
    nights = holdout([0.4, 0.5, 0.6, 0.5, 0.45])
    assert loss_limit(nights, 100, 0.01) == loss_limit(nights, 10_000, 0.01)
    assert loss_limit(nights, 10, 0.01) > loss_limit(nights, 100, 0.01)


def test_too_few_holdout_nights_give_no_limit():
    assert loss_limit(holdout([0.4] * 4), 100, 0.01) is None
    assert loss_limit(holdout([0.4] * 9), 0, 0.01) is None


@pytest.mark.parametrize(
    ("loss", "limit", "lost"), [(0.6, 0.5, True), (0.5, 0.5, False), (None, 0.5, False), (9.0, None, False)]
)
def test_lost_is_above_the_limit(loss, limit, lost):
    assert is_lost(loss, limit) is lost


def test_labels_arrive_after_the_delay_and_are_looked_for_a_fortnight(spec):
    nights = arrived(spec, "2024-03-01")
    assert (nights[0], nights[-1], len(nights)) == ("2024-02-16", "2024-02-29", 14)


def test_probabilities_of_classes_are_joined_with_the_class_that_came(of_kind):
    spec = of_kind("multiclass")
    keys = {"site": ["north"] * 3, "number": pa.array([2, 1, 3], pa.int32())}
    scored = pa.table({
        **keys,
        "score_on_time": [0.7, 0.1, 0.2],
        "score_late": [0.2, 0.1, 0.2],
        "score_late_2": [0.1, 0.8, 0.6],
    })
    came = pa.table({**keys, "late": ["on time", "Late", None]})
    scores, outcomes, orphans = join(spec, scored, came)
    assert scores.tolist() == [[0.1, 0.1, 0.8], [0.7, 0.2, 0.1], [0.2, 0.2, 0.6]]
    assert outcomes.tolist() == pytest.approx([1, 0, np.nan], nan_ok=True)
    assert orphans == 0
    found = metrics(spec, "log_loss", scores[:2], outcomes[:2])
    assert found["log_loss"] == pytest.approx(-np.log([0.1, 0.7]).mean())
    assert found["accuracy"] == 0.5
    assert found["roc_auc"] is None


def test_numbers_are_joined_with_the_number_that_came(of_kind):
    spec = of_kind("regression")
    keys = {"site": ["north"] * 2, "number": pa.array([2, 1], pa.int32())}
    scored = pa.table({**keys, "prediction": pa.array([10.0, 20.0], pa.float32())})
    scores, outcomes, _ = join(spec, scored, pa.table({**keys, "late": [13.0, None]}))
    assert scores.tolist() == [20.0, 10.0]
    assert outcomes.tolist() == pytest.approx([np.nan, 13.0], nan_ok=True)
    found = metrics(spec, "absolute_error", scores[1:], outcomes[1:])
    assert (found["absolute_error"], found["rmse"], found["r2"]) == (3.0, 3.0, None)


def test_nights_of_another_kind_of_label_are_not_measured_as_this_one(of_kind):
    """`prediction` was a boolean, then a number: its values would have been read as one."""
    columns = {"binary": {"score": "float", "prediction": "bool"}, "regression": {"prediction": "float"}}
    labels = {"binary": {"late": "float"}, "regression": {"late": "double"}}
    for mine in columns:
        for kind in columns:
            assert of_this_label(of_kind(mine), {"site": "string", **columns[kind]}, labels[kind]) is (mine == kind)
            assert of_this_label(of_kind(mine), columns[mine], labels[kind]) is (mine == kind)


def test_a_null_key_meets_the_outcome_of_a_null_key(spec):
    keys = {"site": ["north", None, "north"], "number": pa.array([1, 1, None], pa.int32())}
    scored = pa.table({**keys, "score": pa.array([0.1, 0.2, 0.3], pa.float32())})
    came = pa.table({**keys, "late": pa.array([0.0, 1.0, 1.0], pa.float32())}).take([2, 1, 0])
    scores, outcomes, orphans = join(spec, scored, came)
    assert dict(zip(scores.round(1).tolist(), outcomes.tolist(), strict=True)) == {0.1: 0.0, 0.2: 1.0, 0.3: 1.0}
    assert orphans == 0

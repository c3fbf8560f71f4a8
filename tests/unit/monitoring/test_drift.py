import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nightshift.monitoring.drift import DriftReference, NightValues, measure, prediction_limit, thresholds
from nightshift.profiles import distance
from nightshift.profiles.profile import build

FEATURES = ("kind", "amount", "weight", "items", "express")


def night(rng, rows, shift=0.0):
    """Rows of a quiet night: some features vary by row, some (as weather does) by night."""
    whole = rng.normal()
    amount = rng.normal(100 + 20 * shift, 20, rows)
    return {
        "kind": rng.choice(list("abcdef"), rows, p=rng.dirichlet([40, 30, 20, 5, 3, 2])),
        "amount": np.where(rng.random(rows) < 0.05, np.nan, amount),
        "weight": (rng.normal(0, 1, 3) + whole)[rng.integers(0, 3, rows)],
        "items": np.full(rows, rng.integers(1, 8)),
        "express": np.where(rng.random() < 0.6, 0.0, rng.gamma(0.7, 1, 3))[rng.integers(0, 3, rows)]
        if rng.random() < 0.5
        else np.zeros(rows),
        "score": 1 / (1 + np.exp(-(amount / 40 - 3 + 0.3 * whole + rng.normal(0, 0.5, rows)))),
    }


def reference(spec, rng, nights=76, holdout=14, rows=300):
    found = [night(rng, rows) for _ in range(nights)]
    table = pa.table({name: np.concatenate([n[name] for n in found]) for name in found[0]})
    keys = np.repeat([f"{index:04d}" for index in range(nights)], rows)
    scores = np.where(keys >= f"{nights - holdout:04d}", table["score"].to_numpy(), np.nan)
    return build(spec, table, keys, scores, np.full(len(keys), np.nan))


def columns(values):
    return {name: pa.array(value) for name, value in values.items()}


@pytest.fixture
def watched(change, spec):
    def make(rate=0.01, **drift):
        return change(spec, drift={"features": FEATURES, "false_alarms": {"once_per_nights": 1 / rate}, **drift})

    return make


@pytest.fixture(scope="module")
def references():
    """Profiles made of different quiet nights, with the generator that goes on making more of them."""
    found = {}

    def make(spec, count):
        for seed in range(len(found), count):
            rng = np.random.default_rng(seed)
            found[seed] = reference(spec, rng, rows=150), rng
        return [found[seed] for seed in range(count)]

    return make


def values_of(profile, columns, rows):
    return NightValues("2024-06-01", rows, profile.count(columns), profile.moments(columns))


def measured(spec, profile, columns, rows):
    """The verdict on a night given by its values."""
    return measure(spec, profile, values_of(profile, columns, rows))


def alarm_rate(spec, references, rows, nights=40, **shift):
    """Share of nights, each after none, in which any feature passes its line."""
    alarms = 0
    for profile, rng in references:
        prepared = DriftReference.of(spec, profile)
        for _ in range(nights):
            alarms += prepared.measure(values_of(profile, columns(night(rng, rows, **shift)), rows)).drifted
    return alarms / (len(references) * nights)


def test_a_night_by_itself_takes_a_part_of_what_is_promised(watched, references):
    """The rest is for several nights together: tests/unit/monitoring/test_drift_of_several_nights.py."""
    seen = alarm_rate(watched(0.1), references(watched(), 10), rows=150)
    assert 0.005 <= seen <= 0.1


@pytest.mark.parametrize("rows", [5, 40, 1000])
def test_nights_of_other_sizes_do_not_alarm_more_often(watched, references, rows):
    assert alarm_rate(watched(0.1), references(watched(), 5), rows, nights=30) <= 0.1


def test_a_real_shift_is_caught(watched, references):
    assert alarm_rate(watched(), references(watched(), 5), rows=150, nights=8, shift=1.0) >= 0.9


def test_the_shifted_feature_is_named_first(watched):
    rng = np.random.default_rng(3)
    drift = measured(watched(), reference(watched(), rng), columns(night(rng, 300, shift=2)), 300)
    assert drift.drifted
    assert drift.worst == drift.features[0].feature == "amount"
    assert drift.ratio == drift.features[0].ratio == pytest.approx(drift.statistic / drift.threshold)


@pytest.mark.parametrize("value", [None, 1e6, -1e6])
def test_a_feature_that_is_all_null_or_out_of_range_alarms(watched, value):
    rng = np.random.default_rng(4)
    values = columns(night(rng, 300)) | {"weight": pa.array([value] * 300, pa.float64())}
    drift = measured(watched(), reference(watched(), rng), values, 300)
    assert drift.worst == "weight"
    assert drift.drifted


def test_a_feature_that_never_changed_alarms_when_it_does(watched, spec):
    spec = watched(features=["items"], score=False)
    table = pa.table({"items": np.ones(600, np.int16)})
    profile = build(spec, table, np.repeat([f"{i:02d}" for i in range(20)], 30), np.full(600, np.nan), np.ones(600))
    assert not measured(spec, profile, {"items": pa.array([1] * 30)}, 30).drifted
    assert measured(spec, profile, {"items": pa.array([2] * 30)}, 30).drifted


def test_unseen_categories_have_a_bin_of_their_own(watched):
    rng = np.random.default_rng(5)
    values = columns(night(rng, 300)) | {"kind": pa.array(["unseen"] * 300)}
    drift = measured(watched(), reference(watched(), rng), values, 300)
    kind = next(f for f in drift.features if f.feature == "kind")
    assert kind.drifted
    assert kind.counts[-2:] == [300, 0]


def test_the_same_night_gives_the_same_numbers(watched):
    values = columns(night(np.random.default_rng(6), 300))
    profile = reference(watched(), np.random.default_rng(7))
    assert measured(watched(), profile, values, 300) == measured(watched(), profile, values, 300)


def test_few_reference_nights_are_shown_but_never_alarm(watched):
    rng = np.random.default_rng(8)
    profile = reference(watched(), rng, nights=9, holdout=3)
    drift = measured(watched(), profile, columns(night(rng, 300, shift=9)), 300)
    assert not drift.drifted
    assert drift.ratio == drift.threshold == 0
    assert not any(f.calibrated for f in drift.features)
    assert all(f.distance > 0 for f in drift.features if f.feature == "amount")


def test_a_short_holdout_leaves_the_features_their_whole_rate(watched):
    spec = watched()
    short = reference(spec, np.random.default_rng(9), holdout=3)
    without = short.model_copy(update={"features": short.features[:-1]})
    assert thresholds(short, 0.01) == thresholds(without, 0.01)
    assert "score" not in thresholds(short, 0.01)


def test_nothing_watched_is_a_quiet_night(watched):
    spec = watched(features=[], score=False)
    profile = reference(spec, np.random.default_rng(10))
    drift = measured(spec, profile, {}, 300)
    assert (drift.drifted, drift.worst, drift.features) == (False, "", [])


def test_the_limit_holds_for_exponential_values():
    rng = np.random.default_rng(11)
    missed = [rng.exponential() > prediction_limit(rng.exponential(size=80), 0.01) for _ in range(8_000)]
    assert np.mean(missed) == pytest.approx(0.01, abs=0.004)


@given(st.lists(st.floats(-5, 50, width=32), min_size=10, max_size=200), st.floats(0.001, 0.5))
@settings(deadline=None)
def test_the_limit_grows_with_the_promise(values, rate):
    values = np.array(values)
    assert prediction_limit(values, rate / 2) >= prediction_limit(values, rate) - 1e-6


def test_another_statistic_is_a_matter_of_its_functions_alone(watched, monkeypatch):
    """Total variation in place of Jensen-Shannon: nothing but ``profiles.distance`` knows which one it is."""

    def total_variation(left, right):
        with np.errstate(invalid="ignore"):
            p, q = (np.asarray(counts, float) / np.sum(counts, axis=-1, keepdims=True) for counts in (left, right))
        return np.abs(p - q).sum(axis=-1) / 2

    monkeypatch.setattr(distance, "between", total_variation)
    rng = np.random.default_rng(12)
    profile = reference(watched(), rng)
    prepared = DriftReference.of(watched(), profile)
    nights = [values_of(profile, columns(night(rng, 300)), 300) for _ in range(20)]
    quiet = [prepared.measure(one).drifted for one in nights]
    assert sum(quiet) <= 2
    assert measured(watched(), profile, columns(night(rng, 300, shift=2)), 300).worst == "amount"

import json

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nightshift.errors import ModelError, UnreadableRecord
from nightshift.modelling.forecaster import forecast
from nightshift.modelling.night_skill import outcome_of
from nightshift.profiles.bins import Bins, as_floats
from nightshift.profiles.moments import moments_of
from nightshift.profiles.profile import Profile, build

NIGHTS = [f"2024-01-{day:02d}" for day in range(1, 13)]


def window(rows=50, seed=0):
    rng = np.random.default_rng(seed)
    size = rows * len(NIGHTS)
    table = pa.table({
        "kind": pa.array(rng.choice(["book", "shoe", None], size, p=[0.6, 0.3, 0.1])),
        "amount": pa.array(np.where(rng.random(size) < 0.1, np.nan, rng.gamma(2, 40, size)), pa.float32()),
        "items": pa.array(rng.integers(1, 4, size), pa.int16()),
    })
    nights = np.repeat(NIGHTS, rows)
    scores = np.where(nights >= NIGHTS[-5], rng.random(size), np.nan)
    labels = np.where(rng.random(size) < 0.05, np.nan, rng.random(size) < 0.3)
    return table, nights, scores, labels


@given(st.lists(st.none() | st.floats(width=32), max_size=60))
@settings(deadline=None)
def test_every_number_is_counted_once(values):
    bins = Bins(kind="numeric", edges=(-1.0, 0.0, 2.5))
    counts = bins.count(pa.array(values, pa.float32()))
    assert counts.sum() == len(values)
    assert len(counts) == bins.size == 5
    assert counts[-1] == sum(value is None or np.isnan(value) for value in values)


@given(st.lists(st.none() | st.text(max_size=3), max_size=60))
@settings(deadline=None)
def test_every_string_is_counted_once(values):
    bins = Bins(kind="category", categories=("a", "b"))
    counts = bins.count(pa.array(values, pa.string()))
    others = sum(value not in {"a", "b", None} for value in values)
    assert counts.tolist() == [values.count("a"), values.count("b"), others, values.count(None)]


EDGES = st.lists(st.floats(-1e6, 1e6), unique=True, max_size=8).map(sorted)
NUMBERS = {
    pa.float32(): st.floats(width=32),
    pa.float64(): st.floats(),
    pa.int16(): st.integers(-(2**15), 2**15 - 1),
    pa.int64(): st.integers(-(2**50), 2**50),
    pa.bool_(): st.booleans(),
}


@given(st.data(), st.sampled_from(list(NUMBERS)), EDGES)
@settings(deadline=None)
def test_counting_by_edges_is_counting_codes(data, kind, edges):
    """The fast way in the scoring pass and the way the reference was made agree, on the edges too."""
    near = st.sampled_from([float(np.float32(edge)) for edge in edges] or [0.0])
    values = st.none() | NUMBERS[kind] | (near if pa.types.is_floating(kind) else st.nothing())
    array = pa.array(data.draw(st.lists(values, max_size=40)), kind)
    bins = Bins(kind="numeric", edges=edges)
    expected = np.bincount(bins.codes(array), minlength=bins.size)
    assert bins.count(array).tolist() == expected.tolist()
    assert bins.count(pa.chunked_array([array[:7], array[7:]])).tolist() == expected.tolist()


@given(st.lists(st.none() | st.sampled_from(["a", "b", "c", ""])), st.integers(0, 5))
@settings(deadline=None)
def test_dictionaries_are_counted_like_strings(values, cut):
    bins = Bins(kind="category", categories=("a", "b"))
    plain = pa.array(values, pa.string())[cut:]
    assert bins.count(plain.dictionary_encode()).tolist() == bins.count(plain).tolist()
    assert bins.count(pa.array(values, pa.string()).dictionary_encode()[cut:]).tolist() == bins.count(plain).tolist()


def test_a_profile_counts_every_row_of_the_window(spec):
    table, nights, scores, labels = window()
    profile = build(spec, table, nights, scores, labels)
    assert profile.nights == tuple(NIGHTS)
    assert profile.rows == (50,) * 12
    assert [feature.name for feature in profile.features] == ["kind", "amount", "items", "score"]
    assert [sum(feature.counts) for feature in profile.features] == [600, 600, 600, 250]


def test_a_profile_keeps_each_night(spec):
    table, nights, scores, labels = window()
    profile = build(spec, table, nights, scores, labels)
    assert profile.keeps_nights
    for feature in profile.features:
        assert tuple(np.sum(feature.night_counts, axis=0)) == feature.counts
    kind, amount, _, score = profile.features
    assert kind.moments == ()
    own = table["amount"].to_numpy()[nights == NIGHTS[3]]
    known = own[np.isfinite(own)].astype(float)
    assert amount.moments[3] == (known.size, pytest.approx(known.mean()), known.min(), known.max())
    assert score.moments[0] is None


def test_more_categories_than_bins_are_told_from_those_never_seen(change, spec):
    """Both were *other*: a new value on 30 % of the rows raised nothing."""
    rng = np.random.default_rng(4)
    texts = np.array([f"v{place}" for place in range(400)])
    values = texts[np.minimum(rng.geometric(0.02, 1200), 399)]
    values[:30] = "only on the first night"
    table = pa.table({"kind": pa.chunked_array([values[:700], values[700:]])})
    spec = change(spec, drift={"features": ["kind"], "score": False})
    nights = np.repeat([f"2024-02-{day:02d}" for day in range(1, 25)], 50)
    profile = build(spec, table, nights, np.full(1200, np.nan), np.full(1200, np.nan))
    (feature,) = profile.features
    rare = next(text for text in values[600:] if text not in feature.bins.categories)
    counts = feature.bins.count(pa.chunked_array([["v5", rare], ["never", None, "never"]]))
    assert counts[-3:].tolist() == [1, 2, 1]
    assert Profile.from_json(profile.to_json(), "here") == profile
    # A night of the reference does not know what only its neighbours have.
    seen_once = [text for text in set(values) if text not in feature.bins.categories and (values == text).sum() == 1]
    assert sum(night[-2] for night in feature.night_counts) >= len(seen_once)


@given(st.lists(st.floats(), max_size=40), st.integers(0, 40))
@settings(deadline=None)
def test_moments_of_parts_are_those_of_the_whole(values, cut):
    parts = [moments_of(pa.array(part, pa.float64())) for part in (values[:cut], values[cut:])]
    known = [part for part in parts if part]
    whole = moments_of(pa.array(values, pa.float64()))
    if not known:
        assert whole is None
        return
    merged = known[0].plus(known[1]) if len(known) == 2 else known[0]
    assert (merged.rows, merged.low, merged.high) == (whole.rows, whole.low, whole.high)
    assert whole.low <= merged.mean <= whole.high


def test_a_night_of_one_value_has_it_as_its_mean_to_the_last_digit():
    parts = [moments_of(pa.array([0.1] * rows)) for rows in (3, 7, 11)]
    assert parts[0].plus(parts[1]).plus(parts[2]) == (21, 0.1, 0.1, 0.1)


def test_the_score_is_known_on_the_holdout_nights_only(spec):
    score = build(spec, *window()).features[-1]
    assert [d is None for d in score.distances] == [True] * 7 + [False] * 5


def test_the_holdout_losses_are_those_of_labelled_rows(spec):
    table, nights, scores, labels = window()
    holdout = build(spec, table, nights, scores, labels).holdout
    assert [night.night for night in holdout] == NIGHTS[-5:]
    mine = (nights == NIGHTS[-1]) & np.isfinite(labels)
    losses = -np.log(np.where(labels[mine] == 1, scores[mine], 1 - scores[mine]))
    assert holdout[-1].rows == mine.sum()
    assert holdout[-1].loss == pytest.approx(losses.mean())
    assert holdout[-1].variance == pytest.approx(losses.var())


def test_each_value_of_a_column_with_few_has_its_bin(spec):
    items = build(spec, *window()).features[2]
    assert sum(count > 0 for count in items.counts) == 3


@pytest.mark.parametrize("share", [0.05, 0.5, 0.97])
def test_a_value_that_many_rows_share_stands_alone(change, spec, share):
    rng = np.random.default_rng(1)
    rain = np.where(rng.random(1200) < share, 0.0, rng.gamma(1, 1, 1200))
    table = pa.table({"amount": rain})
    spec = change(spec, drift={"features": ["amount"], "score": False})
    bins = build(spec, table, np.repeat(NIGHTS, 100), np.full(1200, np.nan), np.full(1200, np.nan)).features[0].bins
    zero, drop = bins.codes(pa.array([0.0])), bins.codes(pa.array([np.quantile(rain[rain > 0], 0.9)]))
    assert zero != drop


def test_booleans_nulls_alone_and_values_out_of_range(change, spec):
    table, nights, scores, labels = window()
    table = table.append_column("express", pa.array(np.arange(600) % 10 == 0))
    table = table.append_column("weight", pa.nulls(600, pa.float64()))
    spec = change(spec, drift={"features": ["express", "weight", "amount"]})
    express, weight, amount, _ = build(spec, table, nights, scores, labels).features
    assert sorted(count for count in express.counts if count) == [60, 540]
    assert weight.counts == (0, 600)
    assert amount.counts[0] == amount.counts[-2] == 0
    assert amount.bins.codes(pa.array([-1e9, 1e9])).tolist() == [0, amount.bins.size - 2]


def test_json_brings_back_the_same_profile(spec):
    profile = build(spec, *window())
    assert Profile.from_json(profile.to_json(), "here") == profile
    assert build(spec, *window()).to_json() == profile.to_json()


@pytest.mark.parametrize(("key", "value"), [("format", 4), ("nights", None), ("surprise", 1)])
def test_a_profile_of_another_format_is_named(spec, key, value):
    content = json.loads(build(spec, *window()).to_json()) | {key: value}
    with pytest.raises(UnreadableRecord, match=f"format 3: {key}: (.|\n)*train the model again") as caught:
        Profile.from_json(json.dumps(content).encode(), "here")
    assert caught.value.fix


@pytest.mark.parametrize("body", [b"", b"not json", b"[]"])
def test_what_is_no_profile_is_named(body):
    with pytest.raises(UnreadableRecord, match="here is not a profile this version reads, format 3: "):
        Profile.from_json(body, "here")


def test_no_rows_make_no_profile(spec):
    with pytest.raises(ModelError, match="no rows"):
        build(spec, window()[0].slice(0, 0), [], np.array([]), np.array([]))


def test_a_profile_of_format_1_is_read(spec):
    """Champions trained before there were other losses keep their alarms."""
    profile = build(spec, *window())
    content = json.loads(profile.to_json()) | {"format": 1}
    del content["loss"], content["check"]
    for night in content["holdout"]:
        night["log_loss"] = night.pop("loss")
    found = Profile.from_json(json.dumps(content).encode(), "here")
    assert found.loss == "log_loss"
    assert found.holdout == profile.holdout
    assert found.features == profile.features


def test_the_predicted_class_is_watched_as_a_category(of_kind):
    spec = of_kind("multiclass")
    table, nights, known, _ = window()
    rng = np.random.default_rng(2)
    scores = np.where(np.isnan(known)[:, None], np.nan, rng.dirichlet([1, 1, 8], len(nights)))
    labels = np.where(rng.random(len(nights)) < 0.05, np.nan, rng.integers(0, 3, len(nights)))
    profile = build(spec, table, nights, scores, labels)
    watched = profile.features[-1]
    assert (watched.name, watched.bins.kind) == ("prediction", "category")
    assert watched.bins.categories[0] == "late"
    assert sum(watched.counts) == 250
    mine = (nights == NIGHTS[-1]) & np.isfinite(labels)
    losses = -np.log(scores[mine, labels[mine].astype(int)])
    assert profile.loss == "log_loss"
    assert profile.holdout[-1].loss == pytest.approx(losses.mean())
    assert Profile.from_json(profile.to_json(), "here") == profile


def test_the_predicted_number_is_watched_and_losses_are_squared_units(of_kind):
    spec = of_kind("regression")
    table, nights, known, _ = window()
    scores, labels = 100 + 10 * known, 100 + 10 * np.random.default_rng(3).random(len(nights))
    profile = build(spec, table, nights, scores, labels)
    watched = profile.features[-1]
    assert (watched.name, watched.bins.kind, profile.loss) == ("prediction", "numeric", "squared_error")
    mine = nights == NIGHTS[-1]
    assert profile.holdout[-1].loss == pytest.approx(np.mean((labels - scores)[mine] ** 2))
    assert profile.holdout[-1].variance == pytest.approx(np.var((labels - scores)[mine] ** 2))


@pytest.mark.parametrize(
    ("kind", "numbers"), [(pa.date32(), [0.0, 19000.0, np.nan]), (pa.decimal128(38, 2), [0.0, 12.34, np.nan])]
)
def test_dates_and_decimals_are_counted_as_numbers(kind, numbers):
    plain = pa.array([0, 19000, None], pa.int32()) if pa.types.is_date(kind) else pa.array([0, 12.34, None])
    values = plain.cast(kind)
    np.testing.assert_array_equal(as_floats(values), numbers)
    bins = Bins(kind="numeric", edges=(1.0, 12.34, 19000.0))
    assert bins.count(values).tolist() == np.bincount(bins.codes(values), minlength=bins.size).tolist()
    assert bins.count(values).tolist() == bins.count(pa.array(numbers)).tolist()


def test_judged_nights_are_held_against_what_the_window_knew_before_them(spec):
    table, nights, scores, labels = window()
    judged = build(spec, table, nights, scores, labels).holdout[-1]
    known = {}
    for night in NIGHTS:
        rows = (nights == night) & np.isfinite(labels)
        known[night] = outcome_of(spec, labels[rows])
    assert judged.skill.forecast == forecast(spec, judged.night, known)
    assert judged.skill.outcome == known[judged.night].mean
    assert judged.skill.skill < 0
    assert judged.skill.rank == pytest.approx(0.5, abs=0.25)


def test_a_night_before_which_nothing_was_known_has_no_skill(spec):
    table, nights, scores, labels = window()
    judged = np.isfinite(scores)
    holdout = build(spec, table.filter(pa.array(judged)), nights[judged], scores[judged], labels[judged]).holdout
    assert [night.skill is None for night in holdout] == [True, False, False, False, False]

"""What carries the scores: told of a night beside the nights that the version learnt from."""

import numpy as np
import pyarrow as pa
import pytest

from nightshift.monitoring.matters import attribution
from nightshift.monitoring.matters.attribution import AttributionReference, attributions
from nightshift.monitoring.matters.limits import FEWEST_NIGHTS
from nightshift.scoring.feeds import Matrix

FEATURES = ("heavy", "light", "unused")


class Line:
    """A graph whose score is three times one feature and another; the third adds nothing."""

    features = FEATURES
    feeds = Matrix(numbers=FEATURES)

    def fed(self, rows):
        return self.feeds(rows)

    def run(self, inputs, rows):
        numbers = inputs["numbers"]
        return 3 * numbers[:, 0] + numbers[:, 1]


def some_rows(random, number, **shifts):
    columns = {name: random.normal(size=number) + random.normal(0, 0.1) for name in FEATURES}
    for name, shift in shifts.items():
        columns[name] = columns[name] * shift
    return pa.table({name: values.astype(np.float32) for name, values in columns.items()})


@pytest.fixture(scope="module")
def known():
    """A reference of 60 nights of 80 rows, and its background."""
    random = np.random.default_rng(11)
    nights = [some_rows(random, 80) for _ in range(60)]
    background = some_rows(random, 100)
    window = pa.concat_tables(nights)
    return attribution.reference_of(Line(), window, np.repeat(np.arange(60), 80), background), background


def told(known, rows):
    reference, background = known
    return attributions(reference, Line(), rows, background)


def test_a_quiet_night_is_within_its_limits_and_each_feature_says_what_it_carried(known):
    quiet = told(known, some_rows(np.random.default_rng(5), 80))
    assert (quiet.above, quiet.rows) == (False, 80)
    by_name = {one.feature: one for one in quiet.features}
    # Beside a normal background a normal row's feature is away by its slope times sqrt(2 / pi) at least.
    assert by_name["heavy"].carried == pytest.approx(3 * by_name["light"].carried, rel=0.25)
    assert by_name["unused"].carried == 0
    for one in quiet.features:
        assert one.low <= one.carried <= one.high
        assert one.low <= one.usual <= one.high


@pytest.mark.parametrize(("name", "times"), [("light", 3.0), ("heavy", 0.0)])
def test_a_feature_that_carries_more_or_falls_silent_is_first_and_above_the_limit(known, name, times):
    strange = told(known, some_rows(np.random.default_rng(6), 80, **{name: times}))
    assert strange.above
    first = strange.features[0]
    assert first.feature == name
    assert first.departure > strange.limit
    assert not first.low <= first.carried <= first.high


def test_the_same_rows_always_say_the_same(known):
    rows = some_rows(np.random.default_rng(7), 200)
    assert told(known, rows) == told(known, rows)


def test_a_night_of_fewer_rows_gets_wider_limits(known):
    rows = some_rows(np.random.default_rng(8), 80)
    wide = {one.feature: one.high - one.low for one in told(known, rows.slice(0, 25)).features}
    fine = {one.feature: one.high - one.low for one in told(known, rows).features}
    assert wide["light"] > 1.3 * fine["light"]


def test_hardly_any_rows_or_nights_say_nothing_and_few_nights_give_no_limit(known):
    reference, background = known
    rows = some_rows(np.random.default_rng(9), 80)
    assert told(known, rows.slice(0, attribution.FEWEST_ROWS - 1)) is None
    assert attributions(few(reference, 1), Line(), rows, background) is None
    some = attributions(few(reference, FEWEST_NIGHTS), Line(), rows, background)
    assert (some.limit, some.above, some.features[0].low) == (None, None, None)


def few(reference, nights):
    kept = {"nights": reference.nights[:nights], "rows": reference.rows[:nights], "carried": reference.carried[:nights]}
    return AttributionReference(**reference.model_dump() | kept)

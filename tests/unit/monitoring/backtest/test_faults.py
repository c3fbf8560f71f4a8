import numpy as np
import pyarrow as pa
import pytest

from nightshift.monitoring.backtest.faults import FAULTS, CountedNight
from nightshift.profiles.bins import Bins, bins_of
from nightshift.profiles.moments import Moments, moments_of

ROWS = 1000
RNG = np.random.default_rng(1)
NUMBERS = pa.array(RNG.normal(50, 10, ROWS))
TEXTS = pa.array(RNG.choice(["a", "b", "c"], ROWS, p=[0.6, 0.3, 0.1]))
NIGHT = np.arange(ROWS) % 10


def counted(values):
    bins = bins_of(values, NIGHT, 10)
    counts = bins.count(values)
    return CountedNight(bins, counts, counts * 10, moments_of(values))


def spoilt(fault, values):
    """A night, and its counts with a fault."""
    night = counted(values)
    faulty = FAULTS[fault](night, np.random.default_rng(2))
    return night, faulty and faulty.counts


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("values", [NUMBERS, TEXTS], ids=["numbers", "texts"])
def test_a_fault_loses_no_row_and_changes_the_night(fault, values):
    night, counts = spoilt(fault, values)
    if counts is not None:
        assert counts.sum() == ROWS
        assert (counts >= 0).all()
        assert counts.tolist() != night.counts.tolist()


@pytest.mark.parametrize("fault", FAULTS)
def test_the_same_seed_gives_the_same_fault(fault):
    again = [spoilt(fault, NUMBERS)[1], spoilt(fault, NUMBERS)[1]]
    assert np.array_equal(again[0], again[1])


def test_a_stuck_sensor_says_the_middle_value():
    night, counts = spoilt("stuck at one value", NUMBERS)
    assert np.count_nonzero(counts) == 1
    middle = int(np.argmax(counts))
    assert night.counts[:middle].sum() < ROWS / 2 <= night.counts[: middle + 1].sum()


def test_another_unit_is_what_it_makes_of_the_values():
    night, counts = spoilt("x 1.8 + 32", NUMBERS)
    truth = night.bins.count(pa.array(1.8 * np.asarray(NUMBERS) + 32))
    assert np.abs(counts - truth).sum() < 0.1 * ROWS


def test_a_shift_is_a_quarter_of_the_spread():
    night, counts = spoilt("+0.25 sd", NUMBERS)
    truth = night.bins.count(pa.array(np.asarray(NUMBERS) + 2.5))
    assert np.abs(counts - truth).sum() < 0.15 * ROWS


def test_the_greatest_category_vanishes_and_its_rows_are_those_of_others():
    night, counts = spoilt("a category vanished", TEXTS)
    assert night.bins.categories[0] == "a"
    assert counts[0] == 0


def test_a_value_never_seen_is_none_of_the_categories():
    night, counts = spoilt("a value never seen on 5 %", TEXTS)
    known = len(night.bins.categories)
    assert 20 < counts[known:-1].sum() < 90


@pytest.mark.parametrize("fault", ["x 1.8 + 32", "+0.25 sd"])
def test_texts_have_no_unit(fault):
    assert spoilt(fault, TEXTS)[1] is None


@pytest.mark.parametrize("fault", ["a category vanished", "a value never seen on 5 %"])
def test_numbers_have_no_category(fault):
    assert spoilt(fault, NUMBERS)[1] is None


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("bins", [Bins(kind="numeric"), Bins(kind="category"), Bins(kind="numeric", edges=(1.0,))])
def test_a_night_without_values_has_no_fault_that_breaks(fault, bins):
    empty = CountedNight(bins, np.zeros(bins.size, np.int64), np.zeros(bins.size, np.int64))
    assert FAULTS[fault](empty, np.random.default_rng(1)) is None


def test_a_night_of_millions_of_rows_is_as_quick_and_whole():
    night = counted(NUMBERS)
    large = CountedNight(night.bins, night.counts * 10_000, night.reference)
    assert FAULTS["+0.25 sd"](large, np.random.default_rng(1)).counts.sum() == ROWS * 10_000


def test_moments_are_those_of_the_faulty_values():
    night = counted(NUMBERS)
    unit = FAULTS["x 1.8 + 32"](night, RNG).moments
    assert unit.mean == pytest.approx(1.8 * night.moments.mean + 32)
    assert FAULTS["stuck at one value"](night, RNG).moments.is_constant
    assert FAULTS["30 % null"](night, RNG).moments.rows < ROWS


def test_what_says_one_thing_a_night_repeats_that_of_the_night_before():
    bins = bins_of(pa.array(np.arange(100.0)), np.arange(100), 10)
    before = bins.count(pa.array([93.0] * 40))
    counts = bins.count(pa.array([7.0] * 50 + [None] * 5))
    yesterday = CountedNight(bins, before, counts, Moments(40, 93.0, 93.0, 93.0))
    night = CountedNight(bins, counts, counts, Moments(50, 7.0, 7.0, 7.0), is_series=True, before=yesterday)
    faulty = FAULTS["the value of the night before, again"](night, RNG)
    assert faulty.moments == (55, 93.0, 93.0, 93.0)
    assert faulty.counts.tolist() == bins.count(pa.array([93.0] * 55)).tolist()
    assert FAULTS["stuck at one value"](night, RNG) is None
